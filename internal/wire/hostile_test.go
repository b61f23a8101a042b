package wire

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	big      = 1<<29 - 1
	farAway  = 1<<29 - 1  // the largest offset forwards, in words
	farBack  = -(1 << 29) // and backwards
	allOnes  = 0xffff_ffff_ffff_ffff
	someCaps = 3
)

// Every way in which the root pointer can be bad. No reader may find anything there.
var badRoots = []struct {
	name string
	segs [][]byte
	err  error
}{
	{"no segments", nil, errNoRoot},
	{"empty segment", [][]byte{{}}, errNoRoot},
	{"segment of 7 bytes", [][]byte{make([]byte, 7)}, errSegments},

	// CVE-2015-2311, capnproto-rust 735e82ed: before the start of the segment.
	{"struct offset -2", [][]byte{words(structWord(-2, 1, 0), 1)}, errStructBounds},
	{"struct offset -1 and not empty, at the start", [][]byte{words(structWord(-3, 2, 0), 1)}, errStructBounds},
	{"struct offset -2^29", [][]byte{words(structWord(farBack, 1, 0), 1)}, errStructBounds},
	{"struct offset 2^29-1", [][]byte{words(structWord(farAway, 1, 0), 1)}, errStructBounds},
	{"struct past the end by one word", [][]byte{words(structWord(0, 1, 1), 1)}, errStructBounds},
	{"struct pointers past the end", [][]byte{words(structWord(0, 0, 2), 0)}, errStructBounds},
	{"largest struct", [][]byte{words(structWord(0, 65535, 65535), 1)}, errStructBounds},
	{"list offset -3", [][]byte{words(listWord(-3, elemEight, 1), 1)}, errListBounds},
	{"list offset 2^29-1", [][]byte{words(listWord(farAway, elemByte, 1), 1)}, errListBounds},
	{"list past the end by one byte", [][]byte{words(listWord(0, elemByte, 9), 1)}, errListBounds},
	{"list past the end by one bit", [][]byte{words(listWord(0, elemBit, 65), 1)}, errListBounds},

	// CVE-2015-2310: the largest count with every element size, from the last word of the segment.
	{"2^29-1 bits", [][]byte{words(listWord(0, elemBit, big), 1)}, errListBounds},
	{"2^29-1 bytes", [][]byte{words(listWord(0, elemByte, big), 1)}, errListBounds},
	{"2^29-1 × 2 bytes", [][]byte{words(listWord(0, elemTwo, big), 1)}, errListBounds},
	{"2^29-1 × 4 bytes", [][]byte{words(listWord(0, elemFour, big), 1)}, errListBounds},
	{"2^29-1 × 8 bytes", [][]byte{words(listWord(0, elemEight, big), 1)}, errListBounds},
	{"2^29-1 pointers", [][]byte{words(listWord(0, elemPointer, big), 1)}, errListBounds},
	{"composite of 2^29-1 words", [][]byte{words(listWord(0, elemComposite, big), tagWord(1, 1, 0))}, errListBounds},
	// CVE-2015-2312, CVE-2015-2313: elements that cost the sender nothing.
	{"2^29-1 voids", [][]byte{words(listWord(0, elemVoid, big))}, errAmplified},
	{"2^30-1 empty structs", [][]byte{words(listWord(0, elemComposite, 0), tagWord(1<<30-1, 0, 0))}, errAmplified},

	{"composite: count × size overruns", [][]byte{words(listWord(0, elemComposite, 1), tagWord(2, 1, 0), 1)}, errListOverrun},
	{"composite: count × size overflows 32 bits", [][]byte{words(listWord(0, elemComposite, 1), tagWord(1<<30-1, 65535, 65535), 1)}, errListOverrun},
	{"composite: no room for the tag", [][]byte{words(listWord(0, elemComposite, 0))}, errListBounds},
	{"composite: tag is a list", [][]byte{words(listWord(0, elemComposite, 1), listWord(1, elemByte, 1), 1)}, errListTag},
	{"composite: tag is far", [][]byte{words(listWord(0, elemComposite, 1), farWord(false, 0, 0), 1)}, errListTag},
	{"composite: tag is a capability", [][]byte{words(listWord(0, elemComposite, 1), capPtr(1), 1)}, errListTag},

	// CVE-2017-7892: far pointers whose offset wraps.
	{"far to segment 1 of 1", [][]byte{words(farWord(false, 0, 1))}, errFarSegment},
	{"far to segment 2^32-1", [][]byte{words(farWord(false, 0, 1<<32-1))}, errFarSegment},
	{"far past the end", [][]byte{words(farWord(false, 1, 0))}, errFarBounds},
	{"far offset 2^29-1", [][]byte{words(farWord(false, farAway, 0))}, errFarBounds},
	{"double far offset 2^29-1", [][]byte{words(farWord(true, farAway, 0))}, errFarBounds},
	{"far to the last word, struct behind it", [][]byte{words(farWord(false, 1, 0), structWord(0, 1, 0))}, errStructBounds},
	{"far to itself", [][]byte{words(farWord(false, 0, 0))}, errFarPad},
	{"far → far → struct", [][]byte{words(farWord(false, 1, 0), farWord(false, 2, 0), structWord(0, 1, 0), 7)}, errFarPad},
	{"far → capability", [][]byte{words(farWord(false, 1, 0), capPtr(0))}, errFarPad},
	{"double far with one word of pad", [][]byte{words(farWord(true, 1, 0), farWord(false, 0, 0))}, errFarBounds},
	{"double far to itself", [][]byte{words(farWord(true, 0, 0), structWord(0, 1, 0), 1)}, errFarPad},
	{"double far whose pad is a struct pointer", [][]byte{words(farWord(true, 1, 0), structWord(0, 1, 0), structWord(0, 1, 0), 1)}, errFarPad},
	{"double far whose pad is null", [][]byte{words(farWord(true, 1, 0), 0, structWord(0, 1, 0), 1)}, errFarPad},
	{"double far whose tag is far", [][]byte{words(farWord(true, 1, 0), farWord(false, 3, 0), farWord(false, 3, 0), 1)}, errFarPad},
	{"double far whose tag is a capability", [][]byte{words(farWord(true, 1, 0), farWord(false, 3, 0), capPtr(0), 1)}, errFarPad},
	{"double far to an unknown segment", [][]byte{words(farWord(true, 1, 0), farWord(false, 3, 9), structWord(0, 1, 0), 1)}, errFarSegment},
	{"double far content past the end", [][]byte{words(farWord(true, 1, 0), farWord(false, 3, 0), structWord(0, 2, 0), 1)}, errStructBounds},
	{"double far content at 2^29-1", [][]byte{words(farWord(true, 1, 0), farWord(false, farAway, 0), listWord(0, elemEight, 1), 1)}, errListBounds},
	{"far into an empty segment", [][]byte{words(farWord(false, 0, 1)), {}}, errFarBounds},

	{"other pointer, kind 1", [][]byte{words(1<<2 | kindOtherPtr)}, errPointerKind},
	{"other pointer, kind 2^30-1", [][]byte{words(0xffff_ffff)}, errPointerKind},
	{"all ones", [][]byte{words(allOnes)}, errPointerKind},
}

