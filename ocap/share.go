package ocap

import (
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// share is a counted hold on a hook: while anybody retains the share, the share retains the hook,
// once. Killing it lets the hook go whatever the count is.
//
// Invariant: the hook is retained on the share's behalf if and only if n > 0 and the share is not
// dead. Deliver may retain and release shares under any lock, so a hook is never retained or
// released under mu, and what may be the last release goes through Turn.Drop.
type share struct {
	of   *wrapper // whose it is; nil for a membrane's root
	hook atomic.Pointer[hookBox]
	n    atomic.Int64

	mu   sync.Mutex
	dead bool
}

type hookBox struct{ capnp.Hook }

func (s *share) init(h capnp.Hook, of *wrapper) {
	s.of = of
	s.hook.Store(&hookBox{h})
}

// load returns the hook, or nil if the share is dead.
func (s *share) load() capnp.Hook {
	if b := s.hook.Load(); b != nil {
		return b.Hook
	}
	return nil
}

// more counts one more unless it would be the first.
func (s *share) more() bool {
	for n := s.n.Load(); n > 0; n = s.n.Load() {
		if s.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// first counts one more and reports whether the caller's reference to the hook is now the share's.
func (s *share) first() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n.Add(1) == 1 && !s.dead
}

func (s *share) retain() {
	if s.more() {
		return
	}
	h := s.load()
	if h != nil {
		h.Retain()
		s.retainRoot()
	}
	switch {
	case s.first():
		s.register()
	case h != nil:
		// Somebody else was first, or it died just now.
		t := capnp.BeginBackground()
		t.Drop(h)
		s.dropRoot(t)
		go t.End()
	}
}

// adopt is retain for who has a reference to the hook and gives it up.
func (s *share) adopt(h capnp.Hook, t *capnp.Turn) {
	if s.more() {
		t.Drop(h)
		return
	}
	s.retainRoot()
	if !s.first() {
		t.Drop(h)
		s.dropRoot(t)
		return
	}
	s.register()
}

func (s *share) release(t *capnp.Turn) {
	for n := s.n.Load(); n > 1; n = s.n.Load() {
		if s.n.CompareAndSwap(n, n-1) {
			return
		}
	}
	s.mu.Lock()
	n, h := s.n.Add(-1), s.load()
	s.mu.Unlock()
	if n < 0 {
		panic("ocap: capability released more often than retained")
	}
	if n == 0 && h != nil {
		t.Drop(h)
		s.dropRoot(t)
	}
}

func (s *share) register() {
	if s.of != nil {
		s.of.m.register(s.of)
	}
}

func (s *share) retainRoot() {
	if s.of != nil && s.of.m.policy != nil {
		s.of.m.root.retain()
	}
}

// kill lets the hook go. It reports false if that was done before.
func (s *share) kill(t *capnp.Turn) bool {
	s.mu.Lock()
	if s.dead {
		s.mu.Unlock()
		return false
	}
	s.dead = true
	h, held := s.load(), s.n.Load() > 0
	s.hook.Store(nil)
	s.mu.Unlock()
	if held {
		t.Drop(h)
		s.dropRoot(t)
	}
	return true
}

func (s *share) dropRoot(t *capnp.Turn) {
	if s.of != nil && s.of.m.policy != nil {
		s.of.m.root.release(t)
	}
}
