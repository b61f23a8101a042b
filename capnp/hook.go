package capnp

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Hook is a capability as the runtime sees it: an object here, a promise, something at the
// other end of a connection, or a wrapper around another hook. Clients are handles on hooks. Who
// writes neither a transport nor a wrapper never meets one.
//
// Hooks are compared by identity, so every implementation is a pointer type.
type Hook interface {
	// Deliver takes c over. It only enqueues: it never blocks and runs no user code, because
	// callers hold locks while they call it; inboxes that now have work are noted in t.
	Deliver(c *Call, t *Turn)

	// Next is the hook that Deliver hands calls to within Deliver itself, or nil. Promises are
	// refused as their own resolution by walking it. A wrapper that keeps what it wraps to itself
	// returns nil and is a Leader instead.
	Next() Hook

	// Shorten returns the hook that this one has become, once it is certain that whatever was
	// delivered here before arrives there before what is delivered there from now on. It returns
	// nil while this hook must be used itself, which for objects and wrappers is always.
	Shorten() Hook

	// Watch calls w once when the hook has settled, that is when Shorten returns something or the
	// hook turned out broken. It returns false, and never calls w, if the hook is no promise or
	// has settled already.
	Watch(w Watcher, t *Turn) bool

	// Promise reports whether the hook may still become something else.
	Promise() bool

	// Broken returns why every call on the hook fails, or nil.
	Broken() error

	// Retain counts one more reference, Release one less. At zero the hook lets go of what it
	// stands for; Retain may come after that only where the same lock orders both. Retain of a
	// hook that is retained already, and a Release that is not the last, take no lock that is held
	// while calls are delivered.
	Retain()
	Release(t *Turn)
}

// A Watcher is told that a promise has settled.
type Watcher interface {
	// Settled is called with locks held, like Deliver: it may only enqueue.
	Settled(h Hook, t *Turn)
}

// A Leader is a hook that hands calls on within Deliver but does not show to whom.
type Leader interface {
	// LeadsTo reports whether p is what calls are handed to, or on the way there (Leads).
	LeadsTo(p Hook) bool
}

// Leads reports whether a call on h passes p, within Deliver. Leaders call it.
func Leads(h, p Hook) bool {
	for n := 0; h != nil; n++ {
		if h == p || n > maxForwards {
			return true
		}
		switch x := h.(type) {
		case *promiseHook:
			h = x.next.Load()
		case Leader:
			return x.LeadsTo(p)
		default:
			h = h.Next()
		}
	}
	return false
}

// Link calls set, which makes p hand calls on to h, unless a call on h would then come back to p.
// Promises of every kind are linked one at a time, so that no two can become each other.
func Link(p, h Hook, set func()) bool {
	graphMu.Lock()
	defer graphMu.Unlock()
	if Leads(h, p) {
		return false
	}
	set()
	return true
}

// ShortenAll follows Shorten to its end.
func ShortenAll(h Hook) Hook {
	for h != nil {
		s := h.Shorten()
		if s == nil {
			return h
		}
		h = s
	}
	return nil
}

// brokenHook fails every call.
type brokenHook struct {
	err  error
	null bool
}

var nullHook = &brokenHook{err: errNull, null: true}

// NullHook returns the hook of the null capability.
func NullHook() Hook { return nullHook }

// BrokenHook returns a hook on which every call fails with err.
func BrokenHook(err error) Hook { return &brokenHook{err: err} }

// IsNullHook reports whether h is the null capability.
func IsNullHook(h Hook) bool { return h == nil || h == Hook(nullHook) }

func (b *brokenHook) Deliver(c *Call, t *Turn)  { c.Refuse(b.err, t) }
func (b *brokenHook) Next() Hook                { return nil }
func (b *brokenHook) Shorten() Hook             { return nil }
func (b *brokenHook) Watch(Watcher, *Turn) bool { return false }
func (b *brokenHook) Promise() bool             { return false }
func (b *brokenHook) Broken() error             { return b.err }
func (b *brokenHook) Retain()                   {}
func (b *brokenHook) Release(*Turn)             {}

// promiseHook is a capability that is not known yet, within this process: a capability field of
// an answer that has not come, or a promise made with NewPromise. Calls wait in its queue; when
// it resolves they are handed on, in order, in the critical section that resolves it.
//
// Invariant: target is set only under mu with the queue empty, so whoever sees it set may bypass
// the queue. The graph of next edges has no cycle (graphMu), so a flush never waits for itself.
type promiseHook struct {
	target atomicHook
	next   atomicHook   // set before the flush, under graphMu
	refs   atomic.Int64 // references besides the owner's; goes from and to 0 under mu

	mu       sync.Mutex
	queue    []*Call
	watchers []Watcher
	idle     func(*Turn) // called when the last call and reference are gone
	of       *Answer     // of whose result this is a capability, if any
}

// atomicHook is a hook that is set once.
type atomicHook struct{ p atomic.Pointer[Hook] }

