package engine

import (
	"fmt"

	"lanyard.dev/capnp"
)

// export is a capability that the peer may refer to.
type export struct {
	e       *Engine
	id      uint32
	hook    capnp.Hook // retained; after Resolve, what the Resolve named
	refs    int
	promise bool // announced as a promise and not resolved
	gone    bool
}

// Settled implements capnp.Watcher: a promise that the peer knows has become something.
func (x *export) Settled(_ capnp.Hook, t *capnp.Turn) {
	x.e.host.Push(Command{op: opSettled, export: x}, t)
}

// describe makes the descriptors for hooks, entering in the exports table what the peer does not
// know. named is what calls on each must go to from then on; exports are the ids of the exports that
// the descriptors give a reference to.
func (e *Engine) describe(hooks []capnp.Hook, t *capnp.Turn) (caps []Descriptor, named []capnp.Hook, exports []uint32, err error) {
	if len(hooks) == 0 {
		return nil, nil, nil, nil
	}
	if len(hooks) > e.limits.Caps {
		return nil, nil, nil, capnp.Errorf(capnp.Failed, "more than %d capabilities in one message", e.limits.Caps)
	}
	caps, named = make([]Descriptor, len(hooks)), make([]capnp.Hook, len(hooks))
	after := len(e.after)
	for i, h := range hooks {
		caps[i], named[i], err = e.descriptor(h, t)
		if err != nil {
			e.after = e.after[:after]
			for _, id := range exports {
				e.releaseExport(id, 1, t)
			}
			return nil, nil, nil, err
		}
		switch caps[i].Kind {
		case SenderHosted, SenderPromise:
			exports = append(exports, caps[i].ID)
		}
	}
	return caps, named, exports, nil
}

// descriptor makes the descriptor for h. It also returns the hook that it names.
func (e *Engine) descriptor(h capnp.Hook, t *capnp.Turn) (Descriptor, capnp.Hook, error) {
	h = capnp.ShortenAll(h)
	if capnp.IsNullHook(h) {
		return Descriptor{Kind: None}, capnp.NullHook(), nil
	}
	if r, ok := h.(*remote); ok && r.e == e {
		switch {
		case r.settled != nil:
			// On its way to something else, but calls must still go through it here.
			if s := r.Shorten(); s != nil {
				return e.descriptor(s, t)
			}
		case r.gone:
			return e.export(capnp.BrokenHook(errGone), t)
		case r.imported:
			r.used = r.used || r.promise
			return Descriptor{Kind: ReceiverHosted, ID: r.id}, r, nil
		default:
			r.used = true
			return Descriptor{Kind: ReceiverAnswer, ID: r.id, Path: r.path}, r, nil
		}
	}
	return e.export(h, t)
}

func (e *Engine) export(h capnp.Hook, t *capnp.Turn) (Descriptor, capnp.Hook, error) {
	x, ok := e.byHook[h]
	if !ok {
		if e.exports.len() >= e.limits.Exports {
			e.limited("Exports", t)
			return Descriptor{}, nil, capnp.Errorf(capnp.Overloaded, "more than %d capabilities exported", e.limits.Exports)
		}
		x = &export{e: e, hook: h}
		broken := h.Broken()
		promise := h.Promise()
		if s := capnp.ShortenAll(h); s != h {
			// It has settled since it was shortened: it must not become an export beside what it
			// stands for, or the peer would take one capability for two.
			return e.descriptor(s, t)
		}
		if broken == nil && promise {
			if !h.Watch(x, t) { // it settled just now
				return e.descriptor(h, t)
			}
			x.promise = true
		}
		h.Retain()
		x.id = e.exports.add(x)
		e.byHook[h] = x
		if broken != nil {
			// There is no descriptor for a broken capability: it is a promise that fails.
			x.promise = true
			e.after = append(e.after, e.resolveMessage(x, nil, broken))
		}
	}
	x.refs++
	if x.promise {
		return Descriptor{Kind: SenderPromise, ID: x.id}, h, nil
	}
	return Descriptor{Kind: SenderHosted, ID: x.id, File: e.fileOf(h)}, h, nil
}

