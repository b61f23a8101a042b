package capnp

import (
	"runtime"
	"slices"
	"sync"

	"lanyard.dev/internal/wire"
)

// capTable holds the capabilities of one message. A capability gets a handle, and so an owner
// that can release it, only when an accessor takes it out; what nobody took goes with the
// payload, or when the collector finds the message.
//
// Invariant: refs.hooks[i] is nil once entry i has been released.
type capTable struct {
	refs    *capRefs
	own     capRefs   // what refs points at while nothing needs a cleanup
	closed  bool      // guarded by refs.mu; nothing is added any more
	taken   []Hook    // guarded by refs.mu; what take took, for paths that still lead here
	handles []*handle // guarded by refs.mu; a handle keeps the table alive
}

// capRefs is the part of a table that its cleanup needs; it leads back to nothing.
type capRefs struct {
	mu    sync.Mutex
	hooks []Hook
}

// newCapTable makes the table of a received message. It takes over the references.
func newCapTable(hooks []Hook) *capTable {
	t := &capTable{own: capRefs{hooks: hooks}}
	t.refs = &t.own
	t.arm()
	return t
}

// arm makes the collector release what is left in the table when it goes, unless that is nothing
// but local objects, which do not care.
func (t *capTable) arm() {
	for _, h := range t.refs.hooks {
		switch h.(type) {
		case *object, *brokenHook:
		default:
			if t.refs == &t.own {
				t.refs = &capRefs{hooks: t.own.hooks}
			}
			runtime.AddCleanup(t, releaseRefs, t.refs)
			return
		}
	}
}

func releaseRefs(r *capRefs) {
	t := BeginTurn()
	r.mu.Lock()
	for i, h := range r.hooks {
		if h != nil {
			h.Release(t)
			r.hooks[i] = nil
		}
	}
	r.mu.Unlock()
	if t.idle() {
		t.End()
		return
	}
	go t.End()
}

func (t *capTable) len() int {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	return len(t.refs.hooks)
}

// hook returns entry i.
func (t *capTable) hook(i int) Hook {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	return t.hookLocked(i)
}

func (t *capTable) hookLocked(i int) Hook {
	if uint(i) >= uint(len(t.refs.hooks)) {
		return nullHook
	}
	if h := t.refs.hooks[i]; h != nil {
		return h
	}
	if i < len(t.taken) && t.taken[i] != nil {
		return t.taken[i]
	}
	return BrokenHook(errReleasedClient)
}

func (t *capTable) list() []Hook {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	out := make([]Hook, len(t.refs.hooks))
	for i := range out {
		out[i] = t.hookLocked(i)
	}
	return out
}

// add appends a capability and takes over the reference.
func (t *capTable) add(h Hook) uint32 {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	t.refs.hooks = append(t.refs.hooks, h)
	return uint32(len(t.refs.hooks) - 1)
}

// tryAdd is add, unless the table is closed; then the reference stays the caller's.
func (t *capTable) tryAdd(h Hook) (uint32, bool) {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	if t.closed {
		return 0, false
	}
	t.refs.hooks = append(t.refs.hooks, h)
	return uint32(len(t.refs.hooks) - 1), true
}

// closeEmpty closes the table if there is nothing in it, and reports whether it did.
func (t *capTable) closeEmpty() bool {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	t.closed = t.closed || len(t.refs.hooks) == 0
	return t.closed
}

// CopyCap implements wire.CapTable: the deep copy of a capability pointer from one message to
// another.
func (t *capTable) CopyCap(src wire.CapTable, index uint32) (uint32, bool) {
	from, ok := src.(*capTable)
	if !ok || from == nil || int(index) >= from.len() {
		return 0, false
	}
	if from == t {
		return index, true
	}
	h := from.hook(int(index))
	if IsNullHook(h) {
		return 0, false
	}
	h.Retain()
	n, ok := t.tryAdd(h)
	if !ok {
		giveUp(h)
	}
	return n, ok
}

// giveUp releases what could not be added.
func giveUp(h Hook) {
	t := BeginTurn()
	t.Drop(h)
	t.End()
}

// NewTable implements wire.TableMaker.
func (t *capTable) NewTable() wire.CapTable { return newCapTable(nil) }

// claim takes entry i out: it returns its client, the same one every time.
func (t *capTable) claim(i int) Client {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	h := t.hookLocked(i)
	if IsNullHook(h) {
		return Client{}
	}
	if t.handles == nil {
		t.handles = make([]*handle, len(t.refs.hooks))
	}
	for len(t.handles) < len(t.refs.hooks) {
		t.handles = append(t.handles, nil)
	}
	if t.handles[i] == nil {
		t.handles[i] = &handle{h: h, table: t, index: i}
	}
	return Client{t.handles[i]}
}

// adopt makes p the handle that entry i hands out.
func (t *capTable) adopt(i int, p *handle) {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	if len(t.handles) < len(t.refs.hooks) {
		t.handles = append(t.handles, make([]*handle, len(t.refs.hooks)-len(t.handles))...)
	}
	if t.handles[i] == nil {
		t.handles[i] = p
	}
}

// replace makes entry i another hook, which it retains.
func (t *capTable) replace(i int, h Hook, turn *Turn) {
	h.Retain()
	t.refs.mu.Lock()
	old := t.refs.hooks[i]
	t.refs.hooks[i] = h
	t.refs.mu.Unlock()
	if old != nil {
		old.Release(turn)
	}
}

// drop releases entry i; twice is once.
func (t *capTable) drop(i int, turn *Turn) {
	t.refs.mu.Lock()
	h := t.refs.hooks[i]
	t.refs.hooks[i] = nil
	t.refs.mu.Unlock()
	if h != nil {
		h.Release(turn)
	}
}

// releaseUnclaimed releases every entry that has no handle.
func (t *capTable) releaseUnclaimed(turn *Turn) {
	for _, h := range t.unclaimed() {
		h.Release(turn)
	}
}

// unclaimed takes out the references of every entry that has no handle.
func (t *capTable) unclaimed() []Hook {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	var drop []Hook
	for i, h := range t.refs.hooks {
		if h != nil && (i >= len(t.handles) || t.handles[i] == nil) {
			drop = append(drop, h)
			t.refs.hooks[i] = nil
		}
	}
	return drop
}

// take returns every entry with a reference for the caller: the table's own, or where somebody has
// the entry's handle another one. Paths into the payload still find the entries: a pipelined call
// may look for one between the results being handed on and their arriving.
func (t *capTable) take() []Hook {
	t.refs.mu.Lock()
	defer t.refs.mu.Unlock()
	if len(t.refs.hooks) == 0 {
		return nil
	}
	out := make([]Hook, len(t.refs.hooks))
	for i := range out {
		out[i] = t.hookLocked(i)
		if t.refs.hooks[i] != nil && i < len(t.handles) && t.handles[i] != nil {
			out[i].Retain()
			continue
		}
		t.refs.hooks[i] = nil
	}
	t.taken = slices.Clone(out)
	return out
}
