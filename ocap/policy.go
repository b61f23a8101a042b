package ocap

import (
	"fmt"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// Policy judges the calls that cross a membrane, in both directions, on whatever crossed before.
//
// Judge returns nil to let a call pass, else why not: a Code, an exception (Code.Errorf makes
// them; those that are of Kind capnp.Unimplemented end calls as an object without the method
// does), or any other error, whose words Denied takes. The words reach the caller.
//
// Judge is called where calls are put in order, with locks held, by many goroutines at once: it
// decides by what it knows and returns. It must not block, make calls or release capabilities.
// What has to be asked elsewhere is for Admitter. If it panics the call is denied.
//
// A call on a promise may be judged before it is known what the promise becomes. To be let pass it
// needs no more than that one nil, so a policy must not depend on what the target is, unless it
// learns that from Root. A call that is denied then (Denied, or no Code at all), or for which Root
// is asked before the answer is known, waits until the promise resolves and is judged again, unless
// it turns out that it does not cross at all because the promise became something of the caller's
// own side. Calls behind it wait, too. Other codes end it at once.
type Policy interface {
	Judge(c *Crossing) error
}

// Admitter is a Policy that may take its time: calls that Judge let pass go through Admit next.
// They are held, in order for each reference, until done was called, from anywhere and with any
// locks held, with nil or an error as Judge returns. Only the first done counts. Calls that are
// cancelled or revoked while they are held end at once; done is still expected, and if it says nil
// then Ender hears that the call did not get through.
//
// Admit is called with no locks held, by one goroutine at a time for each reference, and in the
// order of the calls. It must not block, or it keeps up more than this call; it may make calls.
// How many calls may be held at a time says Options.Held.
type Admitter interface {
	Policy
	Admit(c *Crossing, done func(error))
}

// Handler is a Policy whose owner answers some interfaces itself, on the capability that the
// membrane was made for: the object never sees calls from outside on them, nor does Judge. What
// Handle returns is asked instead, as if it were on the caller's side: nothing that passes in or out
// is wrapped. Revocation ends these calls as well. Handle is called like Judge; what it returns stays
// the policy's, which must hold it as long as the membrane is used.
type Handler interface {
	Policy
	Handle(interfaceID uint64) (capnp.Client, bool)
}

// Redirector is a Policy whose owner answers any calls itself: what Handler does for the interfaces
// of one capability, Redirect does for each call, in both directions. Call Root only of calls that
// are redirected if it says so: those on promises wait until that is known.
type Redirector interface {
	Policy
	Redirect(c *Crossing) (capnp.Client, bool)
}

// Starter is a Policy that judges calls that it let pass once more when their method is about to
// start at an object in this process, which may be long after Judge. Start is called like Judge, and
// has to know by then what it needs: Root tells it nothing. An error ends the call.
type Starter interface {
	Policy
	Start(c *Crossing) error
}

// ResultJudge is a Policy that judges results as well. JudgeResults is called like Judge, with the
// results of calls that passed; an error ends the call in their place. What is pipelined on
// results waits until they were judged, so pipelining takes round trips.
type ResultJudge interface {
	Policy
	JudgeResults(c *Crossing, results capnp.Struct) error
}

// Ender is a Policy that is told when a call has ended that Judge, and Admit if there is one, let
// pass: once for each, with nil or the error that it ended with where it went. A call that was
// cancelled or revoked on the caller's side has ended only when the callee has returned.
// Crossing.Delivered says whether it got through. Ended is called like Judge.
type Ender interface {
	Policy
	Ended(c *Crossing, err error)
}

// Collapser is a Policy that can be one layer with another. When a membrane is made of a
// capability that came out of a membrane itself, Collapse is called with the policy of that one,
// nil if it lets everything pass. It returns a policy that lets pass what both let pass, or false
// if there have to be two layers. Revocation is taken care of: the new one dies with the old.
type Collapser interface {
	Policy
	Collapse(inner Policy) (Policy, bool)
}

// Crossing is a call that is about to cross a membrane. Its address is the call's identity until
// it has ended.
type Crossing struct {
	w         *wrapper
	call      atomic.Pointer[capnp.Call]
	known     *capnp.Method
	iface     uint64
	method    uint16
	asked     bool // Root could not be answered
	delivered atomic.Bool
	started   atomic.Bool
}

// InterfaceID is the id of the interface that declares the method called.
func (c *Crossing) InterfaceID() uint64 { return c.iface }

// MethodID is the method's ordinal in that interface.
func (c *Crossing) MethodID() uint16 { return c.method }

// Inward reports whether the caller is outside, where the holder is, and the callee inside.
func (c *Crossing) Inward() bool { return c.w.outer }

// Root reports whether the callee is what the membrane was made for. If that is not known yet it
// returns false, and the membrane discards what the policy decides: it will ask again.
func (c *Crossing) Root() bool {
	root, open := c.w.kind()
	if open != nil {
		c.asked = true
	}
	return root
}

// Method returns the method if the caller knows it, else nil: calls that came over a connection
// know only the numbers.
func (c *Crossing) Method() *capnp.Method { return c.known }

// Name describes the method for people.
func (c *Crossing) Name() string {
	if c.known != nil {
		return c.known.String()
	}
	return fmt.Sprintf("@%#x.@%d", c.iface, c.method)
}

// Params returns the parameters, to be read during Judge, Redirect and Admit only: later they are null.
// Take no capabilities out of them.
func (c *Crossing) Params() capnp.Struct {
	if call := c.call.Load(); call != nil {
		return call.Payload().Content().Struct()
	}
	return capnp.Struct{}
}

// Delivered reports whether the call was handed on to the callee.
func (c *Crossing) Delivered() bool { return c.delivered.Load() }

// Started reports whether the callee is an object in this process and its method has been started.
// It is known only to a policy that is a Starter.
func (c *Crossing) Started() bool { return c.started.Load() }

// Impl returns the callee if it is an object in this process, else nil: what the constructor of its
// capability was given. It is for policies whose owner trusts the objects here; do not call it.
func (c *Crossing) Impl() any {
	if h := c.w.inner(); h != nil {
		impl, _ := capnp.ImplOf(h)
		return impl
	}
	return nil
}

// Options of a membrane. The zero value, or nil, is good.
type Options struct {
	// Grantor names who can give more, for the words of what is denied: a label that the holder
	// knows, no address, no secret.
	Grantor string
	// Held is how many calls may wait for an Admitter at a time; those beyond end as Exhausted, to be
	// tried again later. 0 means 16384.
	Held int

	_ struct{}
}

const defaultHeld = 1 << 14
