package engine

import (
	"slices"
	"sync"

	"lanyard.dev/capnp"
)

// question is a call (or Bootstrap) of ours that the peer has not returned, or whose Finish has
// not gone out. It leads to the capabilities in its results before they are there.
//
//	asked ──Return──▶ done (Finish sent, id free)
//	  └─cancel─▶ canceled (Finish sent) ──Return──▶ id free
//
// Those in tail.go end otherwise.
type question struct {
	e    *Engine
	id   uint32
	call *capnp.Call // until it has ended; what leads here must not keep it
	note *Note       // nil unless the call is watched

	exports  []uint32 // given to the peer with the parameters
	back     []bool   // result capability i is one of ours
	canceled bool
	used     bool // calls were pipelined on it before it was cancelled
	done     bool // results, or what stands for them, are known; guarded by mu

	mu     sync.Mutex
	paths  []*remote    // what was pipelined, until done
	result capnp.Result // valid when done
	hooks  []capnp.Hook // the results' capabilities as they came; the payload keeps them
	taking *answer      // the results are those of this answer

	last *lasting // nil for most; does not change once others know the question
}

// At implements capnp.Pipeline. It is called from any goroutine.
func (q *question) At(path []uint16) capnp.Hook {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done {
		return q.hookAt(path)
	}
	r := &remote{e: q.e, q: q, id: q.id, path: slices.Clone(path), promise: true}
	q.paths = append(q.paths, r)
	return r
}

// Await implements capnp.Awaiter.
func (q *question) Await(w *capnp.Waiter) { q.e.host.Await(w) }

// Hasten implements capnp.Awaiter.
func (q *question) Hasten() { q.e.host.Hasten() }

// CancelCall implements capnp.Canceler.
func (q *question) CancelCall(_ *capnp.Call, t *capnp.Turn) {
	q.e.host.Push(Command{op: opCancel, q: q}, t)
}

// hookAt returns what a path has turned out to be.
func (q *question) hookAt(path []uint16) capnp.Hook {
	switch {
	case q.taking != nil:
		return q.taking.pipe.At(path)
	case q.result.Err != nil:
		return capnp.BrokenHook(q.result.Err)
	}
	if i, ok := q.result.Payload.IndexAt(path); ok && i < len(q.hooks) {
		return q.hooks[i]
	}
	return capnp.NullHook()
}

// ask enters a question in the table and takes charge of the call. It returns nil if the call is
// over already or there is no room.
func (e *Engine) ask(c *capnp.Call, last *lasting, t *capnp.Turn) *question {
	if e.closed != nil {
		c.Refuse(e.closed, t)
		return nil
	}
	if e.questions.len()+len(e.high) >= e.limits.Questions {
		e.limited("Questions", t)
		c.Refuse(capnp.Errorf(capnp.Overloaded, "more than %d calls wait on one connection", e.limits.Questions), t)
		return nil
	}
	q := &question{e: e, call: c, last: last}
	if !c.SetExecutor(q) {
		c.Refuse(capnp.AsException(c.Cause()), t)
		return nil
	}
	if last.only() {
		q.id = e.addHigh(q)
	} else {
		q.id = e.questions.add(q)
	}
	if e.watcher != nil {
		q.note = e.watcher.Asked(c, q.id, t)
	}
	return q
}

func (e *Engine) sendCall(r *remote, c *capnp.Call, t *capnp.Turn) {
	if r.gone {
		c.Refuse(errGone, t)
		return
	}
	last := e.lastingFor(c)
	q := e.ask(c, last, t)
	if q == nil {
		return
	}
	caps, _, exports, err := e.describe(c.Payload().Hooks(), t)
	if err != nil {
		e.unsent(q, err, t)
		return
	}
	q.exports = exports
	e.callMsg = Message{
		Type: Call, ID: q.id, Target: r.wireTarget(),
		InterfaceID: c.InterfaceID(), MethodID: c.MethodID(),
		NoPipelining: c.Hints().NoPipelining && !last.tail(), OnlyPipeline: last.only(),
		Payload: *c.Payload(), Caps: caps, Note: q.note,
	}
	if last.tail() {
		e.callMsg.SendResultsTo = ToYourself
	}
	if err = e.send(&e.callMsg); err != nil {
		e.unsent(q, err, t)
		return
	}
	r.used = true
	c.Payload().Release(t)
	if !e.callMsg.NoPipelining {
		c.OfferPipeline(q, t)
	}
	if last != nil {
		e.lasts(q, t)
	}
}

// unsent undoes ask for a call that the peer never hears of.
func (e *Engine) unsent(q *question, err error, t *capnp.Turn) {
	for _, id := range q.exports {
		e.releaseExport(id, 1, t)
	}
	e.drop(q)
	c := q.call
	e.finishPaths(q, capnp.Result{Err: err}, t)
	q.end(q.result, t)
	c.Payload().Release(t)
}

// drop takes q out of its table.
func (e *Engine) drop(q *question) {
	if q.last.only() {
		delete(e.high, q.id)
	} else {
		e.questions.remove(q.id)
	}
}

// bootstrap asks for the peer's bootstrap capability, or for the object that m names.
func (e *Engine) bootstrap(c *capnp.Call, m *Message, t *capnp.Turn) {
	q := e.ask(c, nil, t)
	if q == nil {
		return
	}
	if m == nil {
		m = &Message{}
	}
	m.Type, m.ID, m.Note = Bootstrap, q.id, q.note
	e.send(m)
	c.OfferPipeline(q, t)
}

