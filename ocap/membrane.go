package ocap

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"lanyard.dev/capnp"
)

// membrane is the boundary around one capability. A wrapper is outer if its holder is outside and
// what it wraps is inside, else inner.
//
// Invariants: once reason is set no gate opens and no wrapper is made; wrappers has an entry for
// every wrapper of no promise that somebody refers to; a revocable membrane lists in flights the calls that
// crossed and have not returned. mu and flightMu are leaf locks: nothing is called while they are
// held.
type membrane struct {
	policy    policy // nil lets everything pass
	root      share  // what was wrapped first, for a policy to know; retained while anything is
	revocable bool

	reason   atomic.Pointer[capnp.Exception] // why it was revoked
	entering atomic.Int64                    // methods between Enter and Begun

	mu       sync.Mutex
	wrappers map[crossed]weak.Pointer[wrapper] // nil when revoked
	keys     map[uint64]crossed                // of wrappers, by number
	last     uint64                            // key

	flightMu sync.Mutex
	flights  *flight

	revoking sync.Mutex
}

// crossed is a capability and the way it crossed.
type crossed struct {
	hook  capnp.Hook
	outer bool
}

// policy judges calls that cross.
type policy interface {
	// judge says what becomes of a call of the method on w. It takes no locks.
	judge(w *wrapper, interfaceID uint64, methodID uint16) verdict
}

type verdict uint8

const (
	pass verdict = iota
	deny         // end the call as an object without the method does
	wait         // it depends on what a promise becomes: see wrapper.kind
)

func newMembrane(h capnp.Hook, p policy, revocable bool) *membrane {
	m := &membrane{policy: p, revocable: revocable, wrappers: map[crossed]weak.Pointer[wrapper]{}, keys: map[uint64]crossed{}}
	if p != nil {
		m.root.init(h, nil)
	}
	return m
}

// view returns what stands for h on the other side: outside if outer, else inside. It is not
// retained, and lives as long as h.
func (m *membrane) view(h capnp.Hook, outer bool) capnp.Hook {
	h = capnp.ShortenAll(h)
	if w, ok := h.(*wrapper); ok && w.m == m && w.outer != outer {
		if h = w.inner(); h == nil {
			return capnp.BrokenHook(m.reason.Load())
		}
		return h
	}
	if capnp.IsNullHook(h) || h.Broken() != nil {
		return h
	}
	return m.wrap(h, outer)
}

// wrap returns the wrapper of h, or something broken after revocation.
func (m *membrane) wrap(h capnp.Hook, outer bool) capnp.Hook {
	key := crossed{h, outer}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrappers == nil {
		return capnp.BrokenHook(m.reason.Load())
	}
	if w := m.wrappers[key].Value(); w != nil {
		return w
	}
	w := &wrapper{m: m, outer: outer}
	w.init(h, w)
	if !h.Promise() {
		m.put(key, w)
	}
	return w
}

// put is called with mu held. Keys hold hooks and thereby whatever these lead to, maybe to those
// who hold the wrapper of another key; so an entry goes when its wrapper is collected, and what
// that takes must not lead to the key.
func (m *membrane) put(key crossed, w *wrapper) {
	p := weak.Make(w)
	m.wrappers[key] = p
	m.last++
	id := m.last
	m.keys[id] = key
	runtime.AddCleanup(w, func(m weak.Pointer[membrane]) {
		if m := m.Value(); m != nil {
			m.purge(id, p)
		}
	}, weak.Make(m))
}

// purge removes the entry of a wrapper that was collected.
func (m *membrane) purge(id uint64, p weak.Pointer[wrapper]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key := m.keys[id]; m.wrappers[key] == p {
		delete(m.wrappers, key)
	}
	delete(m.keys, id)
}

