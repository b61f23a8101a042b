package capnp

import (
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
	// refused as their own resolution by walking it.
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
	// stands for; Retain may come after that only where the same lock orders both.
	Retain()
	Release(t *Turn)
}

// A Watcher is told that a promise has settled.
type Watcher interface {
	// Settled is called with locks held, like Deliver: it may only enqueue.
	Settled(h Hook, t *Turn)
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

func (b *brokenHook) Deliver(c *Call, t *Turn)  { c.Return(Result{Err: b.err}, t) }
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

	mu       sync.Mutex
	next     Hook // set before the flush; guarded by graphMu as well
	queue    []*Call
	watchers []Watcher
	refs     int         // references besides the owner's; while > 0 the target is retained
	idle     func(*Turn) // called when the last call and reference are gone
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
	p.queue = append(p.queue, c)
	p.mu.Unlock()
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
	if p.next != nil {
		graphMu.Unlock()
		return
	}
	if reaches(h, p) {
		h = BrokenHook(NewError(Failed, "the promise was resolved to itself"))
	}
	p.next = h
	graphMu.Unlock()

	p.mu.Lock()
	if p.refs > 0 {
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

// reaches reports whether a call on h would pass p. It is called with graphMu held.
func reaches(h Hook, p *promiseHook) bool {
	for n := 0; h != nil; n++ {
		if h == Hook(p) || n > maxForwards {
			return true
		}
		if q, ok := h.(*promiseHook); ok {
			h = q.next
			continue
		}
		h = h.Next()
	}
	return false
}

func (p *promiseHook) Retain() {
	p.mu.Lock()
	p.refs++
	if h := p.target.Load(); p.refs == 1 && h != nil {
		h.Retain()
	}
	p.mu.Unlock()
}

func (p *promiseHook) Release(t *Turn) {
	p.mu.Lock()
	p.refs--
	if p.refs < 0 {
		p.mu.Unlock()
		panic("capnp: promise released more often than retained")
	}
	var drop Hook
	if p.refs == 0 {
		drop = p.target.Load()
	}
	idle := p.refs == 0 && len(p.queue) == 0 && p.target.Load() == nil
	p.mu.Unlock()
	if drop != nil {
		drop.Release(t)
	}
	if idle && p.idle != nil {
		p.idle(t)
	}
}

// busy reports whether calls or references still hang on the unresolved promise.
func (p *promiseHook) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refs > 0 || len(p.queue) > 0
}
