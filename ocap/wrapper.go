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
	known   atomic.Uint32 // isRoot and so on
	holding atomic.Bool   // calls go to held; set under mu

	mu       sync.Mutex
	held     []*flight // those that wait for the policy to be decided, in order
	examined int       // of them, those about which nothing is to be found out any more but by done
	flushing bool      // somebody hands on what is in held
	again    bool      // and is to look once more
	waiting  bool      // for a promise, before anything else can be done
	kicked   bool      // a goroutine is about to do so
	watchers []capnp.Watcher
	after    []*settler // of wrappers that lead here from the other side, to go on when no call waits
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
	if h = h.Shorten(); h == nil || w.holdingHome() != nil {
		return nil
	}
	v := w.m.view(h, w.outer)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holding.Load() {
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
	if h := w.Shorten(); h != nil {
		h.Deliver(c, t)
		return
	}
	if w.m.light && !w.holding.Load() {
		switch w.m.facet.quick(w, c.InterfaceID(), c.MethodID()) {
		case deny:
			c.Refuse(c.NoSuchMethod(), t)
			return
		case pass:
			if w.passLightly(c, t) {
				return
			}
		}
	}
	f := newFlight(w, c)
	if w.m.policy == nil {
		w.pass(f, t)
		return
	}
	if w.holding.Load() {
		w.hold(f, t)
		return
	}
	v, x := w.judge(f)
	switch {
	case v == deny:
		f.err = x
		f.refuse(t)
	case v == wait:
		w.hold(f, t)
	case w.m.admitter != nil && !f.exempt && f.to == nil:
		f.judged = true
		w.hold(f, t)
	default:
		w.pass(f, t)
	}
}

// passLightly lets a call through as it is: what comes back crosses by a layer of the call. It reports
// false if the call needs more than that.
func (w *wrapper) passLightly(c *capnp.Call, t *capnp.Turn) bool {
	h := w.inner()
	if h == nil {
		return false
	}
	w.m.root.retain() // until Crossed
	if !c.AddLayer((*facetLayer)(w)) {
		w.m.root.release(t)
		return false
	}
	*c.Payload() = w.m.payload(c.Payload(), !w.outer, t)
	h.Deliver(c, t)
	return true
}

// facetLayer is the wrapper seen by a call that passed lightly.
type facetLayer wrapper

// Crossed implements capnp.Layer.
func (l *facetLayer) Crossed(r capnp.Result, t *capnp.Turn) capnp.Result {
	if r.Err == nil {
		r.Payload = l.m.payload(&r.Payload, l.outer, t)
	}
	l.m.root.release(t)
	return r
}

// CrossedPipeline implements capnp.Layer.
func (l *facetLayer) CrossedPipeline(p capnp.Pipeline) capnp.Pipeline {
	return &pipeline{l.m, l.outer, p}
}

// pass lets a call through.
func (w *wrapper) pass(f *flight, t *capnp.Turn) {
	m, c := w.m, f.x.call.Load()
	h := w.inner()
	if h == nil {
		err := m.reason.Load()
		c.Refuse(err, t)
		f.over(err)
		return
	}
	if f.to != nil {
		h = f.to
		c.Derive(&f.call, c.Payload().Map(func(h capnp.Hook) capnp.Hook { return h }), f)
	} else {
		c.Derive(&f.call, m.payload(c.Payload(), !w.outer, t), f)
		if m.results != nil {
			f.call.WantResults()
		}
	}
	switch {
	case m.starter != nil && f.to == nil && !f.exempt:
		f.call.AddGate((*start)(f))
	case m.revocable:
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
	f.x.delivered.Store(true)
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
