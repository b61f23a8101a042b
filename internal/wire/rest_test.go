package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestErrorsSayClassAndCause(t *testing.T) {
	for _, test := range []struct {
		err  error
		text string
	}{
		{errStructBounds, "malformed message: struct pointer out of bounds"},
		{errNoNUL, "message does not fit the schema: text without a final NUL"},
		{errDepth, "message exceeds a read limit: nested too deeply or in a cycle"},
		{errStale, "message is already sealed: builder used after its message was sealed"},
		{errBuildSize, "message too large: size limit of the builder reached"},
		{Class(99), "bad message"},
	} {
		if test.err.Error() != test.text {
			t.Errorf("got %q, want %q", test.err, test.text)
		}
	}
}

func TestFirstDefectStays(t *testing.T) {
	m := NewMessage([][]byte{words(structWord(0, 0, 2), structWord(99, 1, 0), 0xf)}, Limits{})
	s := m.Root().Struct()
	s.Struct(0)
	s.Ptr(1).Kind()
	s.Text(1)
	if m.Err() != errStructBounds {
		t.Errorf("error is %v", m.Err())
	}
}

func TestSegmentsAreWhatWasGiven(t *testing.T) {
	m := NewMessage([][]byte{words(1), {}, words(2, 3)}, Limits{})
	m.SetCaps(sameCaps{})
	segs := m.Segments()
	if m.NumSegments() != 3 || len(segs) != 3 || len(segs[1]) != 0 || string(segs[2]) != string(words(2, 3)) || m.Caps() != (sameCaps{}) {
		t.Errorf("segments %x", segs)
	}
	// Memory at odd addresses is copied, so that elements are aligned.
	odd := append([]byte{0}, words(listWord(0, elemEight, 1), 42)...)[1:]
	m = NewMessage([][]byte{odd}, Limits{})
	if got := At[uint64](m.Root().List(Kind64), 0); got != 42 {
		t.Errorf("element is %d", got)
	}
}

func TestPtrWithCapsKeepsItsPlace(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
	s := mb.Root().NewStruct(Size{0, 2})
	s.Ptr(1).SetText("text")
	m := NewMessage(mb.Segments(), Limits{})
	p := m.Root().Struct().Ptr(1).WithCaps(sameCaps{})
	if text, _ := p.Text(); string(text) != "text" || p.Message().Caps() != (sameCaps{}) || !(Ptr{}).WithCaps(nil).IsNull() {
		t.Errorf("text is %q", text)
	}
}

// Elements of lists that were sent as something larger, through the calls for the whole list and for one element.
func TestScalarsInLargerElements(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{})
	structs := mb.Root().NewStructList(Size{2, 0}, 4)
	l := mb.Root().EditList(Kind32, Ptr{})
	SetScalars(l, []int32{1, 2, 3, -4})
	for i, want := range []int32{1, 2, 3, -4} {
		if got := BuilderAt[int32](l, i); got != want || structs.Struct(i).Uint32(0) != uint32(want) {
			t.Errorf("element %d is %d, want %d", i, got, want)
		}
	}
	got := make([]int32, 4)
	if CopyScalars(got, l.Reader()); fmt.Sprint(got) != "[1 2 3 -4]" {
		t.Errorf("copied %v", got)
	}
	CopyScalars([]int32{}, l.Reader())
	SetScalars(l, []int32{})
	for _, k := range []Kind{Kind8, Kind16, Kind64} {
		l := mb.Root().EditList(k, Ptr{})
		switch k {
		case Kind8:
			SetAt(l, 1, int8(-1))
			if BuilderAt[int8](l, 1) != -1 || l.Fast() != true {
				t.Error("int8 differs")
			}
		case Kind16:
			SetAt(l, 1, uint16(700))
			if BuilderAt[uint16](l, 1) != 700 {
				t.Error("uint16 differs")
			}
		case Kind64:
			SetAt(l, 1, 1.5)
			if BuilderAt[float64](l, 1) != 1.5 || BuilderAt[StructBuilder](structs, 1).Uint64(0) != structs.Struct(1).Uint64(0) {
				t.Error("float64 differs")
			}
		}
	}
	if p := mb.Root().EditList(KindVoid, Ptr{}).Ptr(0); !p.IsNull() || p.ready() {
		t.Error("a struct without pointers has one")
	}
	if l := mb.Root().EditList(KindVoid, Ptr{}); l.Bool(0) {
		t.Error("a struct is true")
	}
	if mb.Err() != nil {
		t.Fatal(mb.Err())
	}
	if l := mb.Root().EditList(KindVoid, Ptr{}); true {
		l.SetBool(0, true)
		if mb.Err() != errPastEnd {
			t.Errorf("a struct as a bool: %v", mb.Err())
		}
	}
	if !List(l.Reader()).Fast() || l.Reader().Message() == nil || !Kind64.fast() {
		t.Error("scalars are not fast")
	}
}

