package ocap

import (
	"slices"

	"lanyard.dev/capnp"
)

// settler does for a wrapper what needs locks that Deliver must not take: it waits for promises and
// for an Admitter, hands on the calls that were held until then, and tells watchers.
type settler wrapper

// state is what is known about a call in held. It is guarded by the wrapper's mu.
//
//	queued ─▶ asked ─▶ ready ─▶ out
//	   │        └────▶ refused ─▶ out
//	   └─▶ ready, refused
//
// From each of them a call that is cancelled goes out. A call that is asked has been given to Admit.
type state uint8

const (
	queued state = iota
	asked
	ready
	refused
	out // of held
)

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
	for n := 0; ; n++ {
		open := w.flush(n > maxWatches, t)
		if open == nil {
			break
		}
		if open.Watch(s, t) {
			return
		}
	}
	if w.holding.Load() {
		return
	}
	if h := w.inner(); h != nil && h.Promise() && w.watched() && h.Watch(s, t) {
		return
	}
	if v := w.holdingHome(); v != nil && v.later(s) {
		return
	}
	w.tell(t)
}

// maxWatches bounds how often promises may turn out to have resolved when they are to be watched.
const maxWatches = 1000

// hold makes a call wait.
func (w *wrapper) hold(f *flight, t *capnp.Turn) {
	m, c := w.m, f.x.call.Load()
	if m.admitter != nil && m.held.Add(1) > m.maxHeld {
		m.held.Add(-1)
		c.Refuse(refusal(Later(0, "too many calls wait to be admitted"), m.grantor), t)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.SetExecutor((*heldCall)(f)) {
		m.unheld()
		c.Refuse(canceled(c), t)
		return
	}
	w.held = append(w.held, f)
	if !w.holding.Load() {
		w.holding.Store(true)
		w.Retain()
		m.holds(w, true)
	}
	if !w.waiting {
		t.Kick((*settler)(w))
	}
}

func (m *membrane) unheld() {
	if m.admitter != nil {
		m.held.Add(-1)
	}
}

// flush hands on calls held, as far as possible. Calls that come meanwhile queue behind them. It
// returns a promise that has to resolve before it can go on, or nil if there is none to wait for; if
// last, it denies what cannot be decided.
func (w *wrapper) flush(last bool, t *capnp.Turn) (open capnp.Hook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flushing {
		w.again = true
		return nil
	}
	w.flushing, w.again = true, true
	for w.again || open == nil && w.examined < len(w.held) {
		w.again = false
		open = w.examine(last, t)
		w.handOn(t)
	}
	w.flushing, w.waiting = false, open != nil
	if len(w.held) > 0 || !w.holding.Load() {
		return open
	}
	w.held = nil
	w.holding.Store(false)
	for _, s := range w.after {
		t.Kick(s)
	}
	w.after = nil
	w.m.holds(w, false)
	t.Drop(w)
	return nil
}

// examine judges calls in order until one has to wait for a promise, which it returns. It is called
// with mu held, and gives it up meanwhile.
func (w *wrapper) examine(last bool, t *capnp.Turn) (open capnp.Hook) {
	for w.examined < len(w.held) {
		f := w.held[w.examined]
		f.examining = true
		w.mu.Unlock()
		var v verdict
		var x *capnp.Exception
		for range 2 {
			if x = w.m.reason.Load(); x != nil {
				v = deny
			} else if !f.judged {
				v, x = w.judge(f)
			}
			if v != wait {
				break
			}
			if open = w.open(); open != nil {
				break
			}
		}
		w.mu.Lock()
		f.examining = false
		switch {
		case f.state == out: // cancelled meanwhile
			f.x.call.Load().Payload().Drop(t)
			continue
		case v == wait && open != nil && !last:
			return open
		case v != pass:
			f.state, f.err = refused, x // nil for what a facet denies
		case w.m.admitter == nil || f.exempt || f.to != nil:
			f.judged, f.state = true, ready
		default:
			f.judged, f.state, f.examining = true, asked, true
			w.mu.Unlock()
			w.m.admit(f)
			w.mu.Lock()
			f.examining = false
			if f.state == out {
				f.x.call.Load().Payload().Drop(t)
				continue
			}
		}
		w.examined++
	}
	return nil
}

// open returns a promise that has to resolve before a call on w can be judged.
func (w *wrapper) open() capnp.Hook {
	if h := w.inner(); h != nil {
		if h, open := settled(h); open {
			return h
		}
	}
	_, open := w.kind()
	return open
}

// admit asks the policy to admit a call. One that panics denies.
func (m *membrane) admit(f *flight) {
	defer func() {
		if p := recover(); p != nil {
			f.done(Denied.exception(&capnp.PanicError{Value: p}, "the policy panicked"))
		}
	}()
	m.admitter.Admit(&f.x, f.done)
}

// done is what the policy says of a call that it was asked to admit.
func (f *flight) done(err error) {
	w := f.x.w
	w.mu.Lock()
	if f.answered {
		w.mu.Unlock()
		return
	}
	f.answered = true
	if f.state != asked {
		w.mu.Unlock()
		if err == nil {
			go f.over(capnp.NewError(capnp.Failed, "the call ended before it was admitted"))
		}
		return
	}
	f.state = ready
	if err != nil {
		f.state, f.err = refused, refusal(err, w.m.grantor)
	}
	kick := !w.flushing && !w.kicked
	w.again, w.kicked = true, w.kicked || kick
	w.mu.Unlock()
	if kick {
		go w.kick()
	}
}

// kick goes on after the policy has admitted calls.
func (w *wrapper) kick() {
	w.mu.Lock()
	w.kicked = false
	w.mu.Unlock()
	t := capnp.BeginBackground()
	t.Kick((*settler)(w))
	t.End()
}

// handOn takes the calls out that are decided, from the front. It is called with mu held, and gives it
// up meanwhile.
func (w *wrapper) handOn(t *capnp.Turn) {
	x := w.m.reason.Load()
	for len(w.held) > 0 {
		f := w.held[0]
		if x != nil && (f.state == queued || f.state == asked) {
			f.state, f.err = refused, x
		}
		if f.state != ready && f.state != refused {
			return
		}
		pass := f.state == ready
		f.state = out
		w.held[0] = nil
		w.held = w.held[1:]
		w.examined = max(w.examined-1, 0)
		w.mu.Unlock()
		w.m.unheld()
		if pass {
			w.pass(f, t)
		} else {
			f.refuse(t)
		}
		w.mu.Lock()
	}
}

func (f *flight) refuse(t *capnp.Turn) {
	c := f.x.call.Load()
	if f.err == nil {
		c.Refuse(c.NoSuchMethod(), t)
		return
	}
	c.Refuse(f.err, t)
}

// holdingHome returns the wrapper of the caller's own side that w has become, if calls wait there: some of
// them may have come by way of w and another vat, so w must not be shortened past them.
func (w *wrapper) holdingHome() *wrapper {
	h := w.inner()
	if h == nil {
		return nil
	}
	if v, ok := capnp.ShortenAll(h).(*wrapper); ok && v.m == w.m && v.outer != w.outer && v.holding.Load() {
		return v
	}
	return nil
}

// later makes s go on when no call waits at w any more, which it reports false if that is so now.
func (w *wrapper) later(s *settler) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.holding.Load() {
		return false
	}
	w.after = append(w.after, s)
	return true
}

