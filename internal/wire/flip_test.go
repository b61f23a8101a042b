package wire

import (
	"math/rand/v2"
	"testing"
)

// Small messages of each kind of pointer, with every bit flipped, and every pair of bits of the pointers (C++ does the
// same in fuzz-test.c++). None may break a reader.
func TestFlippedBits(t *testing.T) {
	for _, segs := range [][][]byte{
		{words(structWord(0, 1, 1), 5, listWord(0, elemByte, 3), 0x6261)},
		{words(listWord(0, elemTwo, 3), 0x1_0002_0003)},
		{words(listWord(0, elemBit, 9), 0x155)},
		{words(listWord(0, elemComposite, 4), tagWord(2, 1, 1), 1, structWord(2, 1, 0), 2, 0, 3)},
		{words(listWord(0, elemPointer, 2), listWord(1, elemByte, 1), structWord(1, 1, 0), 0, 7)},
		{words(farWord(false, 1, 1)), words(0, structWord(0, 1, 0), 8)},
		{words(farWord(true, 0, 2)), words(0, 6), words(farWord(false, 1, 1), structWord(0, 1, 0))},
		{words(capPtr(3))},
	} {
		checkWalk(t, segs, 0)
		bits := 0
		for _, s := range segs {
			bits += len(s) * 8
		}
		flip := func(bit int) {
			for _, s := range segs {
				if bit < len(s)*8 {
					s[bit/8] ^= 1 << (bit % 8)
					return
				}
				bit -= len(s) * 8
			}
		}
		for i := range bits {
			flip(i)
			checkWalk(t, segs, uint8(i))
			for j := i + 1; j < min(bits, 192); j++ {
				flip(j)
				checkWalk(t, segs, uint8(i*7+j))
				flip(j)
			}
			flip(i)
		}
	}
}

// Random trees with random bytes overwritten.
func TestDamagedTrees(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 11))
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 1 + r.IntN(4), GrowWords: 1 + r.IntN(20)})
		grow(r, 5).build(mb.Root())
		for range 10 {
			segs := mb.Segments()
			for i := range segs {
				segs[i] = append([]byte{}, segs[i]...)
			}
			for range 1 + r.IntN(4) {
				if s := segs[r.IntN(len(segs))]; len(s) > 0 {
					s[r.IntN(len(s))] = byte(r.Uint32())
				}
			}
			checkWalk(t, segs, uint8(r.Uint32()))
		}
	}
}