// The words that big-endian machines swap.
func TestSwapped(t *testing.T) {
	m := NewMessage([][]byte{words(listWord(0, elemEight, 1), 0x0807060504030201)}, Limits{})
	p := m.Root().List(Kind64).at(0)
	if swapped[uint8](p) != 1 || swapped[int16](p) != 0x0201 || swapped[uint32](p) != 0x04030201 || swapped[uint64](p) != 0x0807060504030201 {
		t.Error("swapped reads something else")
	}
}

// Far pointers of one message are no way into a builder, whose own can only go astray by a bug.
func TestBuilderSurvivesItsOwnBadPointers(t *testing.T) {
	for name, w := range map[string]uint64{
		"struct past the end":         structWord(100, 1, 1),
		"list past the end":           listWord(100, elemEight, 1),
		"composite past the end":      listWord(100, elemComposite, 1),
		"list of pointers":            listWord(100, elemPointer, 5),
		"far past the end":            farWord(false, 1000, 0),
		"far to nowhere":              farWord(false, 0, 7),
		"double far past the end":     farWord(true, 1000, 0),
		"double far to nowhere":       farWord(true, 2, 0),
		"other":                       1<<2 | kindOtherPtr,
		"list before the start":       listWord(-9, elemByte, 8),
		"bytes past the end":          listWord(100, elemByte, 3),
		"struct before the start":     structWord(-9, 2, 2),
		"composite before the start":  listWord(-9, elemComposite, 2),
		"largest composite":           listWord(0, elemComposite, big),
		"largest list of pointers":    listWord(0, elemPointer, big),
		"largest struct":              structWord(0, 65535, 65535),
		"far to another kind":         farWord(false, 1, 0),
		"empty list outside":          listWord(farAway, elemEight, 0),
		"composite list, empty words": listWord(0, elemComposite, 0),
	} {
		for op, f := range map[string]func(p PtrBuilder){
			"Clear":          func(p PtrBuilder) { p.Clear() },
			"EditStruct":     func(p PtrBuilder) { p.EditStruct(Size{1, 1}, Ptr{}).SetUint64(0, 1) },
			"EditList":       func(p PtrBuilder) { p.EditList(Kind64, Ptr{}) },
			"EditStructList": func(p PtrBuilder) { p.EditStructList(Size{1, 1}, Ptr{}) },
			"Text":           func(p PtrBuilder) { p.Text() },
			"Bytes":          func(p PtrBuilder) { p.Bytes() },
			"Reader":         func(p PtrBuilder) { readTree(p.Reader()) },
			"Set":            func(p PtrBuilder) { p.Set(p.Reader()) },
			"SetText":        func(p PtrBuilder) { p.SetText("x") },
			"move":           func(p PtrBuilder) { p.Message().Root().EditStruct(Size{9, 9}, Ptr{}) },
		} {
			mb := NewMessageBuilder(BuilderOptions{FirstWords: 20, GrowWords: 5})
			s := mb.Root().NewStruct(Size{1, 3})
			s.SetUint64(0, farWord(false, 40, 9))
			p := s.Ptr(1)
			store64(p.seg.at(p.slot()), w)
			func() {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("%s, %s: panic %v", name, op, r)
					}
				}()
				f(p)
				readTree(mb.Root().Reader())
				NewMessage(mb.Segments(), Limits{}).Verify()
			}()
		}
	}
}

