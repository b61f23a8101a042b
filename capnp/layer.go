package capnp

// A Layer stands between a call and whoever hears of it, without a call of its own: what a wrapper is
// for a call that it need not be able to end by itself.
type Layer interface {
	// Crossed is called once when the call has ended, and returns what its Returner gets. Like
	// Returner.Return it may only enqueue.
	Crossed(r Result, t *Turn) Result
	// CrossedPipeline returns what leads to the capabilities of the results in place of p.
	CrossedPipeline(p Pipeline) Pipeline
}

// How a call ends: bits of Call.state.
const (
	callReturned = 1 << iota
	callLayered  // layer is set, and does not change any more
)

// AddLayer puts l around what comes back to the caller. It reports false if the call has returned or has
// a layer already: derive a call then. Who has the call delivered to him may do so, before he hands it
// on.
func (c *Call) AddLayer(l Layer) bool {
	if c.state.Load() != 0 {
		return false
	}
	c.layer = l
	return c.state.CompareAndSwap(0, callLayered)
}

// layered reports whether something stands between the call and its Returner.
func (c *Call) layered() bool { return c.state.Load()&callLayered != 0 }

// end passes a call's outcome on unless it has ended before, which it reports.
func (c *Call) end(r Result, t *Turn) bool {
	before := c.state.Or(callReturned)
	if before&callReturned != 0 {
		return false
	}
	if before&callLayered != 0 {
		r = c.layer.Crossed(r, t)
	}
	c.ret.Return(c, r, t)
	return true
}