func (e *Engine) resolveMessage(x *export, cap []Descriptor, err error) *Message {
	if err != nil {
		return &Message{Type: Resolve, ID: x.id, Outcome: Exception, Exception: capnp.AsException(err)}
	}
	return &Message{Type: Resolve, ID: x.id, Outcome: Results, Caps: cap}
}

// resolve tells the peer what a promise of ours has become. From then on calls on the promise go,
// for ever, to what the message named.
func (e *Engine) resolve(x *export, t *capnp.Turn) {
	if x.gone || !x.promise || e.closed != nil {
		return
	}
	h := capnp.ShortenAll(x.hook)
	if h == x.hook && h.Broken() == nil {
		if h.Watch(x, t) {
			return // settled, but there are calls on their way still
		}
		h = capnp.ShortenAll(x.hook)
	}
	if e.byHook[x.hook] == x {
		delete(e.byHook, x.hook)
	}
	x.promise = false
	err := h.Broken() // null is broken here: a Resolve must not name no capability
	var caps []Descriptor
	if err == nil {
		var d Descriptor
		var named capnp.Hook
		if d, named, err = e.descriptor(h, t); err == nil && d.Kind != None {
			caps, h = []Descriptor{d}, named
		} else if err == nil {
			err = capnp.NullHook().Broken()
		}
	}
	h.Retain()
	x.hook.Release(t)
	x.hook = h
	e.send(e.resolveMessage(x, caps, err))
}

// releaseExport takes n references of the peer's back.
func (e *Engine) releaseExport(id uint32, n int, t *capnp.Turn) {
	x, ok := e.exports.get(id)
	if !ok || x.refs < n {
		e.fail(t, "Release of export %d drops more references than there are", id)
		return
	}
	x.refs -= n
	if x.refs > 0 {
		return
	}
	x.gone = true
	e.exports.remove(id)
	if e.byHook[x.hook] == x {
		delete(e.byHook, x.hook)
	}
	x.hook.Release(t)
}

// receiveCaps turns descriptors into hooks, each retained. back[i] says that the capability is
// one of ours, or is reached through us.
func (e *Engine) receiveCaps(caps []Descriptor, t *capnp.Turn) (hooks []capnp.Hook, back []bool, err error) {
	if len(caps) == 0 {
		return nil, nil, nil
	}
	if len(caps) > e.limits.Caps {
		e.limited("Caps", t)
		return nil, nil, fmt.Errorf("more than %d capabilities in one message", e.limits.Caps)
	}
	hooks, back = make([]capnp.Hook, len(caps)), make([]bool, len(caps))
	for i, d := range caps {
		switch d.Kind {
		case None:
			hooks[i] = capnp.NullHook()
		case SenderHosted, SenderPromise, ThirdPartyHosted:
			// A third party's capability comes with a vine: an export of the peer's that forwards.
			r, ok := e.imports[d.ID]
			if !ok {
				promise := d.Kind == SenderPromise
				if err := e.noRoom(promise, t); err != nil {
					for _, h := range hooks[:i] {
						h.Release(t)
					}
					return nil, nil, err
				}
				r = &remote{e: e, imported: true, id: d.ID, promise: promise}
				if promise {
					e.held.promises++
				}
				e.imports[d.ID] = r
			}
			r.count++
			r.attach(&caps[i])
			hooks[i] = r
		case ReceiverHosted:
			back[i] = true
			if x, ok := e.exports.get(d.ID); ok {
				hooks[i] = x.hook
			} else {
				hooks[i] = capnp.BrokenHook(capnp.Errorf(capnp.Failed, "export %d does not exist", d.ID))
			}
		case ReceiverAnswer:
			back[i] = true
			row, ok := e.answers[d.ID]
			switch {
			case !ok:
				hooks[i] = capnp.BrokenHook(capnp.Errorf(capnp.Failed, "call %d does not exist or was finished", d.ID))
			case len(d.Path) > e.limits.Ops:
				hooks[i] = capnp.BrokenHook(capnp.Errorf(capnp.Failed, "more than %d steps in a path", e.limits.Ops))
			default:
				hooks[i] = row.hookAt(d.Path)
			}
		default:
			hooks[i] = capnp.BrokenHook(capnp.NewError(capnp.Unimplemented, "a kind of capability that this vat does not know"))
		}
		hooks[i].Retain()
	}
	return hooks, back, nil
}
