package ocap

import (
	"context"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// flight is a call that crosses: the one that came, and the one derived from it that goes on. What
// comes back crosses the other way.
type flight struct {
	call  capnp.Call
	m     *membrane
	outer bool                       // the caller is outside
	orig  atomic.Pointer[capnp.Call] // nil when it has returned: what is pipelined still leads here

	next, prev *flight // guarded by membrane.flightMu
}

// Return implements capnp.Returner.
func (f *flight) Return(_ *capnp.Call, r capnp.Result, t *capnp.Turn) {
	if r.Err == nil {
		r.Payload = f.m.payload(&r.Payload, f.outer, t)
	}
	f.orig.Swap(nil).Return(r, t)
	f.m.exit(f, t)
}

// SetPipeline implements capnp.Returner.
func (f *flight) SetPipeline(_ *capnp.Call, p capnp.Pipeline, t *capnp.Turn) {
	if c := f.orig.Load(); c != nil {
		c.OfferPipeline(&pipeline{f.m, f.outer, p}, t)
	}
}

// Caller is the context of the call that came: see capnp.Call.Caller.
func (f *flight) Caller() context.Context {
	if c := f.orig.Load(); c != nil {
		return c.Caller()
	}
	return context.Background()
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
