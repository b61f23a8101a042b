package engine

import "lanyard.dev/capnp"

// strict is a remote promise as the peer must see it once a message of ours has named it as what
// something is: whatever comes for that goes back to the peer by the same way for ever, also when
// the promise has resolved here and there would be a shorter one. The peer's Disembargo relies on
// it (rpc.capnp, "The Tribble 4-way Race Condition").
//
// Invariant: while there are references to a strict path, its question is not finished.
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

func (s *strict) Next() capnp.Hook                      { return nil }
func (s *strict) Shorten() capnp.Hook                   { return nil }
func (s *strict) Watch(capnp.Watcher, *capnp.Turn) bool { return false }
func (s *strict) Promise() bool                         { return false }
func (s *strict) Broken() error                         { return nil }
func (s *strict) String() string                        { return (*remote)(s).String() }

func (s *strict) Retain() {
	r := (*remote)(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strict++
	r.retainLocked()
}

func (s *strict) Release(t *capnp.Turn) {
	r := (*remote)(s)
	r.mu.Lock()
	r.strict--
	last := r.strict == 0
	r.mu.Unlock()
	if last && r.q != nil {
		r.e.host.Push(Command{op: opUnheld, q: r.q}, t)
	}
	r.Release(t)
}

// callStrictly carries out a delivery to a strict hook.
func (e *Engine) callStrictly(r *remote, c *capnp.Call, t *capnp.Turn) {
	switch q := r.q; {
	case c.Returned():
		c.Payload().Release(t)
	case r.settled != nil && r.settled.Broken() != nil:
		c.Refuse(r.settled.Broken(), t)
	case q != nil && (q.canceled || q.finished):
		c.Refuse(capnp.NewError(capnp.Failed, "the call was canceled"), t)
	default:
		e.sendCall(r, c, t)
	}
	(*strict)(r).Release(t)
}

// hold retains what a descriptor named, to forward to it from now on.
func (e *Engine) hold(h capnp.Hook) {
	h.Retain()
	if s, ok := h.(*strict); ok && s.q != nil {
		s.q.held = append(s.q.held, (*remote)(s))
	}
}

// isHeld reports whether the peer may still be sent something through a path of q.
func (q *question) isHeld() bool {
	for _, r := range q.held {
		r.mu.Lock()
		n := r.strict
		r.mu.Unlock()
		if n > 0 && (r.settled == nil || r.settled.Broken() == nil) {
			return true
		}
	}
	return false
}

// maybeFinish sends the Finish of a question that has returned, unless that must wait for the
// last strict path.
func (e *Engine) maybeFinish(q *question) {
	if !q.returned || q.finished || e.closed != nil || q.isHeld() {
		return
	}
	q.finished = true
	e.questions.remove(q.id)
	e.send(&Message{Type: Finish, ID: q.id})
}
