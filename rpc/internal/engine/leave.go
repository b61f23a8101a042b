package engine

import "lanyard.dev/capnp"

// This file is how a connection comes to its end in good order.

// Idle reports whether nothing refers to the other side, in either direction: then the
// connection can be closed without anybody noticing (C++: VatNetwork's setIdle).
func (e *Engine) Idle() bool {
	return e.Stats() == Stats{}
}

// Quiet reports whether no call is under way, in either direction.
func (e *Engine) Quiet() bool {
	if e.questions.len()+len(e.orphans) > 0 {
		return false
	}
	for _, row := range e.answers {
		if !row.returned {
			return false
		}
	}
	return true
}

// Refuse makes every new call of the peer's fail with err, but for those that may belong to work
// under way: see refuses.
func (e *Engine) Refuse(err error) { e.leaving = err }

// refuses reports whether a call is new work. It is not if it is pipelined on a call that runs, or
// if it comes while the peer works for us: it may be what that call leads to.
func (e *Engine) refuses(to Target) bool {
	if e.leaving == nil || e.questions.len() > 0 {
		return false
	}
	if to.Kind != PromisedAnswer {
		return true
	}
	row, ok := e.answers[to.ID]
	return !ok || row.returned
}

// turnAway ends a call that refuses is true for.
func (e *Engine) turnAway(row *answer, t *capnp.Turn) {
	row.call.Return(capnp.Result{Err: e.leaving}, t)
}
