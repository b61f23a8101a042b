package capnp

import (
	"context"
	"runtime"
)

// Local returns the object behind a capability if it is implemented in this process, nothing stands
// between, and it is a T. It is for servers that get back what they gave out: a type of their own
// as T is proof that nobody else made the capability.
//
// It waits until the capability is no promise any more and until the calls made on it before, with
// Send or SendStream, have had their turn: what is then done to the object directly comes after
// them. err says that the capability turned out broken, or that ctx ended. In a method it gives
// up the object's turn, as waiting for a promise does.
func Local[T any](ctx context.Context, c Client) (impl T, ok bool, err error) {
	defer runtime.KeepAlive(c.c)
	if err := c.Resolve(ctx); err != nil {
		return impl, false, err
	}
	h := c.hook()
	o := objectAt(h)
	if o == nil {
		return impl, false, nil
	}
	if impl, ok = o.d.Impl().(T); !ok {
		return impl, false, nil
	}
	if err := queueUp(ctx, h); err != nil {
		var zero T
		return zero, false, err
	}
	return impl, true, nil
}

// objectAt returns the object that calls on h reach, or nil if they leave the process or pass
// something that decides about them.
func objectAt(h Hook) *object {
	for n := 0; h != nil && n < maxForwards; n++ {
		if o, ok := h.(*object); ok {
			return o
		}
		h = h.Next()
	}
	return nil
}

// queueUp waits until what was delivered to h before has had its turn. It takes the same way
// itself: a call that no object has, for interface ids are never 0.
func queueUp(ctx context.Context, h Hook) error {
	if o, ok := h.(*object); ok && o.free() {
		return nil
	}
	done := make(arrival)
	c := NewCall(nil, 0, 0, Payload{}, done, Hints{NoPipelining: true}, nil)
	t := BeginTurn()
	h.Deliver(c, t)
	t.End()
	if m, ok := ctx.Value(callKey{}).(*Call); ok {
		m.Unblock()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		t := BeginTurn()
		c.Cancel(context.Cause(ctx), t)
		t.End()
		return context.Cause(ctx)
	}
}

// free reports whether nothing has the object's turn.
func (o *object) free() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.turn == nil
}

// arrival is closed when a call has come to its end.
type arrival chan struct{}

// Return implements Returner.
func (a arrival) Return(_ *Call, r Result, t *Turn) {
	r.Payload.Drop(t)
	close(a)
}

// SetPipeline implements Returner.
func (a arrival) SetPipeline(*Call, Pipeline, *Turn) {}
