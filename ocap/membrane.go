package ocap

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"lanyard.dev/capnp"
)

// Membrane returns a capability of the same type to c's object behind a membrane with policy p, and
// the function that revokes it, as Revocable's does. Everything that crosses is behind the same
// membrane: see the package's introduction and Policy. A nil p lets everything pass.
//
// p may be more than a Policy: see Admitter, Starter, Handler, Redirector, ResultJudge, Ender,
// Collapser.
//
// c stays the caller's; release both.
func Membrane[C capnp.ClientKind](c C, p Policy, o *Options) (membrane C, revoke func(reason ...error)) {
	cl := capnp.ClientOf(c)
	defer runtime.KeepAlive(cl)
	m, h := layer(capnp.HookOf(cl), p, o, true)
	return capnp.As[C](capnp.NewClient(m.view(h, true))), m.takeBack
}

// membrane is the boundary around one capability. A wrapper is outer if its holder is outside and
// what it wraps is inside, else inner.
//
// Invariants: once reason is set no gate opens and no wrapper is made; wrappers has an entry for
// every wrapper of no promise that somebody refers to; a revocable membrane lists in flights the calls that
// crossed and have not returned, and in holders the wrappers at which calls wait. mu and flightMu are
// leaf locks: nothing is called while they are held.
type membrane struct {
	rules
	root      share        // what was wrapped first, for a policy to know; retained while anything is
	aliases   []capnp.Hook // the wrappers that this membrane was made of: they count as the root
	revocable bool
	light     bool // a facet that nobody revokes: calls pass without a flight

	reason   atomic.Pointer[capnp.Exception] // why it was revoked
	entering atomic.Int64                    // methods between Enter and Begun
	held     atomic.Int64                    // calls that wait for an Admitter

	mu        sync.Mutex
	wrappers  map[crossed]weak.Pointer[wrapper] // nil when revoked
	keys      map[uint64]crossed                // of wrappers, by number
	last      uint64                            // key
	holders   map[*wrapper]struct{}
	collapsed map[weak.Pointer[membrane]]struct{} // those that die with this one

	flightMu sync.Mutex
	flights  *flight

	revoking sync.Mutex
}

// crossed is a capability and the way it crossed.
type crossed struct {
	hook  capnp.Hook
	outer bool
}

// layer makes a membrane around h, or, if h is a wrapper of one with which that collapses, around what
// h wraps. It also returns what it is made around.
func layer(h capnp.Hook, p Policy, o *Options, revocable bool) (*membrane, capnp.Hook) {
	var old *membrane
	var aliases []capnp.Hook
	if w, ok := h.(*wrapper); ok {
		if in, q, ok := w.collapse(p); ok {
			old, aliases = w.m, append(slices.Clip(w.m.aliases), h)
			h, p, revocable = in, q, revocable || old.revocable
		}
	}
	m := &membrane{
		rules: newRules(p, o), aliases: aliases, revocable: revocable,
		wrappers: map[crossed]weak.Pointer[wrapper]{}, keys: map[uint64]crossed{},
	}
	m.light = m.facet != nil && !revocable
	if p != nil {
		m.root.init(h, nil)
	}
	if old != nil {
		m.grantor = cmp.Or(m.grantor, old.grantor)
		old.take(m)
	}
	return m, h
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

// holds notes whether calls wait at w.
func (m *membrane) holds(w *wrapper, yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.wrappers == nil:
	case !yes:
		delete(m.holders, w)
	case m.holders == nil:
		m.holders = map[*wrapper]struct{}{w: {}}
	default:
		m.holders[w] = struct{}{}
	}
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
