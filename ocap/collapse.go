package ocap

import (
	"runtime"
	"slices"
	"weak"

	"lanyard.dev/capnp"
)

// collapse returns what a membrane with policy p around w can be made around in place of w, and with
// what policy: one layer for two. The new one dies with the old (take).
func (w *wrapper) collapse(p Policy) (capnp.Hook, Policy, bool) {
	h, q := w.inner(), w.m.policy
	switch {
	case h == nil || !w.outer:
		return nil, nil, false
	case q == nil: // lets everything pass, whatever it is
		return h, p, true
	case !w.original():
		return nil, nil, false
	case p == nil:
		_, static := q.(Collapser)
		return h, q, static
	}
	c, ok := p.(Collapser)
	if !ok {
		return nil, nil, false
	}
	r, ok := c.Collapse(q)
	return h, r, ok
}

// take makes n, which was made in place of a membrane around one of m's wrappers, die with m.
func (m *membrane) take(n *membrane) {
	if !m.revocable {
		return
	}
	p := weak.Make(n)
	m.mu.Lock()
	dead := m.wrappers == nil
	if !dead {
		if m.collapsed == nil {
			m.collapsed = map[weak.Pointer[membrane]]struct{}{}
		}
		m.collapsed[p] = struct{}{}
		runtime.AddCleanup(n, func(m weak.Pointer[membrane]) {
			if m := m.Value(); m != nil {
				m.mu.Lock()
				delete(m.collapsed, p)
				m.mu.Unlock()
			}
		}, weak.Make(m))
	}
	m.mu.Unlock()
	if dead {
		n.revoke(m.reason.Load())
	}
}

// original reports whether w wraps what the membrane was made around.
func (w *wrapper) original() bool {
	h, r := w.inner(), w.m.root.load()
	if h == nil || r == nil {
		return false
	}
	h, _ = settled(h)
	r, _ = settled(r)
	return h == r
}

// kind reports whether w wraps what the membrane was made for, or else a promise that has to
// resolve before that is known.
func (w *wrapper) kind() (root bool, open capnp.Hook) {
	switch w.known.Load() {
	case isRoot:
		return true, nil
	case isOther:
		return false, nil
	}
	h, r := w.inner(), w.m.root.load()
	if h == nil || r == nil {
		return false, nil
	}
	h, hOpen := settled(h)
	for _, a := range append(slices.Clip(w.m.aliases), r) {
		a, aOpen := settled(a)
		switch {
		case a == h:
			w.known.Store(isRoot)
			return true, nil
		case aOpen:
			open = a
		}
	}
	if hOpen {
		open = h
	}
	if open == nil {
		w.known.Store(isOther)
	}
	return false, open
}

// What is known about a wrapper, once it is certain.
const (
	isRoot = iota + 1
	isOther
)

// settled returns what h has become, and whether that may still become another.
func settled(h capnp.Hook) (id capnp.Hook, open bool) {
	for {
		h = capnp.ShortenAll(h)
		switch {
		case h.Promise():
			return h, true
		case capnp.ShortenAll(h) == h:
			return h, false
		}
	}
}