func TestReadRejectsBadPointers(t *testing.T) {
	for _, test := range badRoots {
		t.Run(test.name, func(t *testing.T) {
			open := func() *Message { return NewMessage(test.segs, Limits{}) }
			check := func(what string, m *Message) {
				t.Helper()
				if err := m.Err(); err != test.err {
					t.Errorf("%s: error %v, want %v", what, err, test.err)
				}
			}
			m := open()
			if err := m.Verify(); err != test.err || m.Verified() {
				t.Errorf("Verify = %v, want %v", err, test.err)
			}

			m = open()
			if got := readTree(m.Root()); got.kind != "null" {
				t.Errorf("reads as %v", got)
			}
			check("traversal", m)

			// The accessor of each type finds null, whatever it then thinks is wrong.
			m = open()
			p := m.Root()
			if !p.Struct().IsNull() || m.Err() == nil {
				t.Errorf("Struct is not null, or no error: %v", m.Err())
			}
			for k := range kindBases {
				m = open()
				if l := m.Root().List(k); !l.IsNull() || m.Err() == nil {
					t.Errorf("List(%d) has %d elements, or no error: %v", k, l.Len(), m.Err())
				}
			}
			m = open()
			if b, ok := m.Root().Text(); ok || m.Err() == nil {
				t.Errorf("Text = %q, or no error: %v", b, m.Err())
			}
			m = open()
			if b, ok := m.Root().Bytes(); ok || m.Err() == nil {
				t.Errorf("Bytes = %q, or no error: %v", b, m.Err())
			}
			m = open()
			if i, ok := m.Root().CapIndex(); ok || m.Err() == nil {
				t.Errorf("CapIndex = %d, or no error: %v", i, m.Err())
			}

			m = open()
			mb := NewMessageBuilder(BuilderOptions{})
			mb.Root().Set(m.Root())
			if !mb.Root().IsNull() || mb.Err() != nil {
				t.Errorf("copy is %v, error %v", readTree(mb.Root().Reader()), mb.Err())
			}
			check("copy", m)

			m = open()
			EqualPtr(m.Root(), open().Root())
			if m.Err() == nil {
				t.Error("comparison saw nothing wrong")
			}
		})
	}
}

