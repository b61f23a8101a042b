package ocap

import (
	"slices"

	"lanyard.dev/capnp"
)

// settler does for a wrapper what needs locks that Deliver must not take: it waits for promises,
// hands on the calls that were held until they resolved, and tells watchers.
type settler wrapper

// Watch implements capnp.Hook.
func (w *wrapper) Watch(x capnp.Watcher, t *capnp.Turn) bool {
	if !w.Promise() {
		return false
	}
	w.mu.Lock()
	w.watchers = append(w.watchers, x)
	w.mu.Unlock()
	t.Kick((*settler)(w))
	return true
}

// Settled implements capnp.Watcher, of the promises that the wrapper depends on.
func (s *settler) Settled(_ capnp.Hook, t *capnp.Turn) { t.Kick(s) }

// Drain implements capnp.Inbox. It is called with no lock held.
func (s *settler) Drain(t *capnp.Turn) {
	w := (*wrapper)(s)
	w.m.register(w) // for revoke to find it
	for range maxWatches {
		h := w.undecided()
		if h == nil {
			break
		}
		if h.Watch(s, t) {
			return
		}
	}
	w.flush(t)
	if h := w.inner(); h != nil && h.Promise() && w.watched() && h.Watch(s, t) {
		return
	}
	w.tell(t)
}

// undecided returns a promise that has to resolve before the calls held can be judged.
func (w *wrapper) undecided() capnp.Hook {
	w.mu.Lock()
	holding := w.holding
	w.mu.Unlock()
	if !holding {
		return nil
	}
	_, open := w.kind()
	return open
}

// kind reports whether w wraps what the membrane was made for, or else a promise that has to
// resolve before that is known.
func (w *wrapper) kind() (root bool, open capnp.Hook) {
	h, r := w.inner(), w.m.root.load()
	if h == nil || r == nil {
		return false, nil
	}
	h, hOpen := settled(h)
	r, rOpen := settled(r)
	switch {
	case h == r:
		return true, nil
	case hOpen:
		return false, h
	case rOpen:
		return false, r
	}
	return false, nil
}

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

// maxWatches bounds how often promises may turn out to have resolved when they are to be watched.
const maxWatches = 1000

// flush hands on the calls held. Calls that come meanwhile queue behind them.
func (w *wrapper) flush(t *capnp.Turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flushing {
		return
	}
	w.flushing = true
	for len(w.held) > 0 {
		calls := w.held
		w.held = nil
		w.mu.Unlock()
		for _, c := range calls {
			w.judged(w.m.policy.judge(w, c.InterfaceID(), c.MethodID()), c, t)
		}
		w.mu.Lock()
	}
	w.holding, w.flushing = false, false
}

func (w *wrapper) watched() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watchers) > 0
}

func (w *wrapper) tell(t *capnp.Turn) {
	w.mu.Lock()
	watchers := w.watchers
	w.watchers = nil
	w.mu.Unlock()
	for _, x := range watchers {
		x.Settled(w, t)
	}
}

// heldCall is the wrapper seen by a call that waits in held.
type heldCall wrapper

// CancelCall implements capnp.Canceler.
func (h *heldCall) CancelCall(c *capnp.Call, t *capnp.Turn) {
	w := (*wrapper)(h)
	w.mu.Lock()
	i := slices.Index(w.held, c)
	if i >= 0 {
		w.held = slices.Delete(w.held, i, i+1)
	}
	w.mu.Unlock()
	if i >= 0 {
		c.Refuse(canceled(c), t)
	}
}
