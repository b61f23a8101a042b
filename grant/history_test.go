package grant_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// history is what one writer made true and false in turn, and what readers saw, on one logical clock.
// It begins true.
type history struct {
	mu     sync.Mutex
	now    int
	writes []interval
	reads  []interval
}

// interval is an operation from its call to its return; to is 0 while it is under way.
type interval struct {
	from, to int
	value    bool
}

func (h *history) begin(list *[]interval, value bool) (done func(bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	i := len(*list)
	*list = append(*list, interval{from: h.now, value: value})
	return func(value bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.now++
		(*list)[i].to, (*list)[i].value = h.now, value
	}
}

func (h *history) write(value bool) (done func()) {
	d := h.begin(&h.writes, value)
	return func() { d(value) }
}

func (h *history) read() (done func(value bool)) { return h.begin(&h.reads, false) }

// check reports a read that no order of the operations explains. The writes follow each other, so write
// i takes effect at some instant between its call and its return, and a read sees the last one before
// some instant of its own. That gives, for each write, instants that it must lie before (the call of a
// read that saw what came earlier) and after (the return of one that saw it or what came later); as a
// read may see several writes of the same value, the earliest that explains it is taken, in the order of
// the reads' returns.
func (h *history) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	writes := append([]interval{{from: 0, to: 0, value: true}}, h.writes...)
	// earliest[i] is the index of the first write that the reads which returned before some instant prove
	// to have happened. A read must see that one or a later one.
	type proof struct{ at, write int }
	var proofs []proof
	reads := slices.SortedFunc(slices.Values(h.reads), func(a, b interval) int { return a.to - b.to })
	for _, r := range reads {
		// The writes that may have been the last at some instant of r: those that began before r returned,
		// and whose successor had not returned when r was called.
		least := 0
		for _, p := range proofs {
			if p.at < r.from {
				least = max(least, p.write)
			}
		}
		found := -1
		for i := least; i < len(writes) && writes[i].from <= r.to; i++ {
			over := i+1 < len(writes) && writes[i+1].to != 0 && writes[i+1].to < r.from
			if !over && writes[i].value == r.value {
				found = i
				break
			}
		}
		if found < 0 {
			return fmt.Errorf("a read from %d to %d saw %v: no order of %d writes explains it", r.from, r.to, r.value, len(h.writes))
		}
		proofs = append(proofs, proof{r.to, found})
	}
	return nil
}

// The checker itself: what is one story, and what is none.
func TestHistory(t *testing.T) {
	revoke := interval{from: 10, to: 20}
	undo := interval{from: 30, to: 40, value: true}
	tests := []struct {
		name  string
		reads []interval
		want  bool
	}{
		{"before and after", []interval{{1, 5, true}, {21, 25, false}, {41, 45, true}}, true},
		{"true after revoke returned", []interval{{21, 25, true}}, false},
		{"false before it was called", []interval{{1, 5, false}}, false},
		{"either meanwhile", []interval{{11, 15, true}, {12, 16, false}}, true},
		{"true after false was seen", []interval{{11, 12, false}, {13, 14, true}}, false},
		{"true, overlapping the false that was seen", []interval{{11, 14, false}, {12, 15, true}}, true},
		{"false after undo returned", []interval{{41, 45, false}}, false},
		{"over everything", []interval{{1, 50, false}, {1, 50, true}}, true},
	}
	for _, test := range tests {
		h := history{writes: []interval{revoke, undo}, reads: test.reads}
		if err := h.check(); (err == nil) != test.want {
			t.Errorf("%s: %v, want an error: %v", test.name, err, !test.want)
		}
	}
}
