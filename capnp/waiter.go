package capnp

import (
	"context"
	"sync/atomic"
)

// A Waiter is a goroutine that waits for the answer to one call. The connection that the answer
// comes by may use it to read: waking another goroutine takes longer than most calls.
type Waiter struct {
	lent    bool // somebody is it; guarded by the answer
	settled atomic.Bool
	by      atomic.Pointer[Interrupter]
	armed   atomic.Bool // signal is there
	signal  chan struct{}

	queue      *WaiterQueue // that it is in
	next, prev *Waiter      // there
}

// An Awaiter is who works on a call (Call.SetExecutor) and can make use of a goroutine that waits
// for it.
type Awaiter interface {
	// Await returns when w has settled.
	Await(w *Waiter)
	// Hasten tells that somebody waits by other means.
	Hasten()
}

// awaiter returns who works on the call and can be waited for, or nil.
func (c *Call) awaiter() Awaiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, _ := c.exec.(Awaiter)
	return x
}

// Await returns when w has settled, which waits for a call that is made from this one: wrappers are
// Awaiters with it.
func (c *Call) Await(w *Waiter) {
	if x := c.awaiter(); x != nil {
		x.Await(w)
		return
	}
	w.Wait()
}

// Hasten tells who works on the call that somebody waits for it.
func (c *Call) Hasten() {
	if x := c.awaiter(); x != nil {
		x.Hasten()
	}
}

// hasten tells that somebody waits for the answer.
func (a *Answer) hasten() {
	if a.call != nil {
		a.call.Hasten()
	}
}

// An Interrupter ends what a Waiter does in Await when its answer comes from elsewhere.
type Interrupter interface{ Interrupt(w *Waiter) }

// Settled reports whether the answer is there.
func (w *Waiter) Settled() bool { return w.settled.Load() }

// Interruptible sets who is told, besides the signal, when the answer is there.
func (w *Waiter) Interruptible(by *Interrupter) { w.by.Store(by) }

// Prepare must come before Park, and then a look at what the signal may have been to tell: from
// now on none is lost.
func (w *Waiter) Prepare() {
	if w.signal == nil {
		w.signal = make(chan struct{}, 1)
		w.armed.Store(true)
	}
}

// Park waits for a signal.
func (w *Waiter) Park() { <-w.signal }

// Wait waits for the answer.
func (w *Waiter) Wait() {
	for w.Prepare(); !w.Settled(); {
		w.Park()
	}
}

// Signal ends Park, the next one if w is not in it.
func (w *Waiter) Signal() {
	if !w.armed.Load() {
		return
	}
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// settle tells that the answer is there.
func (w *Waiter) settle() {
	w.settled.Store(true)
	if by := w.by.Load(); by != nil {
		(*by).Interrupt(w)
	}
	w.Signal()
}

// lend waits for a on behalf of whoever works on its call, if they can make use of the goroutine.
// It reports false if they cannot.
func (a *Answer) lend(ctx context.Context) bool {
	c := a.call
	if c == nil {
		return false
	}
	x := c.awaiter()
	if x == nil {
		return false
	}
	a.mu.Lock()
	if a.settled || a.waiter.lent {
		settled := a.settled
		a.mu.Unlock()
		return settled
	}
	a.waiter.lent = true
	a.mu.Unlock()
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		c.Unblock()
	}
	x.Await(&a.waiter)
	return true
}

// waitOwn is wait with a context whose end settles the answer: that the call was made with, or one
// that does not end.
func (a *Answer) waitOwn(ctx context.Context) error {
	if a.call.noResults() == nil && a.lend(ctx) {
		return a.result.Err
	}
	return a.wait(ctx)
}

// WaiterQueue is a queue of waiters, each of which is in one queue at most. Its user locks it.
type WaiterQueue struct{ first, last *Waiter }

// Push puts w at the end, unless it is in a queue.
func (q *WaiterQueue) Push(w *Waiter) {
	if w.queue != nil {
		return
	}
	w.queue, w.prev = q, q.last
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
}

// Pop takes the first one out, or returns nil.
func (q *WaiterQueue) Pop() *Waiter {
	w := q.first
	if w != nil {
		q.Remove(w)
	}
	return w
}

// Remove takes w out. It reports false if w is not in the queue.
func (q *WaiterQueue) Remove(w *Waiter) bool {
	if w.queue != q {
		return false
	}
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queue, w.next, w.prev = nil, nil, nil
	return true
}
