package wire

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// fuzzSegments cuts fuzz input into up to four segments: a byte of count, a byte of words for each, the words.
func fuzzSegments(b []byte) [][]byte {
	if len(b) == 0 {
		return nil
	}
	n := int(b[0]&3) + 1
	b = b[1:]
	if len(b) < n {
		return nil
	}
	sizes, b := b[:n], b[n:]
	segs := make([][]byte, n)
	for i, s := range sizes {
		size := min(int(s)*8, len(b)&^7)
		if i == n-1 {
			size = len(b)
		}
		segs[i], b = b[:size:size], b[size:]
	}
	return segs
}

func fuzzInput(segs [][]byte) []byte {
	b := []byte{byte(len(segs) - 1)}
	for _, s := range segs {
		b = append(b, byte(len(s)/8))
	}
	for _, s := range segs {
		b = append(b, s...)
	}
	return b
}

func seedWalk(f *testing.F) {
	for _, c := range badRoots {
		if 0 < len(c.segs) && len(c.segs) <= 4 {
			f.Add(fuzzInput(c.segs), uint8(0))
		}
	}
	for seed := range uint64(60) {
		t := grow(rand.New(rand.NewPCG(seed, 5)), 4)
		for _, o := range []BuilderOptions{{}, {FirstWords: 1, GrowWords: 1}, {FirstWords: 4, GrowWords: 8}} {
			mb := NewMessageBuilder(o)
			t.build(mb.Root())
			if segs := mb.Segments(); len(segs) <= 4 {
				f.Add(fuzzInput(segs), uint8(seed))
			}
		}
	}
}

// Random bytes are walked by Verify and by a traversal that follows every pointer. A message that Verify accepts has no
// defect for the traversal, equals its copy, and its copy is sound.
func FuzzWalk(f *testing.F) {
	seedWalk(f)
	f.Fuzz(func(t *testing.T, in []byte, how uint8) { checkWalk(t, fuzzSegments(in), how) })
}

// checkWalk is the properties of FuzzWalk for one message.
func checkWalk(t *testing.T, segs [][]byte, how uint8) {
	t.Helper()
	limits := Limits{TraversalWords: 1 << 12, Depth: 20}
	lazy := NewMessage(segs, limits)
	readTree(lazy.Root())
	walkTyped(lazy.Root().Struct(), rand.New(rand.NewPCG(uint64(how), 1)), 6)

	m := NewMessage(segs, limits)
	err := m.Verify()
	once := NewMessage(segs, limits)
	readTree(once.Root())
	if (err == nil) != (once.Err() == nil) {
		t.Fatalf("Verify says %v, the traversal %v", err, once.Err())
	}

	o := BuilderOptions{FirstWords: int(how & 7), GrowWords: int(how >> 3 & 7), MaxWords: 1 << 14}
	mb := NewMessageBuilder(o)
	mb.SetCaps(sameCaps{})
	mb.Root().Set(m.Root())
	if err != nil {
		return
	}
	tree := readTree(m.Root())
	if m.Err() != nil {
		t.Fatalf("verified, yet %v", m.Err())
	}
	if mb.Err() != nil {
		if !errors.Is(mb.Err(), TooLarge) {
			t.Fatalf("copy: %v", mb.Err())
		}
		return
	}
	c := NewMessage(mb.Segments(), Limits{Depth: 20})
	if err := c.Verify(); err != nil {
		t.Fatalf("the copy is bad: %v", err)
	}
	if got := readTree(c.Root()).String(); got != tree.String() {
		t.Fatalf("the copy differs:\n got %s\nwant %v", got, tree)
	}
	if e := EqualPtr(m.Root(), c.Root()); e == NotEqual {
		t.Fatalf("the copy is not equal: %v", tree)
	}
	// Whatever it is, it can be edited as something larger.
	if mb.Root().Reader().Kind() == PtrList {
		mb.Root().EditStructList(Size{2, 3}, Ptr{})
	} else {
		mb.Root().EditStruct(Size{2, 3}, Ptr{})
	}
	if err := NewMessage(mb.Segments(), Limits{Depth: 21}).Verify(); err != nil {
		t.Fatalf("edited, it is bad: %v", err)
	}
	mb.Root().Clear()
	for _, s := range mb.Segments() {
		for _, v := range s {
			if v != 0 {
				t.Fatalf("cleared, yet not zero: %v", tree)
			}
		}
	}
}