// InUse reports whether calls wait here or something depends on what is wrapped: then the call of whose
// results it is a part must go on.
func (w *wrapper) InUse() bool {
	if w.holding.Load() {
		return true
	}
	h, ok := w.inner().(interface{ InUse() bool })
	return ok && h.InUse()
}

// OnIdle makes what is wrapped tell when that has changed.
func (w *wrapper) OnIdle(f func(t *capnp.Turn)) {
	if h, ok := w.inner().(interface{ OnIdle(f func(t *capnp.Turn)) }); ok {
		h.OnIdle(f)
	}
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

// heldCall is a call that waits in held.
type heldCall flight

// CancelCall implements capnp.Canceler.
func (h *heldCall) CancelCall(c *capnp.Call, t *capnp.Turn) {
	f := (*flight)(h)
	w := f.x.w
	w.mu.Lock()
	i := -1
	if f.state != out {
		i = slices.Index(w.held, f)
	}
	if i < 0 {
		w.mu.Unlock()
		return
	}
	f.state = out
	w.held = slices.Delete(w.held, i, i+1)
	if i < w.examined {
		w.examined--
	}
	w.again = true
	examining := f.examining
	w.mu.Unlock()
	w.m.unheld()
	c.Return(capnp.Result{Err: canceled(c)}, t)
	if !examining { // else the policy may look at the parameters
		c.Payload().Drop(t)
	}
	t.Kick((*settler)(w)) // those behind it may go on
}
