package engine

import (
	"lanyard.dev/capnp"
)

// answer is a call (or Bootstrap) of the peer's. It receives the result from whatever the call was
// delivered to, and leads to the capabilities in it, before and after.
//
//	running ──Return sent──▶ returned ──Finish──▶ gone
//	   └──Finish──▶ finished ──Return(canceled) sent──▶ gone
//
// A finished call goes on while pipelined calls wait for its results. What is pipelined on a call
// that ended as one of ours (tail.go) passes through the row until its Finish.
type answer struct {
	e    *Engine
	id   uint32
	call *capnp.Call
	note *Note        // nil unless the call is watched
	pipe capnp.Answer // pipelined calls, until the result is there; then it owns the result

	bytes   int64     // of the parameters
	kept    int64     // bytes of the results, if they stay here
	paths   int       // steps of paths made for the peer
	counted bool      // bytes are in held.params
	imports []*remote // in the parameters; one entry for each descriptor

	returned   bool
	finished   bool
	cancelable bool // the Finish means what it says
	noReturn   bool // onlyPromisePipeline
	redirect   bool // sendResultsTo.yourself
	taken      bool // a Return of the peer's names this answer
	moved      bool // the result's capabilities are somebody else's
	unwanted   bool // taken for a question that was given up
	behind     int  // embargoes to be lifted first: calls pipelined on that come back (see returned, too)
	gone       bool // no longer in the table
	taker      *question
	tails      []*question // sent for this call to end as one of them

	result  capnp.Result
	named   []capnp.Hook // what the descriptors in the Return stand for; retained
	exports []uint32
}

// Return implements capnp.Returner, from any goroutine.
func (row *answer) Return(c *capnp.Call, r capnp.Result, t *capnp.Turn) {
	row.e.host.Push(Command{op: opReturn, row: row, result: r}, t)
}

// SetPipeline implements capnp.Returner, from any goroutine.
func (row *answer) SetPipeline(c *capnp.Call, p capnp.Pipeline, t *capnp.Turn) {
	row.pipe.SetPipeline(c, p, t)
}

// Deserted is called from any goroutine when something that was pipelined on the call that this one
// ends as is gone.
func (row *answer) Deserted(t *capnp.Turn) {
	row.e.host.Push(Command{op: opIdle, row: row}, t)
}

func (e *Engine) newAnswer(id uint32) *answer {
	x := &struct { // one allocation
		row  answer
		call capnp.Call
	}{row: answer{e: e, id: id}}
	row := &x.row
	row.call = &x.call
	row.pipe.KeepBuilt()
	row.pipe.OnIdle(row)
	return row
}

// hookAt returns what a pipelined call on row goes to. After the Return that is, for ever, what
// its descriptors named, so that both sides mean the same thing.
func (row *answer) hookAt(path []uint16) capnp.Hook {
	if row.named != nil {
		if i, ok := row.result.Payload.IndexAt(path); ok {
			return row.named[i]
		}
		return capnp.NullHook()
	}
	return row.e.pathInto(row, path)
}

// incoming handles a Call.
func (e *Engine) incoming(m *Message, t *capnp.Turn) {
	if _, dup := e.answers[m.ID]; dup {
		e.fail(t, "Call uses question %d, which is in use", m.ID)
		return
	}
	if e.asked() >= e.limits.Answers {
		e.limited("Calls", t)
		e.fail(t, "more than %d calls at a time", e.limits.Answers)
		return
	}
	if m.SendResultsTo == ToThirdParty {
		e.unimplemented(m)
		return
	}
	target, ok := e.target(m.Target, t)
	if !ok {
		return
	}
	row := e.newAnswer(m.ID)
	hooks, _, err := e.receiveCaps(m.Caps, t)
	if err != nil {
		e.fail(t, "Call: %s", err)
		return
	}
	row.imports = importsOf(m.Caps, hooks)
	m.Payload.SetHooks(hooks)
	row.redirect = m.SendResultsTo == ToYourself
	row.noReturn = m.OnlyPipeline && !row.redirect // the results of a tail call are wanted
	row.call.Init(nil, m.InterfaceID, m.MethodID, m.Payload, row,
		capnp.Hints{NoPipelining: m.NoPipelining, OnlyPipeline: row.noReturn}, e.baseOf(m))
	row.adopt(m)
	row.pipe.For(row.call)
	e.answers[m.ID] = row
	if !e.admit(row, t) {
		return
	}
	if e.refuses(m.Target) {
		e.turnAway(row, t)
		return
	}
	target.Deliver(row.call, t)
}

