package ocap

import (
	"context"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// wrapper stands on one side of a membrane for a capability of the other. It has no String method
// and its Next shows nothing: its holder learns nothing about what it wraps.
//
// Invariant: became is set only while no call waits in held, and what it names stands for what the
// inner promise has become.
type wrapper struct {
	m     *membrane
	outer bool
	share // of what is wrapped

	became  atomic.Pointer[hookBox]
	decided atomic.Bool // the policy need not ask any more what this is

	mu       sync.Mutex
	held     []*capnp.Call // those that wait for the policy to be decided, in order
	holding  bool          // calls go to held
	flushing bool          // somebody hands on what is in held
	watchers []capnp.Watcher
}

func (w *wrapper) Retain()               { w.retain() }
func (w *wrapper) Release(t *capnp.Turn) { w.release(t) }

// inner returns what is wrapped, or nil after revocation.
func (w *wrapper) inner() capnp.Hook {
	if w.m.reason.Load() != nil {
		return nil
	}
	return w.load()
}

// Next implements capnp.Hook: see LeadsTo.
func (w *wrapper) Next() capnp.Hook { return nil }

// LeadsTo implements capnp.Leader.
func (w *wrapper) LeadsTo(p capnp.Hook) bool {
	h := w.inner()
	return h != nil && capnp.Leads(h, p)
}

func (w *wrapper) Promise() bool {
	h := w.inner()
	if h == nil || w.Shorten() != nil {
		return false
	}
	return h.Promise() || h.Shorten() != nil // calls wait here still
}

func (w *wrapper) Broken() error {
	h := w.inner()
	if h == nil {
		return w.m.reason.Load()
	}
	return h.Broken()
}

// Shorten implements capnp.Hook: the wrapper of a promise becomes what stands for that which the
// promise became. Calls pass wrappers at once, so what is safe for the promise is safe for it.
func (w *wrapper) Shorten() capnp.Hook {
	h := w.inner()
	if h == nil {
		return nil
	}
	if b := w.became.Load(); b != nil {
		return b.Hook
	}
	if h = h.Shorten(); h == nil {
		return nil
	}
	v := w.m.view(h, w.outer)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holding {
		return nil
	}
	if w.became.Load() == nil {
		w.became.Store(&hookBox{v})
	}
	return w.became.Load().Hook
}

// Deliver implements capnp.Hook.
func (w *wrapper) Deliver(c *capnp.Call, t *capnp.Turn) {
	if !c.Hop(t) {
		return
	}
	if w.m.policy == nil {
		w.pass(c, t)
		return
	}
	v := w.m.policy.judge(w, c.InterfaceID(), c.MethodID())
	w.mu.Lock()
	if w.holding || v == wait && w.became.Load() == nil {
		if c.SetExecutor((*heldCall)(w)) {
			w.held = append(w.held, c)
			if !w.holding {
				w.holding = true
				t.Kick((*settler)(w))
			}
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		c.Refuse(canceled(c), t)
		return
	}
	w.mu.Unlock()
	w.judged(v, c, t)
}

// judged carries out a verdict.
func (w *wrapper) judged(v verdict, c *capnp.Call, t *capnp.Turn) {
	switch {
	case v == deny:
		c.Refuse(c.NoSuchMethod(), t)
	case v == wait:
		if b := w.became.Load(); b != nil {
			b.Deliver(c, t)
			return
		}
		c.Refuse(c.NoSuchMethod(), t) // cannot be decided: a promise that tells nobody
	default:
		w.pass(c, t)
	}
}

// pass lets a call through.
func (w *wrapper) pass(c *capnp.Call, t *capnp.Turn) {
	m := w.m
	h := w.inner()
	if h == nil {
		c.Refuse(m.reason.Load(), t)
		return
	}
	f := &flight{m: m, outer: w.outer}
	f.orig.Store(c)
	c.Derive(&f.call, m.payload(c.Payload(), !w.outer, t), f)
	if m.revocable {
		f.call.AddGate(m)
	}
	// From here on revoke may return c, and whoever gets that takes c's parameters back.
	if err := m.enter(f); err != nil {
		f.call.Refuse(err, t)
		return
	}
	if !c.SetExecutor(f) {
		f.call.Refuse(canceled(c), t)
		return
	}
	h.Deliver(&f.call, t)
}

// Admit implements capnp.Admitter: callers wait where those of the wrapped capability would.
func (w *wrapper) Admit(ctx context.Context) error {
	if a, ok := capnp.ShortenAll(w.inner()).(capnp.Admitter); ok {
		return a.Admit(ctx)
	}
	return nil
}

// Hasten implements capnp.Flusher.
func (w *wrapper) Hasten() {
	if f, ok := capnp.ShortenAll(w.inner()).(capnp.Flusher); ok {
		f.Hasten()
	}
}

// Flow implements capnp.Pathed: streams share the window of the connection that they go out by.
func (w *wrapper) Flow() *capnp.Flow {
	if p, ok := capnp.ShortenAll(w.inner()).(capnp.Pathed); ok {
		return p.Flow()
	}
	return nil
}

func canceled(c *capnp.Call) error {
	if cause := c.Cause(); cause != nil {
		return capnp.AsException(cause)
	}
	return capnp.NewError(capnp.Failed, "the call was canceled")
}
