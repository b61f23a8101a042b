package engine

import "lanyard.dev/capnp"

// receive handles one message of the peer's.
func (e *Engine) receive(m *Message, t *capnp.Turn) {
	if e.closed != nil {
		e.ignored(m, t)
		return
	}
	switch m.Type {
	case Call:
		e.incoming(m, t)
		e.ignored(m, t)
	case Return:
		e.returned(m, t)
	case Finish:
		e.finish(m, t)
	case Resolve:
		e.resolved(m, t)
	case Release:
		e.releaseExport(m.ID, int(m.Count), t)
	case Disembargo:
		e.disembargo(m, t)
	case Bootstrap:
		e.bootstrapped(m, t)
		e.ignored(m, t)
	case Abort:
		x := *m.Exception
		reason := x.Reason
		e.shutdown(&capnp.Exception{Kind: capnp.Disconnected, Reason: "the peer ended the connection: " + reason, Details: x.Details, Remote: true}, t)
	case Unimplemented:
		e.notUnderstood(m.Inner, t)
	default:
		e.unimplemented(m)
	}
}

// unimplemented sends back a message that is not supported.
func (e *Engine) unimplemented(m *Message) {
	e.send(&Message{Type: Unimplemented, Inner: m, Raw: m.Raw})
}

// notUnderstood handles a message of ours that came back.
func (e *Engine) notUnderstood(m *Message, t *capnp.Turn) {
	if m == nil {
		return
	}
	switch m.Type {
	case Unimplemented, Unknown:
		// Never answered: two peers would echo for ever.
	case Resolve:
		if m.Outcome == Results && len(m.Caps) == 1 {
			switch m.Caps[0].Kind {
			case SenderHosted, SenderPromise:
				e.releaseExport(m.Caps[0].ID, 1, t)
			}
		}
	case Call, Bootstrap:
		q, ok := e.questions.get(m.ID)
		if !ok {
			if q, ok = e.high[m.ID]; !ok {
				return
			}
		}
		e.drop(q)
		for _, id := range q.exports {
			e.releaseExport(id, 1, t)
		}
		r := capnp.Result{Err: &capnp.Exception{Kind: capnp.Unimplemented, Reason: "the peer does not support this kind of message", Remote: true}}
		if q.canceled {
			return
		}
		e.finishPaths(q, r, t)
		q.end(r, t)
	default:
		e.fail(t, "a peer must understand %s", m.Type)
	}
}

// target finds what a message is addressed to. It reports false if the message broke the
// protocol. A call on an answer that does not exist only fails: its Finish may have crossed.
func (e *Engine) target(to Target, t *capnp.Turn) (capnp.Hook, bool) {
	switch to.Kind {
	case ImportedCap:
		x, ok := e.exports.get(to.ID)
		if !ok {
			e.fail(t, "export %d does not exist", to.ID)
			return nil, false
		}
		return x.hook, true
	case PromisedAnswer:
		row, ok := e.answers[to.ID]
		if !ok {
			return capnp.BrokenHook(capnp.Errorf(capnp.Failed, "call %d does not exist or was finished", to.ID)), true
		}
		if len(to.Path) > e.limits.Ops {
			e.limited("PipelineOps", t)
			return capnp.BrokenHook(capnp.Errorf(capnp.Failed, "more than %d steps in a path", e.limits.Ops)), true
		}
		return row.hookAt(to.Path), true
	}
	return capnp.BrokenHook(capnp.NewError(capnp.Unimplemented, "a kind of target that this vat does not know")), true
}

// resolved handles a Resolve.
func (e *Engine) resolved(m *Message, t *capnp.Turn) {
	r, ok := e.imports[m.ID]
	if ok && (!r.promise || r.settled != nil) {
		e.fail(t, "Resolve for import %d, which is no promise", m.ID)
		return
	}
	if m.Outcome != Results {
		if ok {
			err := m.Exception
			if err == nil {
				err = capnp.NewError(capnp.Unimplemented, "the promise resolved in a way that this vat does not know")
			}
			e.settle(r, capnp.BrokenHook(err), false, t)
		}
		return
	}
	if ok && len(m.Caps) == 1 && m.Caps[0].Kind == None {
		e.settle(r, capnp.NullHook(), false, t)
		return
	}
	if len(m.Caps) != 1 {
		e.fail(t, "Resolve names %d capabilities", len(m.Caps))
		return
	}
	hooks, back, err := e.receiveCaps(m.Caps, t)
	if err != nil {
		e.fail(t, "Resolve: %s", err)
		return
	}
	if ok {
		e.settle(r, hooks[0], back[0], t)
	}
	hooks[0].Release(t) // settle keeps one of its own
}

// disembargo handles a Disembargo.
func (e *Engine) disembargo(m *Message, t *capnp.Turn) {
	switch m.Context {
	case SenderLoopback:
		if m.Target.Kind == PromisedAnswer {
			if _, ok := e.answers[m.Target.ID]; !ok {
				e.fail(t, "Disembargo for call %d, which does not exist", m.Target.ID)
				return
			}
		}
		if e.held.loops >= e.limits.Embargoes {
			e.limited("Embargoes", t)
			e.fail(t, "more than %d Disembargoes on their way", e.limits.Embargoes)
			return
		}
		h, ok := e.target(m.Target, t)
		if ok {
			e.held.loops++
			e.loopback(h, m.ID, false, t)
		}
	case ReceiverLoopback:
		r, ok := e.embargoes.get(m.ID)
		if !ok {
			e.fail(t, "Disembargo for embargo %d, which does not exist", m.ID)
			return
		}
		e.lift(r, t)
	default:
		e.unimplemented(m)
	}
}

// lift ends an embargo: every call that went the long way has arrived.
func (e *Engine) lift(r *remote, t *capnp.Turn) {
	e.embargoes.remove(r.embargoID)
	r.embargo = false
	queue := r.queue
	r.queue = nil
	for _, q := range queue {
		if q.call != nil {
			e.pass(r.settled, q.call, t)
		} else {
			e.loopback(r.settled, q.echo, true, t)
		}
	}
	e.publish(r, t)
	if row := r.behind; row != nil {
		r.behind = nil
		row.behind--
		e.maybeCancel(row, t)
	}
	for range queue {
		r.Release(t)
	}
	e.released(r, t)
}
