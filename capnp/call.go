package capnp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// maxForwards bounds how often one call may be handed from hook to hook; beyond it the path is
// taken to be a cycle.
const maxForwards = 256

// Result is how a call ends: with a payload, or with an error.
type Result struct {
	Payload Payload
	Err     error
}

// A Returner receives what becomes of a call: the answer that waits for it, or the connection it
// came in by.
type Returner interface {
	// Return is called exactly once. Like Hook.Deliver it may only enqueue.
	Return(c *Call, r Result, t *Turn)
	// SetPipeline offers, before Return, a way to the capabilities of the results to come. Only
	// the first one counts.
	SetPipeline(c *Call, p Pipeline, t *Turn)
}

// A Pipeline leads to capabilities in results that are not there yet.
type Pipeline interface {
	// At returns the hook for the capability at the given path of pointer fields. It is not
	// retained for the caller and lives as long as the results do.
	At(path []uint16) Hook
}

// A Canceler works on a call and can be asked to stop.
type Canceler interface {
	// CancelCall asks for c to end soon. The callee may return results all the same. Like
	// Hook.Deliver it may only enqueue.
	CancelCall(c *Call, t *Turn)
}

// A Gate is asked right before a method starts. Revocation uses it: what is queued when a
// capability is revoked never runs.
type Gate interface {
	// Enter returns an error to refuse the call.
	Enter(c *Call) error
	// Begun is called once for each call that Enter let through, before Leave, as soon as the
	// method has certainly begun: it returns, unblocks or tail-calls, waits for a promise, or looks
	// at its context. Until then the method may not have executed a single instruction, and it
	// may not have blocked on anything of this package's.
	Begun(c *Call)
	// Leave is called when a call that Enter let through has returned.
	Leave(c *Call)
}

// A Call is one call of a method on its way and while it runs. For a method it is what it gets
// besides its context: parameters, results, and control of its turn. The Call is the method's
// context, too.
//
// Invariant: ret.Return is called exactly once, guarded by state.
type Call struct {
	method      *Method
	interfaceID uint64
	methodID    uint16
	hints       Hints
	hops        uint16
	params      Payload
	ret         Returner
	base        context.Context // values only; nil means none
	gate        Gate            // nil for none

	state   atomic.Uint32 // callReturned and so on
	layer   Layer         // see callLayered
	phase   atomic.Uint32 // phaseWaiting and so on
	started bool          // owned by the object the call was delivered to
	object  *object       // set when a local method runs
	slots   *Slots        // to run in; nil for calls of this process's own
	slot    bool          // holds one of them; owned like started

	results     Payload // owned by the running method
	resultsRoot StructBuilder
	tail        *Answer // set by the method, under pipeMu
	ends        *ending // nil unless the call was made to end another one

	yielder Yielder // set while the method runs on somebody else's goroutine
	run     uint64

	mu     sync.Mutex
	cause  error         // why it was cancelled
	exec   Canceler      // who works on it
	done   chan struct{} // made on demand
	afters []*after
}

// Hints are promises a caller makes about a call (Call.noPromisePipelining and
// Call.onlyPromisePipeline in rpc.capnp).
type Hints struct {
	NoPipelining bool // nothing will be pipelined on the results
	OnlyPipeline bool // the results themselves are not wanted
}

// NewCall makes a call to be delivered to a hook. The call owns params. method may be nil if only
// the numbers are known.
func NewCall(method *Method, interfaceID uint64, methodID uint16, params Payload, ret Returner, hints Hints, base context.Context) *Call {
	c := &Call{}
	c.Init(method, interfaceID, methodID, params, ret, hints, base)
	return c
}

// Init makes c, which must be new, what NewCall returns.
func (c *Call) Init(method *Method, interfaceID uint64, methodID uint16, params Payload, ret Returner, hints Hints, base context.Context) {
	c.method, c.interfaceID, c.methodID = method, interfaceID, methodID
	c.params, c.ret, c.hints, c.base = params, ret, hints, base
}

// Derive makes d, which must be new, a call of the same method with other parameters, whose
// outcome goes to ret: wrappers use it. d passes the gates that c passes.
func (c *Call) Derive(d *Call, params Payload, ret Returner) {
	d.method, d.interfaceID, d.methodID, d.hints = c.method, c.interfaceID, c.methodID, c.hints
	d.hops, d.base, d.gate, d.slots = c.hops, c.base, c.gate, c.slots
	d.params, d.ret = params, ret
}

