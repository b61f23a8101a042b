package engine

import (
	"slices"

	"lanyard.dev/capnp"
)

// strict is a remote promise as the peer must see it once a message of ours has named it as what
// something is: whatever comes for that goes back to the peer by the same way for ever, also when
// the promise has resolved here and there would be a shorter one. The peer's Disembargo relies on
// it (rpc.capnp, "The Tribble 4-way Race Condition").
//
// A path cannot go to the peer for ever, because its question must be finished some day: two
// questions in opposite directions, each named in the other's results, would wait for each other.
// Once the results are there, and everything sent on the path has come back if they lead back
// here, what the peer would do with a call is known and can be done here: it would send it to
// just what its descriptor named.
//
// Invariant: a question is not finished while a path of it is strict and under an embargo.
type strict remote

// strictly returns the hook for what a descriptor named as being r.
func strictly(r *remote) capnp.Hook {
	if !r.promise {
		return r
	}
	return (*strict)(r)
}

func (s *strict) Deliver(c *capnp.Call, t *capnp.Turn) {
	s.Retain()
	s.e.host.Push(Command{op: opStrict, remote: (*remote)(s), call: c}, t)
}

// StandsFor implements capnp.Alias.
func (s *strict) StandsFor() capnp.Hook { return (*remote)(s) }

func (s *strict) Next() capnp.Hook                      { return nil }
func (s *strict) Shorten() capnp.Hook                   { return nil }
func (s *strict) Watch(capnp.Watcher, *capnp.Turn) bool { return false }
func (s *strict) Promise() bool                         { return false }
func (s *strict) Broken() error                         { return nil }
func (s *strict) String() string                        { return (*remote)(s).String() }

func (s *strict) Retain()               { (*remote)(s).Retain() }
func (s *strict) Release(t *capnp.Turn) { (*remote)(s).Release(t) }

// callStrictly carries out a delivery to a strict hook.
func (e *Engine) callStrictly(r *remote, c *capnp.Call, t *capnp.Turn) {
	if c.Returned() {
		c.Payload().Release(t)
	} else {
		e.pass((*strict)(r), c, t)
	}
	r.Release(t)
}

// pass hands a call from the inbox on to h. What that leads to on this connection it does at
// once: in the inbox, others could come between, which came later.
func (e *Engine) pass(h capnp.Hook, c *capnp.Call, t *capnp.Turn) {
	for c.Hop(t) {
		r, ok := h.(*remote)
		if s, strict := h.(*strict); strict && s.e == e {
			if r, h = e.beyond((*remote)(s)); h != nil {
				continue
			}
			e.sendCall(r, c, t)
			return
		}
		switch {
		case !ok || r.e != e:
			h.Deliver(c, t)
			return
		case r.embargo:
			r.Retain()
			r.queue = append(r.queue, c)
			return
		case r.settled == nil:
			e.sendCall(r, c, t)
			return
		}
		h = r.settled
	}
}

// beyond returns what calls on strict r are sent to, or, if that is not at the other end of this
// connection, the hook they go to.
func (e *Engine) beyond(r *remote) (to *remote, h capnp.Hook) {
	for range maxSteps {
		if r.imported || r.settled == nil || r.embargo {
			return r, nil
		}
		switch h := r.settled.(type) {
		case *remote:
			if h.e != e {
				return nil, h
			}
			r = h
		case *strict:
			if h.e != e {
				return nil, h
			}
			r = (*remote)(h)
		default:
			return nil, h
		}
	}
	return nil, capnp.BrokenHook(capnp.NewError(capnp.Failed, "a promise is part of its own resolution"))
}

// maxSteps bounds how many paths can stand for each other.
const maxSteps = 64

// hold retains what a descriptor named, to forward to it from now on.
func (e *Engine) hold(h capnp.Hook) {
	h.Retain()
	if s, ok := h.(*strict); ok && s.q != nil {
		s.q.held = append(s.q.held, (*remote)(s))
	}
}

// maybeFinish sends the Finish of a question that has returned, unless something may still have
// to be sent through a path of it.
func (e *Engine) maybeFinish(q *question) {
	held := func(r *remote) bool { return r.embargo }
	if !q.returned || q.finished || e.closed != nil || slices.ContainsFunc(q.held, held) {
		return
	}
	q.finished = true
	e.questions.remove(q.id)
	e.send(&Message{Type: Finish, ID: q.id})
}
