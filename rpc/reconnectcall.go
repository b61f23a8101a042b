package rpc

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// tried is a call that was handed on: the one that came, and the one derived from it.
//
//	passed on ──answer──▶ over
//	    └──loss, kept, no pipelining──▶ queued again (Reconnector.again) ──▶ another tried
type tried struct {
	call capnp.Call
	g    *generation
	orig atomic.Pointer[capnp.Call] // nil when it has returned
	kept *capnp.Payload             // parameters to repeat it with; nil if it must not be

	mu   sync.Mutex
	used bool // something was pipelined on it
	lost bool // it is repeated: nothing may be pipelined any more
}

// pass hands c on to g.
func (r *Reconnector) pass(g *generation, c *capnp.Call, t *capnp.Turn) {
	f := &tried{g: g}
	f.orig.Store(c)
	params := *c.Payload()
	*c.Payload() = capnp.Payload{}
	if r.o.Repeat != nil && !c.Hints().OnlyPipeline && r.o.Repeat(c.InterfaceID(), c.MethodID()) {
		f.kept = copyOf(&params)
	}
	c.Derive(&f.call, params, f)
	r.refs.Add(1)
	if !c.SetExecutor(f) {
		f.call.Refuse(canceled(c), t)
		return
	}
	g.hook.Deliver(&f.call, t)
}

// copyOf returns a second owner of p's capabilities, with p's content.
func copyOf(p *capnp.Payload) *capnp.Payload {
	p.Content()
	hooks := slices.Clone(p.Hooks())
	if len(hooks) == 0 {
		return new(*p)
	}
	for _, h := range hooks {
		h.Retain()
	}
	return new(p.WithHooks(hooks))
}

// Return implements capnp.Returner. The loss is known before the caller can make another call.
func (f *tried) Return(_ *capnp.Call, res capnp.Result, t *capnp.Turn) {
	r := f.g.r
	loss := res.Err != nil && isLoss(res.Err)
	if loss {
		f.g.lose()
	} else if res.Err == nil || !f.canceled() {
		f.g.good.Store(true)
	}
	orig := f.orig.Swap(nil)
	if f.kept != nil {
		if loss && !f.canceled() && f.unused() && r.again.add(orig, f.kept, t) {
			return // with r's reference
		}
		f.kept.Drop(t)
		r.again.forget(orig)
	}
	orig.Return(res, t)
	t.Drop(r)
}

// unused reports whether nothing was pipelined on the call, and from now on nothing is.
func (f *tried) unused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = !f.used
	return f.lost
}

// Caller is the context of the call that came: see capnp.Call.Caller.
func (f *tried) Caller() context.Context {
	if c := f.orig.Load(); c != nil {
		return c.Caller()
	}
	return context.Background()
}

func (f *tried) canceled() bool { return f.call.Cause() != nil }

// SetPipeline implements capnp.Returner.
func (f *tried) SetPipeline(_ *capnp.Call, p capnp.Pipeline, t *capnp.Turn) {
	c := f.orig.Load()
	if c == nil {
		return
	}
	if f.kept != nil {
		p = &noticed{p, f}
	}
	c.OfferPipeline(p, t)
}

// CancelCall implements capnp.Canceler for the call that came.
func (f *tried) CancelCall(c *capnp.Call, t *capnp.Turn) { f.call.Cancel(c.Cause(), t) }

// noticed is the pipeline of a call that may be repeated as long as nothing uses it.
type noticed struct {
	p capnp.Pipeline
	f *tried
}

var errInterrupted = capnp.NewError(capnp.Disconnected, "the call whose result this is was interrupted, and is being repeated")

// At implements capnp.Pipeline.
func (n *noticed) At(path []uint16) capnp.Hook {
	n.f.mu.Lock()
	lost := n.f.lost
	n.f.used = !lost
	n.f.mu.Unlock()
	if lost {
		return capnp.BrokenHook(errInterrupted)
	}
	return n.p.At(path)
}

// Follows implements capnp.Follower.
func (n *noticed) Follows() capnp.Pipeline { return n.p }

// maxRepeats is how often a call is made again.
const maxRepeats = 2

// again are the calls that a loss has interrupted and that may be repeated. They come from
// within turns, and are delivered after those.
type again struct {
	r *Reconnector

	mu    sync.Mutex
	busy  bool
	queue []*capnp.Call       // each with a reference to r
	tries map[*capnp.Call]int // how often each was repeated, until it is over
}

// add queues c, with its parameters. It reports false if c was repeated often enough.
func (a *again) add(c *capnp.Call, params *capnp.Payload, t *capnp.Turn) bool {
	a.mu.Lock()
	n := a.tries[c]
	if n < maxRepeats {
		if a.tries == nil {
			a.tries = map[*capnp.Call]int{}
		}
		a.tries[c] = n + 1
		*c.Payload() = *params
		a.queue = append(a.queue, c)
	}
	a.mu.Unlock()
	if n < maxRepeats {
		t.Kick(a)
	}
	return n < maxRepeats
}

// forget is told that c is over.
func (a *again) forget(c *capnp.Call) {
	a.mu.Lock()
	delete(a.tries, c)
	a.mu.Unlock()
}

// Drain implements capnp.Inbox.
func (a *again) Drain(t *capnp.Turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy {
		return
	}
	a.busy = true
	for len(a.queue) > 0 {
		c := a.queue[0]
		a.queue = a.queue[1:]
		a.mu.Unlock()
		a.r.Deliver(c, t)
		t.Drop(a.r)
		a.mu.Lock()
	}
	a.busy, a.queue = false, nil
}
