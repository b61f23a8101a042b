package capnp

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// A Releaser is an object that is told when nobody can call it any more: a subscription that ends,
// a lock that is given back. It is what a destructor is in C++.
//
// Released is called once, on a goroutine of its own, when the last reference to a capability that
// was made of the object has been released, here and at every peer, and its last method has
// returned. A lost connection releases what the peer held. References that nobody released count
// until the collector finds them, so to be told soon release what NewServer returned when it has been
// put into results, which have their own; and an object that stores a capability to itself is never told.
// Making a second capability of the same object (NewServer twice, not Serial) makes a second count.
//
// A panic in Released is logged; it ends nothing else.
type Releaser interface{ Released() }

// life counts the references to an object, and its calls. A nil life counts nothing.
type life struct {
	of    Releaser
	refs  atomic.Int64
	ended atomic.Bool
}

func lifeOf(d Dispatcher) *life {
	if r, ok := d.Impl().(Releaser); ok {
		return &life{of: r}
	}
	return nil
}

func (l *life) retain() {
	if l != nil {
		l.refs.Add(1)
	}
}

// release may be called with locks held.
func (l *life) release() {
	if l != nil && l.refs.Add(-1) == 0 && !l.ended.Swap(true) {
		go l.end()
	}
}

func (l *life) end() {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("capnp: an object panicked when it was released", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	l.of.Released()
}
