package wire

import (
	"errors"
	"fmt"
	"testing"
)

// farForms are the ways in which a pointer leads to its object.
var farForms = []string{"near", "far", "double far"}

// formed makes a builder in which place can use the form.
func formed(form string) *MessageBuilder {
	switch form {
	case "far":
		return NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
	case "double far":
		return NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 3})
	}
	return NewMessageBuilder(BuilderOptions{})
}

// place builds a struct {1 word, 1 pointer to text} and has the root lead to it in the given form.
func place(t *testing.T, mb *MessageBuilder, form string) StructBuilder {
	t.Helper()
	var s StructBuilder
	if form == "double far" {
		s = mb.NewOrphan(Size{1, 1})
		mb.NewOrphan(Size{1, 0}) // fills the segment, so that there is no room for a landing pad
		mb.Root().PointTo(s)
	} else {
		s = mb.Root().NewStruct(Size{1, 1})
	}
	s.SetUint64(0, 42)
	s.Ptr(0).SetText("text")
	w := mb.Root().word()
	if far := w&3 == kindFarPtr; far != (form != "near") || far && farDouble(w) != (form == "double far") {
		t.Fatalf("%s: the root is %#x", form, w)
	}
	return s
}

func TestEditStructMovesSmallerStructs(t *testing.T) {
	for _, form := range farForms {
		for _, size := range []Size{{0, 0}, {1, 1}, {2, 1}, {1, 2}, {3, 3}, {0, 5}, {5, 0}} {
			name := fmt.Sprint(form, " to ", size)
			mb := formed(form)
			old := place(t, mb, form)
			s := mb.Root().EditStruct(size, Ptr{})
			want := Size{max(size.DataWords, 1), max(size.Pointers, 1)}
			if s.Size() != want {
				t.Errorf("%s: size %v, want %v", name, s.Size(), want)
			}
			if text, _ := s.Ptr(0).Text(); s.Uint64(0) != 42 || string(text) != "text" {
				t.Errorf("%s: %d, %q", name, s.Uint64(0), text)
			}
			if moved := want != (Size{1, 1}); moved && (old.Uint64(0) != 0 || old.HasPtr(0)) || !moved && s != old {
				t.Errorf("%s: the old place holds %d, %v", name, old.Uint64(0), old.HasPtr(0))
			}
			for i := uint32(1); i < uint32(want.DataWords); i++ {
				s.SetUint64(i*8, uint64(i))
			}
			m := NewMessage(mb.Segments(), Limits{})
			if err := errors.Join(m.Verify(), mb.Err()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if text, _ := m.Root().Struct().Text(0); string(text) != "text" {
				t.Errorf("%s: text is %q", name, text)
			}
		}
	}
}

// All kinds of pointers survive the move of the struct they stand in.
func TestEditStructMovesPointers(t *testing.T) {
	for name, o := range arenas {
		mb := NewMessageBuilder(o)
		s := mb.Root().NewStruct(Size{1, 7})
		s.SetUint64(0, 1)
		s.Ptr(0).NewStruct(Size{})
		s.Ptr(1).NewStruct(Size{1, 0}).SetUint64(0, 2)
		s.Ptr(2).SetText("three")
		s.Ptr(3).SetCap(4)
		s.Ptr(4).NewList(KindVoid, 5)
		s.Ptr(5).NewStructList(Size{1, 1}, 2).Struct(1).Ptr(0).SetText("six")
		want := readTree(mb.Root().Reader())
		got := readTree(mb.Root().EditStruct(Size{1, 8}, Ptr{}).Ptr(0).Message().Root().Reader())
		want.size.Pointers++
		want.ptrs = append(want.ptrs, tree{kind: "null"})
		if got.String() != want.String() {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
}

func TestEditStructTakesTheDefault(t *testing.T) {
	def := NewMessage([][]byte{words(structWord(0, 1, 0), 9)}, Limits{}).Root()
	mb := NewMessageBuilder(BuilderOptions{})
	s := mb.Root().EditStruct(Size{2, 1}, def)
	if s.Uint64(0) != 9 || s.Size() != (Size{2, 1}) {
		t.Errorf("%d, %v", s.Uint64(0), s.Size())
	}
	if again := mb.Root().EditStruct(Size{2, 1}, Ptr{}); again != s {
		t.Error("the second time is another struct")
	}
	l := mb.Root().EditList(Kind8, def)
	if !l.IsNull() || !errors.Is(mb.Err(), Mistyped) {
		t.Errorf("a struct as a list: %v, %v", l, mb.Err())
	}
	mb = NewMessageBuilder(BuilderOptions{})
	mb.Root().SetText("not a struct")
	if s := mb.Root().EditStruct(Size{1, 0}, Ptr{}); s.IsNull() || !errors.Is(mb.Err(), Mistyped) {
		t.Errorf("text as a struct: %v, %v", s, mb.Err())
	}
	bad := NewMessage([][]byte{words(structWord(0, 9, 0))}, Limits{}).Root()
	mb = NewMessageBuilder(BuilderOptions{})
	if s := mb.Root().EditStruct(Size{1, 0}, bad); s.Size() != (Size{1, 0}) || mb.Err() != nil {
		t.Errorf("a bad default gives %v, %v", s.Size(), mb.Err())
	}
}

func TestEditStructListMovesSmallerElements(t *testing.T) {
	for _, form := range farForms {
		for _, test := range []struct {
			name string
			make func(p PtrBuilder)
			size Size
			want Size
			data bool // elements are 1, 2, 3
			text bool // and "a", "b", "c"
		}{
			{"composite, more data", func(p PtrBuilder) { structs(p, Size{1, 1}) }, Size{2, 0}, Size{2, 1}, true, true},
			{"composite, more pointers", func(p PtrBuilder) { structs(p, Size{1, 1}) }, Size{1, 3}, Size{1, 3}, true, true},
			{"composite, enough", func(p PtrBuilder) { structs(p, Size{2, 2}) }, Size{1, 1}, Size{2, 2}, true, true},
			{"bytes", func(p PtrBuilder) { SetScalars(p.NewList(Kind8, 3), []uint8{1, 2, 3}) }, Size{1, 1}, Size{1, 1}, true, false},
			{"32 bits", func(p PtrBuilder) { SetScalars(p.NewList(Kind32, 3), []uint32{1, 2, 3}) }, Size{0, 1}, Size{1, 1}, true, false},
			{"64 bits", func(p PtrBuilder) { SetScalars(p.NewList(Kind64, 3), []uint64{1, 2, 3}) }, Size{1, 0}, Size{1, 0}, true, false},
			{"text", func(p PtrBuilder) {
				l := p.NewList(KindText, 3)
				for i := range 3 {
					l.Ptr(i).SetText(string(rune('a' + i)))
				}
			}, Size{1, 1}, Size{1, 1}, false, true},
			{"void", func(p PtrBuilder) { p.NewList(KindVoid, 3) }, Size{1, 1}, Size{1, 1}, false, false},
		} {
			name := form + ", " + test.name
			mb := formed(form)
			test.make(mb.Root())
			l := mb.Root().EditStructList(test.size, Ptr{})
			if l.Len() != 3 || l.Struct(0).Size() != test.want {
				t.Errorf("%s: %d elements of %v, want 3 of %v", name, l.Len(), l.Struct(0).Size(), test.want)
				continue
			}
			m := NewMessage(mb.Segments(), Limits{})
			if err := errors.Join(m.Verify(), mb.Err()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			r := m.Root().List(KindStruct)
			for i := range 3 {
				if test.data && r.Struct(i).Uint8(0) != uint8(i+1) {
					t.Errorf("%s: element %d holds %d", name, i, r.Struct(i).Uint8(0))
				}
				if text, _ := r.Struct(i).Text(0); test.text && string(text) != string(rune('a'+i)) {
					t.Errorf("%s: element %d holds %q", name, i, text)
				}
			}
		}
	}
	mb := NewMessageBuilder(BuilderOptions{})
	mb.Root().NewList(KindBit, 3)
	if l := mb.Root().EditStructList(Size{1, 0}, Ptr{}); !l.IsNull() || mb.Err() != errBitList {
		t.Errorf("bools as structs: %d, %v", l.Len(), mb.Err())
	}
}

func structs(p PtrBuilder, size Size) {
	l := p.NewStructList(size, 3)
	for i := range 3 {
		l.Struct(i).SetUint8(0, uint8(i+1))
		l.Struct(i).Ptr(0).SetText(string(rune('a' + i)))
	}
}

// After Seal and Detach every view made before reads null, writes nothing, and says so in its own header.
func TestStaleViewsDoNothing(t *testing.T) {
	for _, how := range []string{"Seal", "Detach"} {
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 4, GrowWords: 8})
		root := mb.Root()
		s := root.NewStruct(Size{1, 3})
		s.SetUint64(0, 5)
		s.Ptr(0).SetText("text")
		nums := s.Ptr(1).NewList(Kind64, 2)
		bits := s.Ptr(2).NewList(KindBit, 2)
		texts := NewMessageBuilder(BuilderOptions{}).Root().NewList(KindText, 1)
		ptr := s.Ptr(0)
		want := readTree(root.Reader()).String()

		var m *Message
		var next *MessageBuilder
		if how == "Seal" {
			m = mb.Seal()
		} else {
			next = mb.Detach()
			m = next.reader()
		}
		for name, f := range map[string]func(){
			"SetBool":           func() { s.SetBool(0, true) },
			"SetUint8":          func() { s.SetUint8(0, 1) },
			"SetUint16":         func() { s.SetUint16(0, 1) },
			"SetUint32":         func() { s.SetUint32(0, 1) },
			"SetUint64":         func() { s.SetUint64(0, 1) },
			"SetUint64(0)":      func() { s.SetUint64(0, 0) },
			"Copy":              func() { s.Copy(m.Root().Struct()) },
			"SetText":           func() { ptr.SetText("x") },
			"SetBytes":          func() { ptr.SetBytes([]byte("x")) },
			"NewBytes":          func() { ptr.NewBytes(3) },
			"NewStruct":         func() { ptr.NewStruct(Size{1, 1}).SetUint64(0, 1) },
			"NewStruct root":    func() { root.NewStruct(Size{1, 1}).SetUint64(0, 1) },
			"NewStruct Size{}":  func() { root.NewStruct(Size{}) },
			"EditStruct":        func() { root.EditStruct(Size{9, 9}, Ptr{}).SetUint64(0, 1) },
			"NewList":           func() { SetScalars(ptr.NewList(Kind64, 3), []uint64{1, 2, 3}) },
			"NewList of bools":  func() { ptr.NewList(KindBit, 3).SetBool(0, true) },
			"NewList of text":   func() { ptr.NewList(KindText, 3).Ptr(0).SetText("x") },
			"NewStructList":     func() { ptr.NewStructList(Size{1, 1}, 3).Struct(2).SetUint64(0, 1) },
			"EditList":          func() { ptr.EditList(Kind8, Ptr{}) },
			"EditStructList":    func() { ptr.EditStructList(Size{1, 1}, Ptr{}) },
			"Set":               func() { ptr.Set(m.Root()) },
			"SetStruct":         func() { ptr.SetStruct(m.Root().Struct()) },
			"SetList":           func() { ptr.SetList(List{}) },
			"SetCap":            func() { ptr.SetCap(1) },
			"PointTo":           func() { ptr.PointTo(s) },
			"SetScalars":        func() { SetScalars(nums, []uint64{1, 2}) },
			"SetAt":             func() { SetAt(nums, 1, uint64(1)) },
			"SetBool in a list": func() { bits.SetBool(1, true) },
			"NewOrphan":         func() { mb.NewOrphan(Size{1, 1}) },
			"write to its root": func() { mb.Root().SetText("x") },
		} {
			mb.err.Store(nil)
			f()
			if d := mb.err.Load(); d != errStale {
				t.Errorf("%s, %s: error %v, want %v", how, name, d, errStale)
			}
			if got := readTree(m.Root()).String(); got != want {
				t.Fatalf("%s, %s: the message became %s", how, name, got)
			}
		}
		if texts.Ptr(0).PointTo(s); texts.Message().Err() != errStale {
			t.Errorf("%s: pointing to a stale struct: %v", how, texts.Message().Err())
		}
		ptr.Clear()
		ptr.Forget()
		s.ClearPtr(0)
		if s.Uint64(0) != 0 || s.Bool(0) || s.Uint8(0) != 0 || s.Uint16(0) != 0 || s.Uint32(0) != 0 || s.HasPtr(0) ||
			!ptr.IsNull() || !s.Reader().IsNull() || !nums.Reader().IsNull() || BuilderAt[uint64](nums, 1) != 0 ||
			bits.Bool(0) || !root.IsNull() || mb.Err() == nil {
			t.Errorf("%s: a stale view reads something", how)
		}
		if _, ok := ptr.Text(); ok {
			t.Errorf("%s: a stale view reads text", how)
		}
		if got := readTree(m.Root()).String(); got != want || m.Err() != nil {
			t.Errorf("%s: the message is %s, %v", how, got, m.Err())
		}
		if how == "Detach" {
			if next.Err() != nil {
				t.Errorf("the new header has the error %v", next.Err())
			}
			again := next.Renew(s)
			if again.Uint64(0) != 5 || !next.Renew(texts.Struct(0)).IsNull() || !mb.Renew(s).IsNull() || !next.Renew(StructBuilder{}).IsNull() {
				t.Errorf("Renew gives %v", again)
			}
			again.SetUint64(0, 6)
			if next.Root().Reader().Struct().Uint64(0) != 6 {
				t.Error("a renewed view does not write")
			}
		}
	}
}

// An error of the builder goes on to the sealed message and the new header.
func TestErrorsSurviveSealAndDetach(t *testing.T) {
	for range 2 {
		mb := NewMessageBuilder(BuilderOptions{MaxWords: 10, FirstWords: 10})
		mb.Root().NewStruct(Size{1, 1}).Ptr(0).NewBytes(1000)
		if !errors.Is(mb.Err(), TooLarge) {
			t.Fatal(mb.Err())
		}
		nb := mb.Detach()
		if nb.Err() != mb.Err() {
			t.Errorf("detached: %v", nb.Err())
		}
		if m := nb.Seal(); m.Err() != mb.Err() || m.Verified() || m.Verify() != mb.Err() {
			t.Errorf("sealed: %v", m.Err())
		}
	}
}

// The way of the RPC layer: parameters first, the envelope around them afterwards.
func TestReserve(t *testing.T) {
	for _, way := range []string{"root", "orphan"} {
		mb := NewMessageBuilder(BuilderOptions{Reserve: 10, FirstWords: 12, GrowWords: 4})
		mb.SetCaps(sameCaps{})
		var params StructBuilder
		if way == "root" {
			params = mb.Root().NewStruct(Size{1, 2})
		} else {
			params = mb.NewOrphan(Size{1, 2})
		}
		params.SetUint64(0, 7)
		params.Ptr(0).SetText("a text of some length")
		params.Ptr(1).SetCap(1)
		old := params
		nb := mb.Detach()
		params = nb.Renew(params)
		nb.Root().Forget()
		nb.BeginReserve()
		before := nb.Words()
		call := nb.Root().NewStruct(Size{1, 1})
		call.SetUint64(0, 1)
		payload := call.Ptr(0).NewStruct(Size{0, 2})
		table := payload.Ptr(1).NewStructList(Size{1, 1}, 1)
		table.Struct(0).SetUint64(0, 3)
		payload.Ptr(0).PointTo(params)
		if nb.Words() > before+3 { // landing pads may be needed, nothing else
			t.Errorf("%s: the envelope took %d words beyond the reserve", way, nb.Words()-before)
		}
		big := call.Ptr(0).EditStruct(Size{2, 3}, Ptr{}) // more than is left: falls back
		nb.EndReserve()
		old.SetUint64(0, 666)
		if big.IsNull() || nb.Err() != nil || nb.Caps() == nil {
			t.Errorf("%s: %v", way, nb.Err())
		}
		m := NewMessage(nb.Segments(), Limits{})
		if err := m.Verify(); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		got := m.Root().Struct().Struct(0)
		text, _ := got.Struct(0).Text(0)
		if got.Struct(0).Uint64(0) != 7 || string(text) != "a text of some length" || got.List(1, KindStruct).Struct(0).Uint64(0) != 3 {
			t.Errorf("%s: %v", way, readTree(m.Root()))
		}
		if nb.Pinned() {
			t.Errorf("%s: pinned", way)
		}
	}
}

func TestPointTo(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
	s := mb.NewOrphan(Size{1, 0})
	s.SetUint64(0, 3)
	r := mb.Root().NewStruct(Size{0, 3})
	r.Ptr(0).SetText("old")
	r.Ptr(0).PointTo(s)
	r.Ptr(1).PointTo(mb.NewOrphan(Size{}))
	r.Ptr(2).SetText("gone")
	r.Ptr(2).PointTo(StructBuilder{})
	if got, want := readTree(mb.Root().Reader()).String(), "{0/3  {1/0 0300000000000000} {0/0 } null}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Shared objects and cycles do not hang or break what clears them.
	r.Ptr(1).PointTo(s)
	r.Ptr(2).PointTo(r)
	mb.Root().Clear()
	if got := readTree(mb.Root().Reader()); got.kind != "null" || mb.Err() != nil {
		t.Errorf("cleared: %v, %v", got, mb.Err())
	}
	other := NewMessageBuilder(BuilderOptions{})
	other.Root().PointTo(s)
	if !other.Root().IsNull() || other.Err() != errOtherMsg {
		t.Errorf("to another message: %v", other.Err())
	}
}

// A setter may be given a view of what it replaces.
func TestSetFromItself(t *testing.T) {
	for name, o := range arenas {
		mb := NewMessageBuilder(o)
		s := mb.Root().NewStruct(Size{1, 3})
		s.SetUint64(0, 1)
		s.Ptr(0).SetText("text")
		inner := s.Ptr(1).NewStruct(Size{1, 1})
		inner.SetUint64(0, 2)
		inner.Ptr(0).SetText("inner")
		SetScalars(s.Ptr(2).NewList(Kind32, 3), []uint32{1, 2, 3})
		want := readTree(mb.Root().Reader()).String()
		check := func(what string) {
			t.Helper()
			if got := readTree(mb.Root().Reader()).String(); got != want || mb.Err() != nil {
				t.Errorf("%s, %s: got %s, want %s; %v", name, what, got, want, mb.Err())
			}
		}
		text, _ := s.Ptr(0).Text()
		s.Ptr(0).SetTextBytes(text)
		check("text")
		all, _ := s.Ptr(0).Bytes()
		s.Ptr(0).SetBytes(all)
		check("bytes")
		s.Ptr(1).Set(s.Ptr(1).Reader())
		check("pointer")
		s.Ptr(1).SetStruct(s.Ptr(1).Reader().Struct())
		check("struct")
		s.Ptr(2).SetList(s.Ptr(2).Reader().List(Kind32))
		check("list")
		s.Copy(s.Reader())
		check("whole struct")
		mb.Root().Set(mb.Root().Reader())
		check("root")

		// A part becomes the whole, the whole a part.
		s = mb.Root().EditStruct(Size{}, Ptr{})
		s.Ptr(1).Set(mb.Root().Reader())
		if got := mb.Root().Reader().Struct().Struct(1).Uint64(0); got != 1 {
			t.Errorf("%s: the root in itself starts with %d", name, got)
		}
		mb.Root().Set(s.Ptr(1).Reader())
		check("part and whole")
	}
}

func TestStructCopy(t *testing.T) {
	src := NewMessageBuilder(BuilderOptions{})
	v := src.Root().NewStruct(Size{2, 2})
	v.SetUint64(0, 1)
	v.SetUint64(8, 2)
	v.Ptr(0).SetText("first")
	v.Ptr(1).SetText("second")
	for _, size := range []Size{{0, 0}, {1, 1}, {2, 2}, {3, 3}} {
		mb := NewMessageBuilder(BuilderOptions{})
		l := mb.Root().NewStructList(size, 2)
		for i := range 2 {
			for w := range size.DataWords {
				l.Struct(i).SetUint64(uint32(w)*8, 99)
			}
			for p := range size.Pointers {
				l.Struct(i).Ptr(p).SetText("old")
			}
		}
		l.Struct(1).Copy(v.Reader())
		if size.DataWords > 0 && l.Struct(0).Uint64(0) != 99 {
			t.Errorf("%v: the neighbour changed", size)
		}
		got := l.Struct(1)
		want := []uint64{1, 2, 0}
		for w := range size.DataWords {
			if got.Uint64(uint32(w)*8) != want[w] {
				t.Errorf("%v: word %d is %d", size, w, got.Uint64(uint32(w)*8))
			}
		}
		texts := []string{"first", "second", ""}
		for p := range size.Pointers {
			if text, _ := got.Ptr(p).Text(); string(text) != texts[p] {
				t.Errorf("%v: pointer %d is %q", size, p, text)
			}
		}
		got.Copy(Struct{})
		if size.DataWords > 0 && got.Uint64(0) != 0 || got.HasPtr(0) {
			t.Errorf("%v: a copy of null is not empty", size)
		}
	}
}

func TestCapabilitiesAreCopiedThroughTheTables(t *testing.T) {
	src := NewMessageBuilder(BuilderOptions{})
	src.SetCaps(sameCaps{})
	l := src.Root().NewList(KindClient, 3)
	for i := range 3 {
		l.Ptr(i).SetCap(uint32(i + 1))
	}
	for _, test := range []struct {
		name string
		caps CapTable
		want string
	}{
		{"no table", nil, "[3×6  null null null]"},
		{"new indexes", &fakeCaps{next: 10}, "[3×6  cap11 cap12 cap13]"},
		{"one refused", &fakeCaps{next: 10, limit: 2}, "[3×6  cap11 null cap12]"},
	} {
		mb := NewMessageBuilder(BuilderOptions{})
		mb.SetCaps(test.caps)
		mb.Root().Set(src.Root().Reader())
		if got := readTree(mb.Root().Reader()).String(); got != test.want || mb.Err() != nil {
			t.Errorf("%s: got %s, want %s; %v", test.name, got, test.want, mb.Err())
		}
		if e := EqualPtr(mb.Root().Reader(), mb.Root().Reader()); test.caps != nil && e != UnknownCaps {
			t.Errorf("%s: comparison gives %v", test.name, e)
		}
	}
	i, ok := l.Ptr(1).CapIndex()
	if i != 2 || !ok {
		t.Errorf("capability 1 is %d, %v", i, ok)
	}
	if _, ok := src.Root().CapIndex(); ok {
		t.Error("a list is a capability")
	}
	m := src.Seal()
	if m.Caps() != (sameCaps{}) {
		t.Errorf("the sealed message has the table %v", m.Caps())
	}
	p := m.Root().WithCaps(&fakeCaps{})
	if p.Message() == m || p.Message().Caps() == m.Caps() || EqualPtr(p, m.Root()) != UnknownCaps {
		t.Error("WithCaps gives a wrong message")
	}
}

func TestSizesAtTheirLimits(t *testing.T) {
	for name, f := range map[string]func(p PtrBuilder){
		"text of 2^29-1 bytes and a NUL": func(p PtrBuilder) { p.NewBytes(1 << 29) },
		"negative data":                  func(p PtrBuilder) { p.NewBytes(-1) },
		"negative list":                  func(p PtrBuilder) { p.NewList(Kind8, -1) },
		"2^29 bytes":                     func(p PtrBuilder) { p.NewList(Kind8, 1<<29) },
		"2^29 voids":                     func(p PtrBuilder) { p.NewList(KindVoid, 1<<29) },
		"2^29 structs":                   func(p PtrBuilder) { p.NewStructList(Size{}, 1<<29) },
		"negative structs":               func(p PtrBuilder) { p.NewStructList(Size{}, -1) },
		"structs as scalars":             func(p PtrBuilder) { p.NewList(KindStruct, 1) },
		"2^29-1 pointers":                func(p PtrBuilder) { p.NewList(KindPtr, big).Ptr(big - 1).SetText("x") },
		"2^29-1 structs":                 func(p PtrBuilder) { p.NewStructList(Size{65535, 65535}, big).Struct(big-1).SetUint64(0, 1) },
		"64 Mi + 8 bytes":                func(p PtrBuilder) { p.NewBytes(64<<20 + 8) },
	} {
		mb := NewMessageBuilder(BuilderOptions{})
		f(mb.Root())
		if !errors.Is(mb.Err(), TooLarge) || !mb.Root().IsNull() {
			t.Errorf("%s: %v, root %#x", name, mb.Err(), mb.Root().word())
		}
	}
	mb := NewMessageBuilder(BuilderOptions{MaxWords: 1 << 40})
	if l := mb.Root().NewList(KindVoid, big); l.Len() != big || mb.Err() != nil {
		t.Errorf("2^29-1 voids: %d, %v", l.Len(), mb.Err())
	}
	if l := mb.Root().NewStructList(Size{}, big); l.Len() != big || mb.Err() != nil {
		t.Errorf("2^29-1 empty structs: %d, %v", l.Len(), mb.Err())
	}
	if s := mb.Root().NewStruct(Size{65535, 65535}); s.IsNull() || mb.Err() != nil {
		t.Errorf("largest struct: %v", mb.Err())
	} else {
		s.SetUint64(65534*8, 1)
		s.Ptr(65534).SetText("last")
		if text, _ := s.Reader().Text(65534); string(text) != "last" {
			t.Errorf("last pointer: %q", text)
		}
		s.SetUint64(65535*8, 0) // a zero past the end is no loss
		if mb.Err() != nil {
			t.Error(mb.Err())
		}
		s.SetUint64(65535*8, 1)
		if mb.Err() != errPastEnd {
			t.Errorf("a write past the end: %v", mb.Err())
		}
	}
}

func TestBuilderReadsItself(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{})
	s := mb.Root().NewStruct(Size{1, 2})
	r := s.Reader()
	s.SetUint32(4, 9)
	if r.Uint32(4) != 9 {
		t.Error("the reader does not follow changes")
	}
	again := s.Reader()
	if again.seg != r.seg {
		t.Error("a second reader without allocation made a new header")
	}
	s.Ptr(0).SetText("text")
	if text, _ := s.Reader().Text(0); string(text) != "text" {
		t.Errorf("text is %q", text)
	}
	if _, ok := r.Text(0); ok {
		t.Error("the old reader sees what was allocated after it")
	}
	if !mb.Pinned() {
		t.Error("a reader does not pin")
	}
	if b, ok := s.Ptr(0).Bytes(); !ok || string(b) != "text\x00" {
		t.Errorf("Bytes = %q", b)
	}
	if _, ok := s.Ptr(1).Bytes(); ok {
		t.Error("null has bytes")
	}
	s.Ptr(1).NewBytes(0)
	if b, ok := s.Ptr(1).Bytes(); !ok || len(b) != 0 || mb.Err() != nil {
		t.Errorf("empty data: %q, %v, %v", b, ok, mb.Err())
	}
	if _, ok := s.Ptr(1).Text(); ok {
		t.Error("empty data is text")
	}
	s.Ptr(1).NewStruct(Size{1, 1})
	if _, ok := s.Ptr(1).Bytes(); ok || mb.Err() != errNotBytes {
		t.Errorf("a struct has bytes: %v", mb.Err())
	}
}