// cancel tells the peer that nobody wants the results. What was pipelined on them still runs.
func (e *Engine) cancel(q *question, t *capnp.Turn) {
	if q.taking != nil {
		q.taking.unwanted = true
		e.maybeCancel(q.taking, t)
		return
	}
	if q.done || q.canceled || e.closed != nil {
		return
	}
	q.canceled = true
	q.mu.Lock() // At may add to them
	for _, r := range q.paths {
		q.used = q.used || r.used
	}
	q.mu.Unlock()
	if q.last == nil || !q.last.noFinish {
		e.send(&Message{Type: Finish, ID: q.id, ReleaseResultCaps: true})
	}
	err := errGivenUp
	if q.call != nil {
		err = capnp.AsException(q.call.Cause())
	}
	e.finishPaths(q, capnp.Result{Err: err}, t)
	q.end(capnp.Result{Err: err}, t)
	if q.last != nil && q.last.noReturn() {
		e.drop(q)
	}
}

// finishPaths settles what was pipelined on q.
func (e *Engine) finishPaths(q *question, r capnp.Result, t *capnp.Turn) {
	q.mu.Lock()
	q.done, q.result = true, r
	paths := q.paths
	q.paths = nil
	q.mu.Unlock()
	for _, p := range paths {
		back := false
		if r.Err == nil && q.taking == nil {
			if i, ok := q.result.Payload.IndexAt(p.path); ok && i < len(q.back) {
				back = q.back[i]
			}
		}
		e.settle(p, q.hookAt(p.path), back || q.taking != nil, t)
	}
}

// returned handles a Return.
func (e *Engine) returned(m *Message, t *capnp.Turn) {
	q, ok := e.questions.get(m.ID)
	if !ok {
		if m.ID&(1<<31) == 0 {
			e.fail(t, "Return for question %d, which was not asked", m.ID)
			return
		}
		e.noHints = true
		if q, ok = e.high[m.ID]; !ok {
			return
		}
	}
	if m.ReleaseParamCaps {
		for _, id := range q.exports {
			e.releaseExport(id, 1, t)
		}
		q.exports = nil
		if e.closed != nil {
			return
		}
	}
	if q.last.only() {
		q.last.noFinish = q.last.noFinish || m.NoFinishNeeded
		return
	}
	if q.canceled {
		// Our Finish said what happens to the results: they are not ours.
		e.questions.remove(q.id)
		if m.Outcome == TakeFromOtherQuestion {
			if row, ok := e.answers[m.Other]; ok && row.redirect && !row.taken {
				row.taken, row.unwanted = true, true
				if q.used {
					row.behind = 1 // for ever
				}
				e.maybeCancel(row, t)
			}
		}
		return
	}
	if q.last.tail() {
		e.returnedElsewhere(q, m, t)
		return
	}
	var r capnp.Result
	switch m.Outcome {
	case Results:
		hooks, back, err := e.receiveCaps(m.Caps, t)
		if err != nil {
			e.fail(t, "Return: %s", err)
			return
		}
		q.hooks, q.back = slices.Clone(hooks), back
		m.Payload.SetHooks(hooks)
		r.Payload = m.Payload
	case Exception:
		r.Err = m.Exception
	case TakeFromOtherQuestion:
		row, ok := e.answers[m.Other]
		if !ok || !row.redirect || row.taken {
			e.fail(t, "Return takes the results of call %d, which has none to take", m.Other)
			return
		}
		e.take(q, row, m.NoFinishNeeded, t)
		return
	case Canceled:
		e.fail(t, "Return says that call %d was canceled; it was not", m.ID)
		return
	case ResultsSentElsewhere:
		e.fail(t, "Return says that results of call %d went elsewhere; that was not asked for", m.ID)
		return
	default:
		r.Err = capnp.NewError(capnp.Unimplemented, "the peer sent the results by a way that is not supported")
	}
	e.finishPaths(q, r, t)
	q.end(r, t)
	e.over(q, m.NoFinishNeeded)
}

// over ends a question that has returned.
func (e *Engine) over(q *question, noFinish bool) {
	if e.closed != nil {
		return
	}
	e.questions.remove(q.id)
	if !noFinish {
		e.send(&Message{Type: Finish, ID: q.id})
	}
}

// take makes the results of row, a call of the peer's, those of q, a call of ours: the peer
// answered ours by calling us (a tail call).
func (e *Engine) take(q *question, row *answer, noFinish bool, t *capnp.Turn) {
	row.taken = true
	taking := func() {
		q.mu.Lock()
		q.taking = row
		q.mu.Unlock()
	}
	if !capnp.LinkPipeline(q, &row.pipe, taking) {
		r := capnp.Result{Err: capnp.NewError(capnp.Failed, "the call would end as itself")}
		e.finishPaths(q, r, t)
		q.end(r, t)
		e.over(q, noFinish)
		return
	}
	paths := q.paths
	e.finishPaths(q, capnp.Result{}, t)
	for _, r := range paths {
		if r.embargo {
			r.behind = row
			row.behind++
		}
	}
	e.over(q, noFinish)
	if row.returned {
		row.moved = true
		q.end(row.result, t)
		return
	}
	row.taker = q
}