// What looks odd and is right.
func TestReadAcceptsOddPointers(t *testing.T) {
	for _, test := range []struct {
		name string
		segs [][]byte
		want string
	}{
		{"empty struct at offset -1", [][]byte{words(emptyStruct)}, "{0/0 }"},
		{"empty struct far outside", [][]byte{words(structWord(farAway, 0, 0))}, "{0/0 }"},
		{"empty list far outside", [][]byte{words(listWord(farBack, elemEight, 0))}, "[0×5 ]"},
		{"empty composite list", [][]byte{words(listWord(0, elemComposite, 0), tagWord(0, 1, 1))}, "[0×7 ]"},
		{"composite list with words to spare", [][]byte{words(listWord(0, elemComposite, 3), tagWord(1, 1, 0), 5, 0, 0)}, "[1×7  {1/0 0500000000000000}]"},
		{"pointer to the word before it", [][]byte{words(structWord(1, 0, 1), 7, structWord(-2, 1, 0))}, "{0/1  {1/0 0700000000000000}}"},
		{"far to its own segment", [][]byte{words(farWord(false, 2, 0), 9, structWord(-2, 1, 0))}, "{1/0 0900000000000000}"},
		{"far to a null word is an empty struct", [][]byte{words(farWord(false, 1, 0), 0)}, "{0/0 }"},
		{"far to another segment", [][]byte{words(farWord(false, 0, 1)), words(listWord(0, elemByte, 3), 0x636261)}, "[3×2 616263]"},
		{"double far", [][]byte{words(farWord(true, 0, 2)), words(0, 6), words(farWord(false, 1, 1), structWord(0, 1, 0))}, "{1/0 0600000000000000}"},
		{"double far whose tag has an offset", [][]byte{words(farWord(true, 0, 2)), words(0, 6), words(farWord(false, 1, 1), structWord(99, 1, 0))}, "{1/0 0600000000000000}"},
		{"capability", [][]byte{words(capPtr(someCaps))}, "cap3"},
		{"nulls behind a null root", [][]byte{words(0, 1, 2, 3)}, "null"},
		{"two pointers to one object", [][]byte{words(structWord(0, 0, 2), structWord(1, 1, 0), structWord(0, 1, 0), 4)},
			"{0/2  {1/0 0400000000000000} {1/0 0400000000000000}}"},
	} {
		m := NewMessage(test.segs, Limits{})
		if err := m.Verify(); err != nil {
			t.Errorf("%s: Verify: %v", test.name, err)
		}
		if got := readTree(m.Root()).String(); got != test.want || m.Err() != nil {
			t.Errorf("%s: got %s, want %s; error %v", test.name, got, test.want, m.Err())
		}
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
		mb.SetCaps(sameCaps{})
		mb.Root().Set(m.Root())
		if got := readTree(mb.Root().Reader()).String(); got != test.want {
			t.Errorf("%s: copy is %s, want %s", test.name, got, test.want)
		}
	}
}

