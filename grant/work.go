package grant

import (
	"context"
	"sync"

	"lanyard.dev/capnp"
)

// lane is a share of the workers. Who holds little must not keep those above from taking it back, so what is
// issued by the host itself, and what takes something back, does not queue behind everybody else.
type lane uint8

const (
	common lane = iota // restores, and most calls of Grant
	taking             // revoke, undo, drop
	owners             // the host, and grants that it issued
	lanes
)

// workers bounds how much the ledger is asked at a time.
type workers struct {
	slots chan struct{}
	queue chan struct{} // has a token for everybody who has a slot or waits for one

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func (w *workers) init(at, wait int) {
	*w = workers{slots: make(chan struct{}, at), queue: make(chan struct{}, at+wait)}
}

var errBusy = capnp.NewError(capnp.Overloaded, "too many requests about grants at once; try again later")

// enter waits for a slot. The caller calls leave unless there was an error.
func (w *workers) enter(ctx context.Context) (leave func(), err error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil, errClosed
	}
	w.wg.Add(1)
	w.mu.Unlock()
	select {
	case w.queue <- struct{}{}:
	default:
		w.wg.Done()
		return nil, errBusy
	}
	select {
	case w.slots <- struct{}{}:
		return func() { <-w.slots; <-w.queue; w.wg.Done() }, nil
	case <-ctx.Done():
		<-w.queue
		w.wg.Done()
		return nil, context.Cause(ctx)
	}
}

// wait lets nobody in any more, and waits for those who are.
func (w *workers) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wg.Wait()
}