// importsOf lists the imports that the descriptors gave us a reference to.
func importsOf(caps []Descriptor, hooks []capnp.Hook) (out []*remote) {
	for i, d := range caps {
		switch d.Kind {
		case SenderHosted, SenderPromise, ThirdPartyHosted:
			out = append(out, hooks[i].(*remote))
		}
	}
	return out
}

// bootstrapped handles a Bootstrap.
func (e *Engine) bootstrapped(m *Message, t *capnp.Turn) {
	if _, dup := e.answers[m.ID]; dup {
		e.fail(t, "Bootstrap uses question %d, which is in use", m.ID)
		return
	}
	if e.asked() >= e.limits.Answers {
		e.limited("Calls", t)
		e.fail(t, "more than %d calls at a time", e.limits.Answers)
		return
	}
	row := e.newAnswer(m.ID)
	if m.Object {
		e.askedFor(row, m, t)
		return
	}
	row.call.Init(nil, 0, 0, capnp.Payload{}, row, capnp.Hints{}, nil)
	row.adopt(m)
	e.answers[m.ID] = row
	e.held.calls++
	if e.leaving != nil {
		e.turnAway(row, t)
		return
	}
	h := e.host.Bootstrap()
	r := capnp.Result{}
	if h == nil {
		r.Err = capnp.NewError(capnp.Failed, "this vat has no bootstrap capability")
	} else {
		r.Payload = capnp.CapPayload(h)
	}
	row.call.Return(r, t)
}

// askedFor handles a Bootstrap that names an object. Finding it may take time, so it is a call.
func (e *Engine) askedFor(row *answer, m *Message, t *capnp.Turn) {
	row.call.Init(nil, 0, 0, m.Payload, row, capnp.Hints{}, e.baseOf(m))
	row.adopt(m)
	row.pipe.For(row.call)
	e.answers[m.ID] = row
	if !e.admit(row, t) {
		return
	}
	if e.leaving != nil {
		e.turnAway(row, t)
		return
	}
	if h := e.host.Objects(); h != nil {
		h.Deliver(row.call, t)
		return
	}
	// So does C++.
	row.call.Refuse(capnp.NewError(capnp.Failed, "this vat has a bootstrap capability only, and no objects that can be asked for by name"), t)
}

// doReturn handles what a call of the peer's ended with.
func (e *Engine) doReturn(row *answer, r capnp.Result, t *capnp.Turn) {
	if row.returned {
		r.Payload.Release(t)
		return
	}
	row.returned = true
	e.returns(row)
	if s, ok := r.Err.(*sentElsewhere); ok {
		if !s.q.done && e.closed == nil {
			e.endAs(row, s.q, t)
			return
		}
		r.Err = s.q.result.Err
	}
	if r.Err == nil {
		if err := r.Payload.Err(); err != nil {
			r.Payload.Release(t)
			r = capnp.Result{Err: capnp.AsException(err)}
		}
	}
	r = e.keep(row, r, t)
	var hooks []capnp.Hook
	if r.Err == nil {
		if row.redirect {
			r.Payload.Content() // to be read here
		}
		row.pipe.Settle(r, t)
		hooks = r.Payload.Hooks()
	} else {
		row.pipe.Settle(r, t)
	}
	row.result = r
	if e.closed != nil {
		row.over(r, t)
		row.result.Payload.Release(t)
		return
	}
	canceled := (row.finished && row.cancelable || row.unwanted) && row.call.Cause() != nil
	m := &e.returnMsg
	*m = Message{Type: Return, ID: row.id, ReleaseParamCaps: !canceled && !row.noReturn && e.returnParams(row, t), Note: row.note}
	switch {
	case row.redirect:
		m.Outcome = ResultsSentElsewhere
		row.named = hooks // for what is pipelined on the row until its Finish
		for _, h := range hooks {
			h.Retain()
		}
		if row.taker != nil {
			row.moved = true
			row.taker.end(r, t)
			row.taker = nil
		}
	case row.finished:
		m.Outcome = Canceled
	case r.Err != nil:
		m.Outcome, m.Exception = Exception, capnp.AsException(r.Err)
	default:
		if row.noReturn {
			break // the capabilities are reached through the row only
		}
		caps, named, exports, err := e.describe(hooks, t)
		if err != nil {
			m.Outcome, m.Exception = Exception, capnp.AsException(err)
			r = capnp.Result{Err: err}
			break
		}
		m.Outcome, m.Payload, m.Caps = Results, row.result.Payload, caps
		row.exports, row.named = exports, named
		for _, h := range named {
			h.Retain()
		}
		m.NoFinishNeeded = len(caps) == 0
	}
	if !row.noReturn {
		if err := e.send(m); err != nil {
			e.returnInstead(row, m, err, t)
			e.unsentResults(row)
			r = capnp.Result{Err: err}
		}
	}
	row.over(r, t)
	switch {
	case row.finished, m.NoFinishNeeded:
		e.forget(row, t)
	case row.named != nil && !row.redirect:
		row.result.Payload.Release(t) // named keeps them
		row.moved = true
	}
}

