package ocap

import (
	"context"

	"lanyard.dev/capnp"
)

// flight is a call that crosses: the one that came, and the one derived from it that goes on. What
// comes back crosses the other way. x.call, the one that came, is nil when it has returned: what is
// pipelined still leads here.
type flight struct {
	call capnp.Call
	x    Crossing

	to       capnp.Hook // not nil if the membrane's owner answers it: then nothing crosses
	exempt   bool       // it does not cross after all: the policy has no say
	judged   bool       // passed
	answered bool       // done was called

	state     state // guarded by the wrapper's mu, like the next two
	examining bool
	err       *capnp.Exception // why it is refused; nil for what a facet denies

	next, prev *flight // guarded by membrane.flightMu
}

func newFlight(w *wrapper, c *capnp.Call) *flight {
	f := &flight{x: Crossing{w: w, known: c.Method(), iface: c.InterfaceID(), method: c.MethodID()}}
	f.x.call.Store(c)
	return f
}

// Return implements capnp.Returner.
func (f *flight) Return(_ *capnp.Call, r capnp.Result, t *capnp.Turn) {
	m, outer := f.x.w.m, f.x.w.outer
	end := r.Err
	if r.Err == nil && f.to == nil {
		r = m.judgeResults(f, r, t)
		if r.Err == nil {
			r.Payload = m.payload(&r.Payload, outer, t)
		}
	}
	c := f.x.call.Swap(nil)
	f.over(end) // before the caller can know and call again
	c.Return(r, t)
	m.exit(f, t)
}

// judgeResults asks the policy about the results.
func (m *membrane) judgeResults(f *flight, r capnp.Result, t *capnp.Turn) capnp.Result {
	if m.results == nil || f.exempt {
		return r
	}
	if err := m.askResults(&f.x, r.Payload.Content().Struct()); err != nil {
		r.Payload.Drop(t)
		return capnp.Result{Err: refusal(err, m.grantor)}
	}
	return r
}

// SetPipeline implements capnp.Returner.
func (f *flight) SetPipeline(_ *capnp.Call, p capnp.Pipeline, t *capnp.Turn) {
	c := f.x.call.Load()
	switch {
	case c == nil:
	case f.to != nil:
		c.OfferPipeline(p, t)
	case f.x.w.m.results == nil || f.exempt:
		c.OfferPipeline(&pipeline{f.x.w.m, f.x.w.outer, p}, t)
	}
}

// Caller is the context of the call that came: see capnp.Call.Caller.
func (f *flight) Caller() context.Context {
	if c := f.x.call.Load(); c != nil {
		return c.Caller()
	}
	return context.Background()
}

// Deserted is called when something that was pipelined on the call may have been the last.
func (f *flight) Deserted(t *capnp.Turn) {
	if c := f.x.call.Load(); c != nil {
		if x, ok := c.Returner().(capnp.Deserter); ok {
			x.Deserted(t)
		}
	}
}

// Await implements capnp.Awaiter: who waits for the call that came waits for the one that goes on.
func (f *flight) Await(w *capnp.Waiter) { f.call.Await(w) }

// Hasten implements capnp.Awaiter.
func (f *flight) Hasten() { f.call.Hasten() }

// CancelCall implements capnp.Canceler for the call that came.
func (f *flight) CancelCall(c *capnp.Call, t *capnp.Turn) { f.call.Cancel(c.Cause(), t) }

// pipeline leads through the membrane.
type pipeline struct {
	m     *membrane
	outer bool
	inner capnp.Pipeline
}

// Follows implements capnp.Follower.
func (p *pipeline) Follows() capnp.Pipeline { return p.inner }

// At implements capnp.Pipeline.
func (p *pipeline) At(path []uint16) capnp.Hook { return p.m.view(p.inner.At(path), p.outer) }
