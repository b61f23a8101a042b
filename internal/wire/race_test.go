package wire

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
)

// Readers share one message and one traversal limit. The race detector is what fails here.
func TestReadersShareAMessage(t *testing.T) {
	var want tree
	for seed := uint64(0); want.kind != "struct" || len(want.ptrs) < 2; seed++ {
		want = grow(rand.New(rand.NewPCG(seed, 1)), 6)
	}
	mb := NewMessageBuilder(BuilderOptions{FirstWords: 3, GrowWords: 3})
	want.build(mb.Root())
	segs := mb.Segments()
	one := NewMessage(segs, Limits{})
	readTree(one.Root())
	cost := defaultTraversal - one.left.Load()

	const readers = 4
	m := NewMessage(segs, Limits{TraversalWords: readers * cost})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			if got := readTree(m.Root()); got.String() != want.String() {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	wg.Wait()
	if m.Err() != nil || m.left.Load() != 0 {
		t.Errorf("%d readings of %d words: %v, %d words left", readers, cost, m.Err(), m.left.Load())
	}

	m = NewMessage(segs, Limits{TraversalWords: 2 * cost})
	for range readers {
		wg.Go(func() { readTree(m.Root()) })
	}
	for range readers {
		wg.Go(func() { _ = m.Err(); m.Verified() })
	}
	wg.Wait()
	if !errors.Is(m.Err(), Exceeded) {
		t.Errorf("too many readings: %v", m.Err())
	}

	m = NewMessage(segs, Limits{})
	for i := range readers {
		wg.Go(func() {
			if i == 0 {
				if err := m.Verify(); err != nil {
					t.Error(err)
				}
			}
			readTree(m.Root())
		})
	}
	wg.Wait()
}
