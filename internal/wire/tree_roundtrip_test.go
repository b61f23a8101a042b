package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var arenas = map[string]BuilderOptions{
	"one segment":            {},
	"segment per object":     {FirstWords: 1, GrowWords: 1},
	"tight segments":         {FirstWords: 2, GrowWords: 3},
	"doubling":               {FirstWords: 1},
	"reserve":                {Reserve: 20},
	"reserve, small segment": {Reserve: 3, FirstWords: 1, GrowWords: 2},
}

func TestRandomTrees(t *testing.T) {
	for name, o := range arenas {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				r := rand.New(rand.NewPCG(seed, 7))
				want := grow(r, 5)
				mb := NewMessageBuilder(o)
				mb.SetCaps(sameCaps{})
				if seed%3 == 0 {
					mb.BeginReserve() // must not matter
				}
				want.build(mb.Root())
				mb.EndReserve()
				check := func(what string, p Ptr) {
					t.Helper()
					if got := readTree(p); got.String() != want.String() {
						t.Fatalf("seed %d: %s\n got %v\nwant %v", seed, what, got, want)
					}
				}
				check("builder", mb.Root().Reader())

				// Copies, to each kind of arena, of the parts as well.
				for other, o := range arenas {
					c := NewMessageBuilder(o)
					c.SetCaps(sameCaps{})
					c.Root().Set(mb.Root().Reader())
					check("copy to "+other, c.Root().Reader())
					if e := EqualPtr(c.Root().Reader(), mb.Root().Reader()); e == NotEqual {
						t.Fatalf("seed %d: copy to %s is not equal: %v", seed, other, want)
					}
				}

				// The same again on top of what is there, which becomes zero.
				twice := NewMessageBuilder(o)
				want.build(twice.Root())
				want.build(twice.Root())
				check("overwritten", twice.Root().Reader())
				twice.Root().Clear()
				for i, s := range twice.Segments() {
					for j, v := range s {
						if v != 0 {
							t.Fatalf("seed %d: segment %d byte %d is %#x after Clear of %v", seed, i, j, v, want)
						}
					}
				}

				if seed%2 == 0 {
					mb = mb.Detach()
					check("detached", mb.Root().Reader())
				}
				if err := mb.Err(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				segs := mb.Segments()
				m := mb.Seal()
				check("sealed", m.Root())
				got := NewMessage(segs, Limits{})
				if err := got.Verify(); err != nil || !got.Verified() {
					t.Fatalf("seed %d: Verify: %v: %v", seed, err, want)
				}
				check("verified", got.Root())
				lazy := NewMessage(segs, Limits{})
				check("lazy", lazy.Root())
				if err := lazy.Err(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

func TestRandomTreesDiffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a, b := grow(r, 4), grow(r, 4)
		ma, mb := NewMessageBuilder(BuilderOptions{}), NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
		a.build(ma.Root())
		b.build(mb.Root())
		if a.String() == b.String() {
			continue
		}
		e := EqualPtr(ma.Root().Reader(), mb.Root().Reader())
		if f := EqualPtr(mb.Root().Reader(), ma.Root().Reader()); e != f {
			t.Fatalf("comparison is not symmetric: %v %v\n%v\n%v", e, f, a, b)
		}
		if same := trimTree(a).String() == trimTree(b).String(); same != (e != NotEqual) {
			t.Fatalf("equality is %v, want equal: %v\n%v\n%v", e, same, a, b)
		}
	}
}

// trimTree makes trees whose values are equal the same.
func trimTree(t tree) tree {
	t.data = append([]byte{}, t.data...)
	if t.kind == "struct" {
		t.size = Size{}
		t.data = trimZeros(t.data)
	}
	trim := func(in []tree) (out []tree) {
		for _, p := range in {
			out = append(out, trimTree(p))
		}
		return out
	}
	t.ptrs, t.elems = trim(t.ptrs), trim(t.elems)
	for t.kind == "struct" && len(t.ptrs) > 0 && t.ptrs[len(t.ptrs)-1].kind == "null" {
		t.ptrs = t.ptrs[:len(t.ptrs)-1]
	}
	if t.kind == "list" && t.elem == elemComposite {
		t.size = Size{}
	}
	if t.kind == "list" && t.count == 0 {
		t.elem, t.size = 0, Size{}
	}
	if t.kind == "cap" {
		t.capIdx = 0
	}
	return t
}

// A message built within n words fits a builder of n words and not one of n−1.
func TestBuilderSizeLimit(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 9))
		want := grow(r, 5)
		for name, o := range arenas {
			mb := NewMessageBuilder(o)
			want.build(mb.Root())
			n := mb.Words()
			o.MaxWords = n
			same := NewMessageBuilder(o)
			want.build(same.Root())
			if err := same.Err(); err != nil {
				t.Fatalf("%s, seed %d: limit %d for %d words: %v", name, seed, n, n, err)
			}
			if n == int64(mb.options.Reserve) {
				continue
			}
			o.MaxWords = n - 1
			less := NewMessageBuilder(o)
			want.build(less.Root())
			if err := less.Err(); err == nil || less.Words() > n-1 {
				t.Fatalf("%s, seed %d: limit %d let %d words through: %v", name, seed, n-1, less.Words(), err)
			}
			readTree(less.Root().Reader())
		}
	}
}

func ExampleMessageBuilder() {
	mb := NewMessageBuilder(BuilderOptions{})
	s := mb.Root().NewStruct(Size{DataWords: 1, Pointers: 1})
	s.SetUint32(0, 42)
	s.Ptr(0).SetText("answer")
	r := mb.Seal().Root().Struct()
	text, _ := r.Text(0)
	fmt.Println(r.Uint32(0), string(text))
	// Output: 42 answer
}
