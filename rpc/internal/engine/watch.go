package engine

import (
	"context"

	"lanyard.dev/capnp"
)

// A Watcher hears of calls. Like Host.Push, its methods may only enqueue.
type Watcher interface {
	// Asked is called for each question of ours before it is sent, with its call and its id.
	Asked(c *capnp.Call, id uint32, t *capnp.Turn) *Note
	// Limited is called when a limit was reached: the field of Limits.
	Limited(limit string, t *capnp.Turn)
}

// A Note is one call that is watched. The host makes those of the peer's calls, in Message.Note. It
// is a pointer to one field so that rows are not larger than without.
type Note struct{ Listener Listener }

// A Listener hears how a call ends. Like Host.Push, it may only enqueue.
type Listener interface {
	// Over is called once. c is nil for what never became a call.
	Over(c *capnp.Call, r capnp.Result, t *capnp.Turn)
}

// Watch lets w hear of everything from now on.
func (e *Engine) Watch(w Watcher) { e.watcher = w }

// limited tells that a limit was reached.
func (e *Engine) limited(limit string, t *capnp.Turn) {
	if e.watcher != nil {
		e.watcher.Limited(limit, t)
	}
}

// end ends the call behind a question.
func (q *question) end(r capnp.Result, t *capnp.Turn) {
	if n := q.note; n != nil {
		q.note = nil
		n.Listener.Over(q.call, r, t)
	}
	if c := q.call; c != nil {
		q.call = nil
		c.Return(r, t)
	} else {
		r.Payload.Release(t)
	}
}

// over notes that a call of the peer's has ended.
func (row *answer) over(r capnp.Result, t *capnp.Turn) {
	if n := row.note; n != nil {
		row.note = nil
		n.Listener.Over(row.call, r, t)
	}
}

// adopt makes the row remember m's note.
func (row *answer) adopt(m *Message) { row.note, m.Note = m.Note, nil }

// baseOf is the base of the context of a Call.
func (e *Engine) baseOf(m *Message) context.Context {
	if m.Base != nil {
		return m.Base
	}
	return e.host.Context()
}

// ignored ends the note of a message that no row has adopted.
func (e *Engine) ignored(m *Message, t *capnp.Turn) {
	if m.Note != nil {
		m.Note.Listener.Over(nil, capnp.Result{Err: capnp.NewError(capnp.Failed, "the call was not taken")}, t)
	}
}