// register lists w, which somebody retains or watches, for revoke to find it. Other wrappers of
// promises are not listed: they become wrappers of something else, which are.
func (m *membrane) register(w *wrapper) {
	if !m.revocable {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := w.load(); h != nil && m.wrappers != nil {
		if key := (crossed{h, w.outer}); m.wrappers[key].Value() == nil {
			m.put(key, w)
		}
	}
}

// cross takes over a reference to h and returns one to what stands for h on the other side. It may
// be called with locks held, that of h included: h is retained, so that retaining it once more
// needs no lock, and what is given up is dropped later.
func (m *membrane) cross(h capnp.Hook, outer bool, t *capnp.Turn) capnp.Hook {
	v := m.view(h, outer)
	if w, ok := v.(*wrapper); ok && w.m == m && w.load() == h {
		w.adopt(h, t)
		return v
	}
	v.Retain()
	t.Drop(h)
	return v
}

// payload moves a payload across.
func (m *membrane) payload(p *capnp.Payload, outer bool, t *capnp.Turn) capnp.Payload {
	return p.Map(func(h capnp.Hook) capnp.Hook { return m.cross(h, outer, t) })
}

// enter lists a call as crossing. After revocation it returns the reason instead.
func (m *membrane) enter(f *flight) error {
	if m.policy != nil {
		m.root.retain()
	}
	if !m.revocable {
		return nil
	}
	m.flightMu.Lock()
	if x := m.reason.Load(); x != nil {
		m.flightMu.Unlock()
		return x
	}
	f.next = m.flights
	if f.next != nil {
		f.next.prev = f
	}
	m.flights = f
	m.flightMu.Unlock()
	return nil
}

// exit ends what enter began, or would have begun.
func (m *membrane) exit(f *flight, t *capnp.Turn) {
	if m.policy != nil {
		m.root.release(t)
	}
	if !m.revocable {
		return
	}
	m.flightMu.Lock()
	defer m.flightMu.Unlock()
	switch {
	case f.prev != nil:
		f.prev.next = f.next
	case m.flights == f:
		m.flights = f.next
	default:
		return // revoke has taken the list
	}
	if f.next != nil {
		f.next.prev = f.prev
	}
	f.next, f.prev = nil, nil
}

// Enter implements capnp.Gate.
func (m *membrane) Enter(*capnp.Call) error {
	m.entering.Add(1)
	if x := m.reason.Load(); x != nil {
		m.entering.Add(-1)
		return x
	}
	return nil
}

// Begun implements capnp.Gate.
func (m *membrane) Begun(*capnp.Call) { m.entering.Add(-1) }

// Leave implements capnp.Gate.
func (m *membrane) Leave(*capnp.Call) {}

// revoke ends everything that crosses or has crossed. When it returns no method starts any more.
func (m *membrane) revoke(x *capnp.Exception) {
	m.revoking.Lock()
	t := capnp.BeginBackground()
	var flights []*flight
	m.flightMu.Lock()
	m.reason.CompareAndSwap(nil, x)
	for f := m.flights; f != nil; f = m.flights {
		flights = append(flights, f)
		m.flights, f.next, f.prev = f.next, nil, nil
	}
	m.flightMu.Unlock()

	m.mu.Lock()
	wrappers := m.wrappers
	m.wrappers, m.keys = nil, nil
	m.mu.Unlock()

	x = m.reason.Load()
	for _, f := range flights {
		if c := f.orig.Load(); c != nil {
			c.Return(capnp.Result{Err: x}, t)
		}
		f.call.Cancel(x, t)
	}
	for _, p := range wrappers {
		if w := p.Value(); w != nil && w.kill(t) {
			t.Kick((*settler)(w))
		}
	}
	m.revoking.Unlock()
	t.End()
	m.quiesce()
}

const (
	// waitStalled is how long revoke waits for methods that may not have executed anything yet
	// when none of them gets on: they block on something that this package cannot see.
	waitStalled = 100 * time.Millisecond
	// waitOwn is how long it waits for the method that may have called revoke.
	waitOwn = time.Millisecond
)

// quiesce waits for the methods that were let through before the gate was shut to have begun.
func (m *membrane) quiesce() {
	left := m.entering.Load()
	if left <= 0 {
		return
	}
	own := int64(capnp.MethodDepth())
	since := time.Now()
	for pause := 10 * time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		runtime.Gosched()
		n := m.entering.Load()
		limit := waitStalled
		if n <= own {
			limit = waitOwn
		}
		switch {
		case n <= 0:
			return
		case n < left:
			left, since, pause = n, time.Now(), 10*time.Microsecond
		case time.Since(since) > limit:
			return
		}
		time.Sleep(pause)
	}
}
