package engine

import "lanyard.dev/capnp"

// This file is how calls, and the Disembargoes behind them, go on through promises.
//
// When a message of ours has named a remote promise of the peer's as what something is, calls on
// that something are handed to the promise, and the peer's Disembargo takes the very same way: on
// the wire while the promise is open, into its queue under an embargo, and then on to what it
// has become. So it comes back behind every call, however many promises resolve to each other in
// both directions (rpc.capnp, "The Tribble 4-way Race Condition"). C++ keeps sending such calls to
// the peer for ever; then two questions in opposite directions, each named in the other's results,
// keep each other from being finished, and calls that the peer reflects can be overtaken by those
// made here when the promise comes home.

// queued is what waits for the end of an embargo: a call, or the echo of a Disembargo.
type queued struct {
	call *capnp.Call
	echo uint32
}

// pass hands a call on to what a remote has become. If that is on this connection again it goes to
// the end of the inbox like every other delivery, never past what is in there: a call that takes
// more steps at once than others would overtake them.
func (e *Engine) pass(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
	if c.Hop(t) {
		h.Deliver(c, t)
	}
}

// loopback sends a Disembargo for h back to where it came from, behind every call that took the
// same way. pointed says that h was found by way of a promise that leads back to the peer.
func (e *Engine) loopback(h capnp.Hook, id uint32, pointed bool, t *capnp.Turn) {
	for e.closed == nil {
		r, ok := h.(*remote)
		if ok && r.e == e {
			// Behind what is on its way through the inbox.
			r.Retain()
			e.host.Push(Command{op: opEcho, remote: r, id: id}, t)
			return
		}
		if s := h.Shorten(); s != nil {
			h = s
			continue
		}
		if h.Promise() && h.Watch(&looped{e, h, id, pointed}, t) {
			return
		}
		if s := h.Shorten(); s != nil {
			h = s
			continue
		}
		if !pointed {
			e.fail(t, "Disembargo for an object that does not point back to the sender")
			return
		}
		e.sendEcho(Target{}, id)
		return
	}
}

// looped waits for the target of a Disembargo to settle.
type looped struct {
	e       *Engine
	h       capnp.Hook
	id      uint32
	pointed bool
}

func (l *looped) Settled(_ capnp.Hook, t *capnp.Turn) {
	l.e.host.Push(Command{op: opLoopback, hook: l.h, id: l.id, pointed: l.pointed}, t)
}

// echo takes a Disembargo through r.
func (e *Engine) echo(r *remote, id uint32, t *capnp.Turn) {
	switch {
	case e.closed != nil:
	case r.embargo && !e.broken.noBarrier:
		r.queue = append(r.queue, queued{echo: id}) // with the reference
		return
	case r.settled == nil:
		e.sendEcho(r.wireTarget(), id)
	default:
		e.loopback(r.settled, id, true, t)
	}
	r.Release(t)
}

func (e *Engine) sendEcho(to Target, id uint32) {
	e.held.loops--
	e.send(&Message{Type: Disembargo, ID: id, Context: ReceiverLoopback, Target: to})
}