// Returner is who hears what becomes of the call.
func (c *Call) Returner() Returner { return c.ret }

// WantResults makes the results come although the caller has promised to use only what is pipelined
// on them. It is for who has derived the call and has use for them.
func (c *Call) WantResults() { c.hints.OnlyPipeline = false }

// Method returns the method called, or nil while only its numbers are known.
func (c *Call) Method() *Method { return c.method }

// InterfaceID is the id of the interface that declares the method.
func (c *Call) InterfaceID() uint64 { return c.interfaceID }

// MethodID is the method's ordinal in that interface.
func (c *Call) MethodID() uint16 { return c.methodID }

// Hints returns what the caller promised.
func (c *Call) Hints() Hints { return c.hints }

// Name describes the method for errors.
func (c *Call) Name() string {
	if c.method != nil {
		return c.method.String()
	}
	return fmt.Sprintf("@%#x.@%d", c.interfaceID, c.methodID)
}

// Payload returns the parameters as they travel. Methods use ParamsStruct.
func (c *Call) Payload() *Payload { return &c.params }

// AddGate makes the call pass g before it starts.
func (c *Call) AddGate(g Gate) {
	if c.gate != nil {
		g = twoGates{c.gate, g}
	}
	c.gate = g
}

// Hop counts one more handing on from a hook to another. It reports false, having failed the
// call, when there were too many.
func (c *Call) Hop(t *Turn) bool {
	if c.hops++; c.hops > maxForwards {
		c.Refuse(NewError(Failed, "the capability forwards calls to itself"), t)
		return false
	}
	return true
}

// Return ends the call; the first one counts. Results of later ones are released.
func (c *Call) Return(r Result, t *Turn) {
	if !c.end(r, t) {
		r.Payload.Drop(t)
	}
}

// Refuse ends a call that no method has seen: besides returning err it gives the parameters back.
func (c *Call) Refuse(err error, t *Turn) {
	c.Return(Result{Err: err}, t)
	c.params.Drop(t)
}

// Returned reports whether the call has ended.
func (c *Call) Returned() bool { return c.state.Load()&callReturned != 0 }

// OfferPipeline tells the caller's side where capabilities of the coming results can be reached.
func (c *Call) OfferPipeline(p Pipeline, t *Turn) {
	if !c.Returned() {
		if c.layered() {
			p = c.layer.CrossedPipeline(p)
		}
		c.ret.SetPipeline(c, p, t)
	}
}

// SetExecutor names who works on the call from now on. It reports false if the call has been
// cancelled already: then do not start.
func (c *Call) SetExecutor(x Canceler) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exec = x
	return c.cause == nil
}

// Cancel asks whoever works on the call to stop, and ends the context of its method.
func (c *Call) Cancel(cause error, t *Turn) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = cause
	if c.done == nil {
		c.done = closedChan
	} else {
		close(c.done)
	}
	exec, afters := c.exec, c.afters
	c.afters = nil
	c.mu.Unlock()
	for _, a := range afters {
		go a.f()
	}
	if exec != nil {
		exec.CancelCall(c, t)
	}
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// The context of a method: ends when the caller no longer wants the call and nothing pipelined
// on it is left, when the connection is lost, or when the method has returned.

// Deadline implements context.Context; a call carries none.
func (c *Call) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (c *Call) Done() <-chan struct{} {
	c.begun()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
	}
	return c.done
}

// Err implements context.Context.
func (c *Call) Err() error {
	c.begun()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		return nil
	}
	return context.Canceled
}

// Cause returns why the call was cancelled, or nil.
func (c *Call) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

type callKey struct{}

// Value implements context.Context.
func (c *Call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	if c.base != nil {
		return c.base.Value(key)
	}
	return nil
}

type after struct{ f func() }

// AfterFunc calls f in its own goroutine once the context has ended; stop undoes that and reports
// whether it was in time. Package context uses it instead of a goroutine per derived context.
func (c *Call) AfterFunc(f func()) (stop func() bool) {
	a := &after{f}
	c.begun()
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		go f()
		return func() bool { return false }
	}
	c.afters = append(c.afters, a)
	c.mu.Unlock()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, x := range c.afters {
			if x == a {
				c.afters = append(c.afters[:i], c.afters[i+1:]...)
				return true
			}
		}
		return false
	}
}