func (a *atomicHook) Load() Hook {
	if h := a.p.Load(); h != nil {
		return *h
	}
	return nil
}

func (a *atomicHook) Store(h Hook) { a.p.Store(&h) }

// graphMu orders the setting of next edges, so that two promises cannot become each other.
var graphMu sync.Mutex

func (p *promiseHook) Deliver(c *Call, t *Turn) {
	if h := p.target.Load(); h != nil {
		h.Deliver(c, t)
		return
	}
	p.mu.Lock()
	if h := p.target.Load(); h != nil {
		p.mu.Unlock()
		h.Deliver(c, t)
		return
	}
	live, cycle := c.SetExecutor(p), p.waitsFor(c)
	if live && !cycle {
		p.queue = append(p.queue, c)
	}
	p.mu.Unlock()
	switch {
	case !live:
		c.Refuse(canceled(c), t)
	case cycle:
		c.Refuse(NewError(Failed, "the call would wait for its own result"), t)
	}
}

// waitsFor reports whether p cannot become known before c has returned, because it is part of the
// result of c, or of a call that waits for one that is.
func (p *promiseHook) waitsFor(c *Call) bool {
	for n := 0; p.target.Load() == nil && p.of != nil && p.of.call != nil && n < maxForwards; n++ {
		d := p.of.call
		if d == c {
			return true
		}
		d.mu.Lock()
		q, ok := d.exec.(*promiseHook)
		d.mu.Unlock()
		if !ok {
			return false
		}
		p = q
	}
	return false
}

// CancelCall implements Canceler for the calls in the queue.
func (p *promiseHook) CancelCall(c *Call, t *Turn) {
	p.mu.Lock()
	i := slices.Index(p.queue, c)
	if i < 0 { // handed on just now
		p.mu.Unlock()
		return
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	idle := p.refs.Load() == 0 && len(p.queue) == 0
	p.mu.Unlock()
	c.Refuse(canceled(c), t)
	if idle && p.idle != nil {
		p.idle(t)
	}
}

func (p *promiseHook) Next() Hook    { return p.target.Load() }
func (p *promiseHook) Shorten() Hook { return p.target.Load() }
func (p *promiseHook) Promise() bool { return p.target.Load() == nil }

func (p *promiseHook) Broken() error {
	if h := p.target.Load(); h != nil {
		return h.Broken()
	}
	return nil
}

func (p *promiseHook) Watch(w Watcher, t *Turn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.target.Load() != nil {
		return false
	}
	p.watchers = append(p.watchers, w)
	return true
}

// resolve makes p stand for h from now on. Only the first resolution counts.
func (p *promiseHook) resolve(h Hook, t *Turn) {
	if h == nil {
		h = nullHook
	}
	graphMu.Lock()
	if p.next.Load() != nil {
		graphMu.Unlock()
		return
	}
	if Leads(h, p) {
		h = BrokenHook(NewError(Failed, "the promise was resolved to itself"))
	}
	p.next.Store(h)
	graphMu.Unlock()

	p.mu.Lock()
	if p.refs.Load() > 0 {
		h.Retain()
	}
	for _, c := range p.queue {
		h.Deliver(c, t)
	}
	p.queue = nil
	p.target.Store(h)
	for _, w := range p.watchers {
		w.Settled(p, t)
	}
	p.watchers = nil
	p.mu.Unlock()
}

func (p *promiseHook) Retain() {
	if retainMore(&p.refs) {
		return
	}
	p.mu.Lock()
	if h := p.target.Load(); p.refs.Add(1) == 1 && h != nil {
		h.Retain()
	}
	p.mu.Unlock()
}

func (p *promiseHook) Release(t *Turn) {
	if releaseNotLast(&p.refs) {
		return
	}
	p.mu.Lock()
	refs := p.refs.Add(-1)
	if refs < 0 {
		p.mu.Unlock()
		panic("capnp: promise released more often than retained")
	}
	var drop Hook
	if refs == 0 {
		drop = p.target.Load()
	}
	idle := refs == 0 && len(p.queue) == 0
	p.mu.Unlock()
	if drop != nil {
		drop.Release(t)
	}
	if idle && p.idle != nil {
		p.idle(t)
	}
}

// retainMore counts one more reference unless it would be the first.
func retainMore(refs *atomic.Int64) bool {
	for n := refs.Load(); n > 0; n = refs.Load() {
		if refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// releaseNotLast counts one reference less unless it is the last.
func releaseNotLast(refs *atomic.Int64) bool {
	for n := refs.Load(); n > 1; n = refs.Load() {
		if refs.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// InUse reports whether calls or references hang on the promise.
func (p *promiseHook) InUse() bool {
	p.mu.Lock()
	used := p.refs.Load() > 0 || len(p.queue) > 0
	p.mu.Unlock()
	if used {
		return true
	}
	to, ok := p.target.Load().(user)
	return ok && to.InUse()
}
