package engine

import "container/heap"

// table gives out the lowest free id, as peers expect of a well-behaved sender: their tables for
// our ids stay dense.
type table[T any] struct {
	rows []slot[T]
	free idHeap
	n    int
}

type slot[T any] struct {
	row  T
	used bool
}

func (t *table[T]) add(row T) uint32 {
	t.n++
	if len(t.free) > 0 {
		id := heap.Pop(&t.free).(uint32)
		t.rows[id] = slot[T]{row, true}
		return id
	}
	t.rows = append(t.rows, slot[T]{row, true})
	return uint32(len(t.rows) - 1)
}

func (t *table[T]) get(id uint32) (row T, ok bool) {
	if uint64(id) >= uint64(len(t.rows)) {
		return row, false
	}
	s := t.rows[id]
	return s.row, s.used
}

func (t *table[T]) remove(id uint32) {
	t.rows[id] = slot[T]{}
	t.n--
	if t.n == 0 { // forget the high-water mark of a burst
		t.rows, t.free = t.rows[:0], t.free[:0]
		if cap(t.rows) > 1024 {
			t.rows, t.free = nil, nil
		}
		return
	}
	heap.Push(&t.free, id)
}

func (t *table[T]) len() int { return t.n }

// all returns the rows in use, by id.
func (t *table[T]) all() []T {
	out := make([]T, 0, t.n)
	for _, s := range t.rows {
		if s.used {
			out = append(out, s.row)
		}
	}
	return out
}

type idHeap []uint32

func (h idHeap) Len() int           { return len(h) }
func (h idHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h idHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *idHeap) Push(x any)        { *h = append(*h, x.(uint32)) }
func (h *idHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