// returnInstead sends an exception because the results cannot be sent.
func (e *Engine) returnInstead(row *answer, m *Message, err error, t *capnp.Turn) {
	for _, id := range row.exports {
		e.releaseExport(id, 1, t)
	}
	row.exports = nil
	e.send(&Message{Type: Return, ID: row.id, ReleaseParamCaps: m.ReleaseParamCaps,
		Outcome: Exception, Exception: capnp.AsException(err)})
	m.NoFinishNeeded = false
}

// returnParams gives back the capabilities in the parameters that the method did not keep. It
// reports whether Return.releaseParamCaps can say so: every reference that the parameters gave us
// is then gone, and what is still in use has others.
func (e *Engine) returnParams(row *answer, t *capnp.Turn) bool {
	row.call.Payload().Release(t)
	if len(row.imports) == 0 {
		return true
	}
	given := map[*remote]int{}
	for _, r := range row.imports {
		given[r]++
	}
	for r, n := range given {
		if r.gone || r.embargo || r.references() > 0 && r.count-n < 1 {
			return false
		}
	}
	for r, n := range given {
		r.count -= n
		if r.count == 0 {
			e.released(r, t) // the peer may use the id for something else at once
		}
	}
	return true
}

// finish handles a Finish.
func (e *Engine) finish(m *Message, t *capnp.Turn) {
	row, ok := e.answers[m.ID]
	if !ok {
		return // of a call that needed none
	}
	if row.returned {
		if m.ReleaseResultCaps {
			for _, id := range row.exports {
				e.releaseExport(id, 1, t)
			}
		}
		row.exports = nil
		e.forget(row, t)
		return
	}
	row.finished = true
	row.cancelable = !m.EarlyCancelBug
	if row.noReturn {
		// Nothing follows: the id is free at once.
		delete(e.answers, row.id)
		e.orphans[row] = struct{}{}
	}
	e.maybeCancel(row, t)
}

// maybeCancel ends a call that nobody wants any more.
func (e *Engine) maybeCancel(row *answer, t *capnp.Turn) {
	stop := row.finished && row.cancelable && !row.taken ||
		row.unwanted && (row.finished || row.behind == 0)
	if !stop || row.returned || row.pipe.Dependants() {
		return
	}
	err := capnp.NewError(capnp.Failed, "the call was canceled")
	row.call.Cancel(err, t)
	row.call.Return(capnp.Result{Err: err}, t)
}

// forget drops a row whose Return and Finish have both gone by.
func (e *Engine) forget(row *answer, t *capnp.Turn) {
	if e.answers[row.id] == row {
		delete(e.answers, row.id)
	}
	delete(e.orphans, row)
	row.gone = true
	e.goes(row)
	row.dropResults(t)
	for _, q := range row.tails {
		e.maybeOver(q, t)
	}
	row.tails = nil
}

func (row *answer) dropResults(t *capnp.Turn) {
	for _, h := range row.named {
		h.Release(t)
	}
	row.named = nil
	if row.returned && !row.moved {
		row.result.Payload.Release(t)
	}
}
