package engine

import "lanyard.dev/capnp"

// This file is about questions whose results never come here. Their rows last as long as something
// may be pipelined on them.
//
//	tail call         sent with sendResultsTo.yourself for a call of the peer's to end as it does.
//	                  Needed until the peer has finished that call: what it pipelined there passes
//	                  through here. Gets a Return, which only says that the results are elsewhere.
//	pipeline only     sent with onlyPromisePipeline. Needed as long as somebody has the promise. Gets
//	                  no Return, so its id is free at the Finish, and is not used again soon.
//
// Both are needed, besides, while anybody refers to a path into their results.

// lasting is what such a question has besides others. A nil one is a question's of the usual kind.
type lasting struct {
	from     *answer // tail call: to end that
	held     bool    // pipeline only: somebody has the promise
	returned bool
	noFinish bool
}

func (l *lasting) tail() bool { return l != nil && l.from != nil }
func (l *lasting) only() bool { return l != nil && l.from == nil }

// noReturn reports whether there is no Return to come.
func (l *lasting) noReturn() bool { return l.from == nil || l.returned }

var (
	errGivenUp   = capnp.NewError(capnp.Failed, "the call was canceled")
	errElsewhere = capnp.NewError(capnp.Failed, "the results of the call did not come here, and nothing can be pipelined on them any more")
)

// sentElsewhere stands for the results of a tail call: the row that gets it ends as q does.
type sentElsewhere struct{ q *question }

func (s *sentElsewhere) Error() string { return errElsewhere.Error() }

// lastingFor decides what kind of question a call of ours becomes.
func (e *Engine) lastingFor(c *capnp.Call) *lasting {
	if c.Hints().OnlyPipeline {
		if e.noHints {
			return nil
		}
		return &lasting{held: true}
	}
	row, ok := c.TailReturner().(*answer)
	if !ok || row.e != e || row.redirect || row.noReturn || row.returned || row.finished {
		return nil
	}
	return &lasting{from: row}
}

// lasts is called when q has been sent.
func (e *Engine) lasts(q *question, t *capnp.Turn) {
	c := q.call
	if row := q.last.from; row != nil {
		row.tails = append(row.tails, q)
		c.SentElsewhere(&sentElsewhere{q}, t)
		return
	}
	if c.AnswersHere() {
		q.noted(t)
		q.call = nil // nobody waits for it, and that nobody has the promise is for the collector to find
	}
}

// noted tells who watches the call that it is over as far as this side hears of it.
func (q *question) noted(t *capnp.Turn) {
	if n := q.note; n != nil {
		q.note = nil
		n.Listener.Over(q.call, capnp.Result{}, t)
	}
}

// addHigh enters a question in the table of those that get no Return. Ids go round, so that a Return
// which comes all the same does not meet another question.
func (e *Engine) addHigh(q *question) uint32 {
	for {
		id := e.nextHigh | 1<<31
		e.nextHigh++
		if _, used := e.high[id]; !used {
			e.high[id] = q
			return id
		}
	}
}

// Abandon implements capnp.Abandoner, from any goroutine.
func (q *question) Abandon(t *capnp.Turn) {
	if q.last != nil {
		q.e.host.Push(Command{op: opAbandon, q: q}, t)
	}
}

// Follows implements capnp.Follower.
func (q *question) Follows() capnp.Pipeline {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taking == nil {
		return nil
	}
	return &q.taking.pipe
}

// endAs ends row, a call of the peer's, with the results that the peer keeps for q.
func (e *Engine) endAs(row *answer, q *question, t *capnp.Turn) {
	row.result.Err = &sentElsewhere{q}
	m := &e.returnMsg
	*m = Message{Type: Return, ID: row.id, Outcome: TakeFromOtherQuestion, Other: q.id, Note: row.note}
	if row.finished {
		m.Outcome = Canceled // q goes on for what was pipelined
	}
	m.ReleaseParamCaps = e.returnParams(row, t)
	e.send(m)
	row.over(capnp.Result{}, t)
	if row.finished {
		e.forget(row, t)
	}
}

// returnedElsewhere handles the Return for a tail call.
func (e *Engine) returnedElsewhere(q *question, m *Message, t *capnp.Turn) {
	switch {
	case q.last.returned:
		e.fail(t, "second Return for question %d", m.ID)
	case m.Outcome != ResultsSentElsewhere:
		e.fail(t, "Return for call %d says %s; its results were to stay there", m.ID, m.Outcome)
	default:
		q.last.returned, q.last.noFinish = true, m.NoFinishNeeded
		q.noted(t)
		e.maybeOver(q, t)
	}
}

// maybeOver finishes a lasting question that nobody needs any more.
func (e *Engine) maybeOver(q *question, t *capnp.Turn) {
	if e.closed != nil || q.done || q.last.held || q.last.tail() && !q.last.from.gone || q.inUse() {
		return
	}
	if !q.last.noFinish {
		e.send(&Message{Type: Finish, ID: q.id, ReleaseResultCaps: true})
	}
	q.canceled = true
	q.noted(t)
	e.finishPaths(q, capnp.Result{Err: errElsewhere}, t)
	q.end(capnp.Result{Err: errElsewhere}, t)
	if q.last.noReturn() {
		e.drop(q)
	}
}

// inUse reports whether anybody refers to a path into the results.
func (q *question) inUse() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.paths {
		if r.InUse() {
			return true
		}
	}
	return false
}
