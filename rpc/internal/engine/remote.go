package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// remote is a capability at the other end: an import, or a path into the answer to a question. It
// is the hook that clients hold.
//
//	          Resolve or Return            Disembargo came back,
//	promise ───────────────────▶ settled ──────────────────────▶ published
//	                             (embargo, if calls went the old way and the new way is shorter)
//
// Whoever delivers pushes a command into the connection's inbox, so that order is the inbox's.
// Only once it is published and no command is on its way may calls go to the target directly.
type remote struct {
	e       *Engine
	promise bool // may resolve to something else; paths always may

	imported bool
	id       uint32 // of the import or the question
	path     []uint16

	pending atomic.Int64               // commands in the inbox
	next    atomic.Pointer[capnp.Hook] // settled, for everybody to see
	target  atomic.Pointer[capnp.Hook] // settled, for everybody to use

	mu       sync.Mutex
	q        *question // paths, until settled
	refs     int       // imports: references in this process. paths: those besides the results' own
	kept     capnp.Hook
	idle     func(t *capnp.Turn) // paths: to be called when refs gets to 0
	watchers []capnp.Watcher
	file     capnp.AttachedFile // imports: what came with it, or nil

	// Owned by the engine.
	count     int  // imports: references the peer counts
	used      bool // calls were sent on it, or it was passed on
	settled   capnp.Hook
	embargo   bool
	embargoID uint32
	queue     []queued
	gone      bool    // imports: no longer in the table
	behind    *answer // of whose results this is a path, while there is an embargo
}

// Deliver implements capnp.Hook. A call on its way holds a reference, so that what it goes to
// outlives the client it was made on.
func (r *remote) Deliver(c *capnp.Call, t *capnp.Turn) {
	if h := r.Shorten(); h != nil {
		h.Deliver(c, t)
		return
	}
	r.mu.Lock()
	if h := r.target.Load(); h != nil {
		r.mu.Unlock()
		(*h).Deliver(c, t)
		return
	}
	r.retainLocked()
	r.pending.Add(1)
	r.mu.Unlock()
	r.e.host.Push(Command{op: opCall, remote: r, call: c}, t)
}

func (r *remote) Next() capnp.Hook {
	if h := r.next.Load(); h != nil {
		return *h
	}
	return nil
}

func (r *remote) Shorten() capnp.Hook {
	if h := r.target.Load(); h != nil && r.pending.Load() == 0 {
		return *h
	}
	return nil
}

func (r *remote) Promise() bool { return r.promise && r.target.Load() == nil }

func (r *remote) Broken() error {
	if h := r.target.Load(); h != nil {
		return (*h).Broken()
	}
	return nil
}

func (r *remote) Watch(w capnp.Watcher, t *capnp.Turn) bool {
	if !r.promise {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.target.Load() != nil {
		return false
	}
	r.watchers = append(r.watchers, w)
	return true
}

func (r *remote) Retain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retainLocked()
}

func (r *remote) retainLocked() {
	r.refs++
	if r.refs == 1 && !r.imported && r.kept != nil {
		r.kept.Retain()
	}
}

func (r *remote) Release(t *capnp.Turn) {
	r.mu.Lock()
	r.refs--
	refs, kept, idle, q := r.refs, r.kept, r.idle, r.q
	r.mu.Unlock()
	switch {
	case refs < 0:
		panic("engine: capability released more often than retained")
	case refs > 0:
	case r.imported:
		r.e.host.Push(Command{op: opReleased, remote: r}, t)
	default:
		if kept != nil {
			kept.Release(t)
		}
		if idle != nil {
			idle(t)
		}
		if q != nil && q.last != nil {
			r.e.host.Push(Command{op: opUnused, q: q}, t)
		}
	}
}

// OnIdle sets f to be called when the last reference to a path has gone; the first one counts,
// that of the answer the path was made for.
func (r *remote) OnIdle(f func(t *capnp.Turn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle == nil {
		r.idle = f
	}
}

// InUse reports whether somebody refers to the path besides the results it leads into.
func (r *remote) InUse() bool { return r.references() > 0 }

func (r *remote) references() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refs
}

// String describes the capability for logs.
func (r *remote) String() string {
	if r.imported {
		return fmt.Sprintf("import %d", r.id)
	}
	return fmt.Sprintf("question %d%s", r.id, pathString(r.path))
}

// Admit implements capnp.Admitter.
func (r *remote) Admit(ctx context.Context) error { return r.e.host.Admit(ctx) }

// Hasten implements capnp.Flusher.
func (r *remote) Hasten() { r.e.host.Hasten() }