// A cycle ends at the depth limit, and says so.
func TestCyclesEnd(t *testing.T) {
	for name, seg := range map[string][]byte{
		"struct": words(structWord(0, 0, 1), structWord(-1, 0, 1)),
		"list":   words(listWord(0, elemPointer, 1), listWord(-1, elemPointer, 1)),
		"mixed":  words(structWord(0, 0, 1), listWord(0, elemComposite, 1), tagWord(1, 0, 1), structWord(-3, 0, 1)),
	} {
		m := NewMessage([][]byte{seg}, Limits{})
		if err := m.Verify(); err != errDepth {
			t.Errorf("%s: Verify = %v, want %v", name, err, errDepth)
		}
		m = NewMessage([][]byte{seg}, Limits{})
		mb := NewMessageBuilder(BuilderOptions{})
		mb.Root().Set(m.Root())
		if m.Err() != errDepth || mb.Err() != nil {
			t.Errorf("%s: copy: %v, %v, want %v", name, m.Err(), mb.Err(), errDepth)
		}
		if err := mb.Seal().Verify(); err != nil {
			t.Errorf("%s: the copy is bad: %v", name, err)
		}
	}
	// Two branches a level: 2^64 paths, cut by the traversal limit.
	m := NewMessage([][]byte{words(structWord(0, 0, 2), structWord(-1, 0, 2), structWord(-2, 0, 2))}, Limits{TraversalWords: 1 << 16})
	if err := m.Verify(); !errors.Is(err, Exceeded) {
		t.Errorf("branching cycle: Verify = %v", err)
	}
}

func TestDepthLimit(t *testing.T) {
	build := map[string]func(p PtrBuilder) PtrBuilder{
		"struct": func(p PtrBuilder) PtrBuilder { return p.NewStruct(Size{0, 1}).Ptr(0) },
		"list":   func(p PtrBuilder) PtrBuilder { return p.NewList(KindPtr, 1).Ptr(0) },
		"composite": func(p PtrBuilder) PtrBuilder {
			return p.NewStructList(Size{1, 1}, 1).Struct(0).Ptr(0)
		},
	}
	for name, deeper := range build {
		for _, limit := range []int{0, 1, 7, 64, 255, 1000} {
			want := limit
			if limit == 0 {
				want = 64
			}
			want = min(want, 255)
			for _, levels := range []int{want - 1, want, want + 1} {
				mb := NewMessageBuilder(BuilderOptions{})
				p := mb.Root()
				for range levels {
					p = deeper(p)
				}
				m := NewMessage(mb.Segments(), Limits{Depth: limit})
				err := m.Verify()
				if ok := levels <= want; (err == nil) != ok {
					t.Errorf("%s: %d levels, limit %d: %v", name, levels, limit, err)
				}
				m = NewMessage(mb.Segments(), Limits{Depth: limit})
				readTree(m.Root())
				if ok := levels <= want; (m.Err() == nil) != ok {
					t.Errorf("%s: %d levels read lazily, limit %d: %v", name, levels, limit, m.Err())
				}
			}
		}
	}
}

func TestTraversalLimit(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		want := grow(r, 5)
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 5})
		want.build(mb.Root())
		segs := mb.Segments()
		free := NewMessage(segs, Limits{})
		readTree(free.Root())
		cost := defaultTraversal - free.left.Load()
		if cost == 0 {
			continue
		}
		for limit := cost - 1; limit <= cost+1; limit++ {
			if limit == 0 {
				continue // means the default
			}
			m := NewMessage(segs, Limits{TraversalWords: limit})
			readTree(m.Root())
			v := NewMessage(segs, Limits{TraversalWords: limit})
			if err := v.Verify(); (err == nil) != (limit >= cost) || (m.Err() == nil) != (limit >= cost) {
				t.Errorf("seed %d: limit %d for %d words: Verify %v, reading %v", seed, limit, cost, err, m.Err())
			}
		}
		// Unverified, everything is counted every time; verified, never.
		m := NewMessage(segs, Limits{TraversalWords: 3 * cost})
		for range 3 {
			readTree(m.Root())
		}
		if m.Err() != nil || m.left.Load() != 0 {
			t.Errorf("seed %d: three readings: %v, %d words left", seed, m.Err(), m.left.Load())
		}
		readTree(m.Root())
		if !errors.Is(m.Err(), Exceeded) {
			t.Errorf("seed %d: four readings: %v", seed, m.Err())
		}
		v := NewMessage(segs, Limits{TraversalWords: cost})
		if err := v.Verify(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			readTree(v.Root())
		}
		if v.Err() != nil {
			t.Errorf("seed %d: verified: %v", seed, v.Err())
		}
	}
}