func TestEqualListsOfDifferentElements(t *testing.T) {
	list := func(segs ...uint64) Ptr { return NewMessage([][]byte{words(segs...)}, Limits{}).Root() }
	for _, test := range []struct {
		name string
		a, b Ptr
		want Equality
	}{
		{"empty lists of different elements", list(listWord(0, elemByte, 0)), list(listWord(0, elemEight, 0)), IsEqual},
		{"different lengths", list(listWord(0, elemByte, 1), 0), list(listWord(0, elemByte, 2), 0), NotEqual},
		{"different element sizes", list(listWord(0, elemByte, 1), 1), list(listWord(0, elemTwo, 1), 1), NotEqual},
		{"bits", list(listWord(0, elemBit, 2), 1), list(listWord(0, elemBit, 2), 3), NotEqual},
		{"bytes", list(listWord(0, elemByte, 2), 1), list(listWord(0, elemByte, 2), 3), NotEqual},
		{"voids", list(listWord(0, elemVoid, 2)), list(listWord(0, elemVoid, 2)), IsEqual},
		{"pointers", list(listWord(0, elemPointer, 1), emptyStruct), list(listWord(0, elemPointer, 1), 0), NotEqual},
		{"structs of different sizes", list(listWord(0, elemComposite, 1), tagWord(1, 1, 0), 4), list(listWord(0, elemComposite, 2), tagWord(1, 1, 1), 4, 0), IsEqual},
		{"capabilities then a difference", list(listWord(0, elemPointer, 2), capPtr(1), 0), list(listWord(0, elemPointer, 2), capPtr(1), capPtr(2)), NotEqual},
		{"a struct and a list", list(emptyStruct), list(listWord(0, elemByte, 0)), NotEqual},
		{"null and an empty struct", list(0), list(emptyStruct), NotEqual},
	} {
		if got := EqualPtr(test.a, test.b); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// When there is no room for a landing pad beside the object the pad goes elsewhere; when there is none at all, nothing
// half-made stays.
func TestLandingPadsNeedRoom(t *testing.T) {
	for limit := int64(5); limit < 14; limit++ {
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 2, GrowWords: 1, MaxWords: limit})
		root := mb.Root().NewStruct(Size{0, 1})
		orphan := mb.NewOrphan(Size{1, 0})
		orphan.SetUint64(0, 9)
		mb.NewOrphan(Size{1, 0})
		mb.NewOrphan(Size{1, 0})
		root.Ptr(0).PointTo(orphan)
		got := readTree(mb.Root().Reader()).String()
		if want := "{0/1  {1/0 0900000000000000}}"; got != want && (mb.Err() == nil || !errors.Is(mb.Err(), TooLarge)) {
			t.Errorf("limit %d: got %s, %v", limit, got, mb.Err())
		}
		if err := NewMessage(mb.Segments(), Limits{}).Verify(); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestReceive(t *testing.T) {
	for _, n := range []int{0, 8, 16, 64, 72, 128, 136, 256, 264, 512, 520, 1024, 1032, 4096} {
		m, b := Receive(n, Limits{TraversalWords: 1000})
		if len(b) != n || cap(b) != n {
			t.Errorf("%d bytes: length %d, capacity %d", n, len(b), cap(b))
		}
		if n < 16 {
			continue
		}
		copy(b, words(structWord(0, n/8-1, 0), 7)) // after the message was made
		if got := m.Root().Struct(); got.Uint64(0) != 7 || got.DataBytes() != n-8 || m.Err() != nil {
			t.Errorf("%d bytes: %d, %v", n, got.Uint64(0), m.Err())
		}
	}
}

func TestInitBuilder(t *testing.T) {
	for _, words := range []int{0, 1, 5, 6, 50} {
		for _, reserve := range []int{0, 6} {
			var mb MessageBuilder
			mem := make([]byte, words*8+3)
			InitBuilder(&mb, BuilderOptions{Reserve: reserve}, mem)
			want := grow(rand.New(rand.NewPCG(4, 4)), 5)
			want.build(mb.Root())
			if got := readTree(mb.Root().Reader()); got.String() != want.String() || mb.Err() != nil {
				t.Errorf("%d words, reserve %d: got %v, want %v; %v", words, reserve, got, want, mb.Err())
			}
			if used := mem[0] != 0 || words > 5 && mem[5] != 0; used && words < max(reserve, 1) {
				t.Errorf("%d words, reserve %d: memory too small, yet used", words, reserve)
			}
		}
	}
}