// Flow implements capnp.Pathed.
func (r *remote) Flow() *capnp.Flow { return &r.e.flow }

func (r *remote) wireTarget() Target {
	if r.imported {
		return Target{Kind: ImportedCap, ID: r.id}
	}
	return Target{Kind: PromisedAnswer, ID: r.id, Path: r.path}
}

// call carries out a delivery.
func (e *Engine) call(r *remote, c *capnp.Call, t *capnp.Turn) {
	r.pending.Add(-1)
	switch {
	case c.Returned():
		c.Payload().Release(t)
	case r.embargo:
		r.queue = append(r.queue, queued{call: c}) // with its reference
		return
	case r.settled != nil:
		e.pass(r.settled, c, t)
	default:
		e.sendCall(r, c, t)
	}
	e.publish(r, t)
	r.Release(t)
}

// settle makes r stand for h. With embargo, calls wait until those already sent by the old way
// have arrived: the peer returns our Disembargo behind them. See "Disembargo" in rpc.capnp.
func (e *Engine) settle(r *remote, h capnp.Hook, embargo bool, t *capnp.Turn) {
	if r.settled != nil {
		return
	}
	if h == nil {
		h = capnp.NullHook()
	}
	if !capnp.Link(r, h, func() { r.next.Store(&h) }) {
		h = capnp.BrokenHook(capnp.NewError(capnp.Failed, "the promise was resolved to itself"))
	}
	r.settled = h
	if r.imported && r.promise {
		e.held.promises--
	}
	r.mu.Lock()
	r.kept, r.q = h, nil
	keep := r.imported || r.refs > 0
	r.mu.Unlock()
	if keep {
		h.Retain()
	}
	if embargo && r.used && h.Broken() == nil && e.closed == nil && !e.broken.noEmbargo {
		if e.embargoes.len() >= e.limits.Embargoes {
			e.limited("Embargoes", t)
			e.fail(t, "more than %d embargoes", e.limits.Embargoes)
			e.publish(r, t)
			return
		}
		r.embargo = true
		r.embargoID = e.embargoes.add(r)
		e.send(&Message{Type: Disembargo, ID: r.embargoID, Context: SenderLoopback, Target: r.wireTarget()})
		return
	}
	if s, ok := h.(*remote); ok && s.e == e {
		// Should s turn out to be here, what was sent on r must arrive first.
		s.used = s.used || r.used
	}
	e.publish(r, t)
}

// sever breaks r, whose embargo cannot be lifted any more: of the calls that it was to wait for some
// may be lost, and then none that was made later may arrive.
func (r *remote) sever(broken capnp.Hook, t *capnp.Turn) {
	r.mu.Lock()
	h, held := r.settled, r.imported || r.refs > 0
	r.kept = broken
	r.mu.Unlock()
	r.settled = broken
	r.next.Store(&broken)
	if held {
		h.Release(t)
	}
}

// publish lets callers go to the target directly, if that is safe by now.
func (e *Engine) publish(r *remote, t *capnp.Turn) {
	if r.settled == nil || r.embargo || r.target.Load() != nil || r.pending.Load() != 0 {
		return
	}
	r.mu.Lock()
	if r.pending.Load() != 0 { // since just now; it publishes when it is through
		r.mu.Unlock()
		return
	}
	h := r.settled
	r.target.Store(&h)
	watchers := r.watchers
	r.watchers = nil
	r.mu.Unlock()
	for _, w := range watchers {
		w.Settled(r, t)
	}
}

// errGone is what becomes of calls on an import that has been given back to the peer, which may use its
// id for something else by now. Nobody who holds a reference gets here. But whoever gave a call up
// just when its results came may still have a path that leads to what was in them.
var errGone = capnp.NewError(capnp.Failed, "the call that the capability would have come from was given up")

// released is called when an import's last reference in this process has gone. It may have been
// received again since.
func (e *Engine) released(r *remote, t *capnp.Turn) {
	if !r.imported || r.gone || r.embargo || r.references() > 0 {
		return
	}
	r.gone = true
	if r.promise && r.settled == nil {
		e.held.promises--
	}
	if e.closed == nil {
		delete(e.imports, r.id)
		if r.count > 0 {
			e.send(&Message{Type: Release, ID: r.id, Count: uint32(r.count)})
		}
	}
	r.detach()
	if r.settled != nil {
		r.settled.Release(t)
	}
}

func pathString(path []uint16) string {
	var s strings.Builder
	for _, i := range path {
		s.WriteString(fmt.Sprintf(".%d", i))
	}
	return s.String()
}
