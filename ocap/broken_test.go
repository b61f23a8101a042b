package ocap_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// The wrappers that are broken, each in its own way: see TestInvariantsAreNotIdle.

// flaw is a wrapper that does with calls whatever deliver does.
type flaw struct {
	naive
	deliver func(c *capnp.Call, t *capnp.Turn)
}

func (f *flaw) Deliver(c *capnp.Call, t *capnp.Turn) { f.deliver(c, t) }
func (f *flaw) Next() capnp.Hook                     { return nil }

// through makes a wrapper of deliver, which gets the hook that is wrapped.
func through(deliver func(h capnp.Hook, c *capnp.Call, t *capnp.Turn)) func(T) (T, func(...error)) {
	return func(c T) (T, func(...error)) {
		h := capnp.HookOf(c.Client)
		keep := capnp.AddRef(c)
		return T{capnp.NewClient(&flaw{deliver: func(c *capnp.Call, t *capnp.Turn) {
			_ = keep
			deliver(h, c, t)
		}})}, nil
	}
}

// relayed is a call that goes on in place of another.
type relayed struct {
	capnp.Call
	of    *capnp.Call
	after func(t *capnp.Turn)
}

func relay(c *capnp.Call, after func(t *capnp.Turn)) *capnp.Call {
	r := &relayed{of: c, after: after}
	c.Derive(&r.Call, c.Payload().Map(func(h capnp.Hook) capnp.Hook { return h }), r)
	return &r.Call
}

func (r *relayed) Return(_ *capnp.Call, res capnp.Result, t *capnp.Turn) {
	r.of.Return(res, t)
	if r.after != nil {
		r.after(t)
	}
}

func (r *relayed) SetPipeline(_ *capnp.Call, p capnp.Pipeline, t *capnp.Turn) {
	r.of.OfferPipeline(p, t)
}

// doors shuts the door for new calls only.
func doors(reason func(errs []error) error) func(T) (T, func(...error)) {
	return func(c T) (T, func(...error)) {
		h := capnp.HookOf(c.Client)
		var shut atomic.Pointer[error]
		d := &flaw{deliver: func(c *capnp.Call, t *capnp.Turn) {
			if err := shut.Load(); err != nil {
				c.Refuse(*err, t)
				return
			}
			h.Deliver(c, t)
		}}
		return T{capnp.NewClient(d)}, func(errs ...error) { shut.Store(new(reason(errs))) }
	}
}

var brokenWrappings = []wrapping{
	{"naive", func(c T) (T, func(...error)) {
		return T{capnp.NewClient(&naive{inner: capnp.HookOf(c.Client)})}, nil
	}, []error{capnp.Unimplemented}},
	{"by name", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
		if m := c.Method(); m == secret {
			c.Refuse(c.NoSuchMethod(), t)
			return
		}
		h.Deliver(c, t)
	}), []error{capnp.Unimplemented}},
	{"by ordinal", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
		if c.MethodID() == secret.MethodID() {
			c.Refuse(c.NoSuchMethod(), t)
			return
		}
		h.Deliver(c, t)
	}), []error{capnp.Unimplemented}},
	{"permissive", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) { h.Deliver(c, t) }), []error{capnp.Unimplemented}},
	{"curtain", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) { h.Deliver(c, t) }), nil},
	{"loop", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) { h.Deliver(c, t) }), nil},
	{"leaky", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
		h.Retain()
		h.Deliver(c, t)
	}), nil},
	{"local only", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
		if c.Method() == nil {
			c.Refuse(errors.New("whose method is that"), t)
			return
		}
		h.Deliver(c, t)
	}), nil},
	{"deaf", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) { h.Deliver(relay(c, nil), t) }), nil},
	{"one at a time", func(c T) (T, func(...error)) {
		var mu sync.Mutex
		var queue []*capnp.Call
		return through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
			var next func(t *capnp.Turn)
			start := func(c *capnp.Call, t *capnp.Turn) { h.Deliver(relay(c, next), t) }
			next = func(t *capnp.Turn) {
				mu.Lock()
				queue = queue[1:]
				var c *capnp.Call
				if len(queue) > 0 {
					c = queue[0]
				}
				mu.Unlock()
				if c != nil {
					start(c, t)
				}
			}
			mu.Lock()
			queue = append(queue, c)
			first := len(queue) == 1
			mu.Unlock()
			if first {
				start(c, t)
			}
		})(c)
	}, nil},
	{"busy", func(c T) (T, func(...error)) {
		var n atomic.Int64
		return through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
			if n.Add(1) > 1 {
				n.Add(-1)
				c.Refuse(errors.New("busy"), t)
				return
			}
			h.Deliver(relay(c, func(*capnp.Turn) { n.Add(-1) }), t)
		})(c)
	}, nil},
	{"door", doors(func([]error) error { return ocap.Revoked.Errorf("shut") }), nil},
	{"offline", doors(func([]error) error { return capnp.NewError(capnp.Disconnected, "gone") }), nil},
	{"fickle", doors(func(errs []error) error { return ocap.Revoked.Errorf("%w", errors.Join(errs...)) }), nil},
	{"forgetful", func(c T) (T, func(...error)) {
		var mu sync.Mutex
		var kept []T
		return through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
			w, _ := ocap.Revocable(T{capnp.NewClient(h)})
			mu.Lock()
			kept = append(kept, w)
			mu.Unlock()
			capnp.HookOf(w.Client).Deliver(c, t)
		})(c)
	}, nil},
	{"stripper", through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
		*c.Payload() = c.Payload().Map(func(h capnp.Hook) capnp.Hook {
			in := ocap.Stripped(h)
			in.Retain()
			t.Drop(h)
			return in
		})
		h.Deliver(c, t)
	}), nil},
	{"hasty", func(c T) (T, func(...error)) {
		return ocap.Membrane(c, judge(func(c *ocap.Crossing) error {
			if denySecret(c) != nil {
				return ocap.Exhausted
			}
			return nil
		}), nil)
	}, []error{ocap.Exhausted}},
	{"patient", func(c T) (T, func(...error)) {
		var n atomic.Int64
		w, _ := through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
			n.Add(1)
			h.Deliver(relay(c, func(*capnp.Turn) { n.Add(-1) }), t)
		})(c)
		return w, func(...error) {
			deadline := time.After(3 * time.Second)
			for n.Load() > 0 { // "until what is under way has returned"
				select {
				case <-deadline:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}
	}, nil},
	{"shuffling", func(c T) (T, func(...error)) {
		var n atomic.Int64
		return through(func(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
			if n.Add(1)%2 == 0 {
				h.Deliver(c, t)
				return
			}
			time.AfterFunc(5*time.Millisecond, func() {
				t := capnp.BeginTurn()
				h.Deliver(c, t)
				t.End()
			})
		})(c)
	}, nil},
}

func broken(name string) wrapping {
	for _, w := range brokenWrappings {
		if w.name == name {
			return w
		}
	}
	panic("no broken wrapper " + name)
}
