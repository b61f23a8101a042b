package wire

import "testing"

func TestSizeClasses(t *testing.T) {
	seen := map[int]int{}
	for n := pooledMin; n <= pooledMax; n += 7 {
		class, size := sizeClass(n)
		if size < n || size > n+n/4+1 || size%8 != 0 {
			t.Fatalf("%d bytes get %d", n, size)
		}
		if class < 0 || class >= len(largeSegments) {
			t.Fatalf("%d bytes get class %d", n, class)
		}
		if was, ok := seen[class]; ok && was != size {
			t.Fatalf("class %d has sizes %d and %d", class, was, size)
		}
		seen[class] = size
		if c, s := sizeClass(size); c != class || s != size {
			t.Fatalf("%d bytes are class %d of %d, not %d of %d", size, c, s, class, size)
		}
	}
}

func TestSurrender(t *testing.T) {
	build := func() (*MessageBuilder, StructBuilder) {
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 8})
		s := mb.Root().NewStruct(Size{Pointers: 1})
		s.Ptr(0).SetBytes(make([]byte, 10_000))
		return mb, s
	}
	mb, s := build()
	mem, ok := mb.Surrender(nil)
	if !ok || len(mem) != 1 || mem[0].Used < 10_000 || cap(mem[0].Bytes) < mem[0].Used {
		t.Fatalf("got %v and %d pieces", ok, len(mem))
	}
	for i := range mem[0].Bytes[:mem[0].Used] {
		mem[0].Bytes[i] = 0xff
	}
	if b, _ := s.Ptr(0).Bytes(); len(b) != 0 {
		t.Error("a view made before shows memory that was given up")
	}
	Recycle(mem[0].Bytes, mem[0].Used)
	for range 100 { // some of these get that memory
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 8})
		bytes := mb.Root().NewBytes(10_000)
		for _, b := range bytes {
			if b != 0 {
				t.Fatal("memory that is not zero")
			}
		}
		if _, ok := mb.Surrender(nil); ok {
			t.Fatal("gave up memory that a slice points into")
		}
	}
	Recycle(make([]byte, 5000), 5000) // of no class: left alone
	Recycle(nil, 0)
}