// walkTyped asks a struct for things that may not be there.
func walkTyped(s Struct, r *rand.Rand, depth int) {
	if depth == 0 {
		return
	}
	s.Uint64(uint32(r.IntN(64)))
	s.Bool(r.Uint32())
	for range 4 {
		i := uint16(r.IntN(4))
		switch r.IntN(6) {
		case 0:
			walkTyped(s.Struct(i), r, depth-1)
		case 1:
			s.Text(i)
		case 2:
			s.Bytes(i)
		case 3:
			s.CapIndex(i)
		default:
			k := Kind(r.IntN(int(kindBases)))
			if r.IntN(4) == 0 {
				k = ListOf(k)
			}
			walkList(s.List(i, k), r, depth-1)
		}
	}
}

func walkList(l List, r *rand.Rand, depth int) {
	if l.Len() == 0 {
		return
	}
	i := r.IntN(l.Len())
	switch k := l.Kind(); k {
	case Kind8:
		At[uint8](l, i)
	case Kind16:
		At[int16](l, i)
	case Kind32:
		At[float32](l, i)
	case Kind64:
		At[uint64](l, i)
	case KindStruct:
		walkTyped(At[Struct](l, i), r, depth)
	case KindBit:
		l.Bool(i)
	default:
		l.Ptr(i).Text()
		if k.Nested() && depth > 0 {
			walkList(l.Ptr(i).List(k.Inner()), r, depth-1)
		}
	}
}

// Random operations on a builder, with random sizes and sharing, keep it sound: what it says is what a reader reads.
func FuzzBuild(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed*37), uint16(200))
	}
	f.Fuzz(func(t *testing.T, seed uint64, how uint8, max uint16) {
		r := rand.New(rand.NewPCG(seed, uint64(how)))
		mb := NewMessageBuilder(BuilderOptions{
			FirstWords: int(how & 7), GrowWords: int(how >> 3 & 3), Reserve: int(how >> 5), MaxWords: int64(max) + 8,
		})
		mb.SetCaps(sameCaps{})
		nodes := []PtrBuilder{mb.Root()}
		for range 60 {
			p := nodes[r.IntN(len(nodes))]
			switch r.IntN(14) {
			case 0:
				p.Clear()
			case 1:
				p.SetText("some text"[:r.IntN(9)])
			case 2:
				p.SetCap(r.Uint32())
			case 3:
				p.Set(nodes[r.IntN(len(nodes))].Reader())
			case 4:
				grow(r, 3).build(p)
			case 5:
				nodes = append(nodes, pointers(p.NewStruct(Size{uint16(r.IntN(3)), uint16(r.IntN(3))}))...)
			case 6:
				nodes = append(nodes, pointers(p.EditStruct(Size{uint16(r.IntN(3)), uint16(r.IntN(3))}, Ptr{}))...)
			case 7:
				l := p.NewStructList(Size{uint16(r.IntN(3)), uint16(r.IntN(3))}, 2)
				nodes = append(nodes, pointers(l.Struct(r.IntN(2)))...)
			case 8:
				if l := p.EditStructList(Size{uint16(r.IntN(3)), uint16(r.IntN(3))}, Ptr{}); l.Len() > 0 {
					nodes = append(nodes, pointers(l.Struct(l.Len()-1))...)
				}
			case 9:
				l := p.NewList(KindPtr, 3)
				nodes = append(nodes, l.Ptr(0), l.Ptr(2))
			case 10:
				p.SetStruct(nodes[r.IntN(len(nodes))].Reader().Struct())
			case 11:
				p.EditStruct(Size{1, 1}, Ptr{}).Copy(nodes[r.IntN(len(nodes))].Reader().Struct())
			case 12:
				p.SetList(nodes[r.IntN(len(nodes))].Reader().List(KindAny))
			case 13:
				mb = mb.Detach()
				nodes = append(nodes[:0], mb.Root())
			}
			if len(nodes) > 20 {
				nodes = nodes[len(nodes)-20:]
			}
		}
		want := readTree(mb.Root().Reader()).String()
		if mb.Words() > int64(max)+8 && mb.Words() > int64(how>>5) {
			t.Fatalf("%d words, limit %d", mb.Words(), int64(max)+8)
		}
		m := NewMessage(mb.Segments(), Limits{})
		if err := m.Verify(); err != nil && !errors.Is(err, Exceeded) {
			t.Fatalf("the message is bad: %v", err)
		}
		if got := readTree(m.Root()).String(); got != want {
			t.Fatalf("read\n got %s\nwant %s", got, want)
		}
	})
}

func pointers(s StructBuilder) (all []PtrBuilder) {
	for i := range s.Size().Pointers {
		all = append(all, s.Ptr(i))
	}
	return all
}