// n lists over the same 64 KiB cost n times 64 KiB.
func TestOverlappingObjectsAreCountedEachTime(t *testing.T) {
	const n, size = 2000, 8 << 10
	seg := words(structWord(0, 0, n))
	for i := range n {
		seg = append(seg, words(listWord(n-1-i, elemEight, size))...)
	}
	seg = append(seg, make([]byte, size*8)...)
	m := NewMessage([][]byte{seg}, Limits{})
	if err := m.Verify(); err != errTraversal {
		t.Errorf("Verify = %v, want %v", err, errTraversal)
	}
	m = NewMessage([][]byte{seg}, Limits{})
	mb := NewMessageBuilder(BuilderOptions{MaxWords: 1 << 30})
	mb.Root().Set(m.Root())
	if m.Err() != errTraversal || mb.Words() > defaultTraversal+n+2 {
		t.Errorf("copy: %v and %d words", m.Err(), mb.Words())
	}
}

// Voids within the limit are free to hold: nothing may loop over them (CVE-2015-2313).
func TestEmptyElementsCostNoTime(t *testing.T) {
	start := time.Now()
	for _, seg := range [][]byte{
		words(listWord(0, elemVoid, big)),
		words(listWord(0, elemComposite, 0), tagWord(1<<30-1, 0, 0)),
	} {
		m := NewMessage([][]byte{seg}, Limits{TraversalWords: 1 << 40})
		if err := m.Verify(); err != nil {
			t.Fatal(err)
		}
		mb := NewMessageBuilder(BuilderOptions{})
		mb.Root().Set(m.Root())
		if e := EqualPtr(m.Root(), mb.Root().Reader()); e != IsEqual {
			t.Errorf("copy is not equal: %v", e)
		}
		mb.Root().EditList(KindVoid, Ptr{})
		mb.Root().Clear()
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("2^29 empty elements took %v", d)
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name string
		seg  []byte
		text string
		ok   bool
		data string
	}{
		{"three bytes", words(listWord(0, elemByte, 4), 0x63_6261), "abc", true, "abc\x00"},
		{"only NUL", words(listWord(0, elemByte, 1), 0), "", true, "\x00"},
		{"NUL inside", words(listWord(0, elemByte, 4), 0x63_0061), "a\x00c", true, "a\x00c\x00"},
		{"invalid UTF-8", words(listWord(0, elemByte, 2), 0xff), "\xff", true, "\xff\x00"},
		{"fills its words", words(listWord(0, elemByte, 8), 0x61_6161_6161_6161), "aaaaaaa", true, "aaaaaaa\x00"},
		{"size 0", words(listWord(0, elemByte, 0)), "", false, ""},
		{"no NUL", words(listWord(0, elemByte, 3), 0x63_6261), "", false, "abc"},
		{"no NUL, full word", words(listWord(0, elemByte, 8), allOnes), "", false, "\xff\xff\xff\xff\xff\xff\xff\xff"},
	} {
		m := NewMessage([][]byte{test.seg}, Limits{})
		text, ok := m.Root().Text()
		if string(text) != test.text || ok != test.ok || (m.Err() == nil) != test.ok {
			t.Errorf("%s: Text = %q, %v (%v), want %q, %v", test.name, text, ok, m.Err(), test.text, test.ok)
		}
		if !test.ok && !errors.Is(m.Err(), Mistyped) {
			t.Errorf("%s: error %v is not Mistyped", test.name, m.Err())
		}
		data, ok := m.Root().Bytes()
		if string(data) != test.data || !ok || cap(data) != len(data) {
			t.Errorf("%s: Bytes = %q, %v, capacity %d", test.name, data, ok, cap(data))
		}
		if cap(text) != len(text) {
			t.Errorf("%s: appending to the text would write into the message", test.name)
		}
		// CVE-2015-2311 (b): the copy in a builder is no better.
		mb := NewMessageBuilder(BuilderOptions{})
		mb.Root().Set(m.Root())
		if text, ok := mb.Root().Text(); string(text) != test.text || ok != test.ok {
			t.Errorf("%s: copied Text = %q, %v", test.name, text, ok)
		}
	}
}
