package grant

import (
	"slices"
	"weak"

	"lanyard.dev/capnp"
	"lanyard.dev/store"
)

// table knows every live grant of this vat by the edges that it depends on.
//
// Invariant: a live grant through which a call can still pass is reachable for the collector, and
// has a row here from before it is handed out until it was killed. Rows hold it weakly, so they
// keep nothing alive; what was collected takes its row with it.
type table struct {
	rows    map[*row]struct{}
	byEdge  map[store.EdgeID]map[*row]struct{}
	current map[store.EdgeID]*row          // what restoring the edge again gives
	making  map[store.EdgeID]chan struct{} // restores under way
	seen    store.Cursor                   // of the latest event that was applied or made here
	closed  bool
	timers  []func() bool // to be stopped: of rows that are gone
}

// row is a live grant.
type row struct {
	live   weak.Pointer[live]
	edges  []store.EdgeID // the chain, root first
	asOf   store.Cursor   // what the chain has taken into account
	stop   func() bool    // of the timer that ends it; may be nil
	shared bool           // it was made by Keeper.Share: the edge ends with it
}

func (r *row) leaf() store.EdgeID { return r.edges[len(r.edges)-1] }

func (t *table) init() {
	t.rows = map[*row]struct{}{}
	t.byEdge = map[store.EdgeID]map[*row]struct{}{}
	t.current = map[store.EdgeID]*row{}
	t.making = map[store.EdgeID]chan struct{}{}
}

func (t *table) insert(r *row) {
	t.rows[r] = struct{}{}
	t.current[r.leaf()] = r
	for _, e := range r.edges {
		if t.byEdge[e] == nil {
			t.byEdge[e] = map[*row]struct{}{}
		}
		t.byEdge[e][r] = struct{}{}
	}
}

// remove reports whether r was there.
func (t *table) remove(r *row) bool {
	if _, ok := t.rows[r]; !ok {
		return false
	}
	delete(t.rows, r)
	if r.stop != nil {
		t.timers = append(t.timers, r.stop)
	}
	if t.current[r.leaf()] == r {
		delete(t.current, r.leaf())
	}
	for _, e := range r.edges {
		delete(t.byEdge[e], r)
		if len(t.byEdge[e]) == 0 {
			delete(t.byEdge, e)
		}
	}
	return true
}

// below takes what depends on an edge out, as far as it was made without knowing of the event.
func (t *table) below(e store.EdgeID, event store.Cursor) []*live {
	var out []*live
	for r := range t.byEdge[e] {
		if r.asOf >= event {
			continue
		}
		if l := r.live.Value(); l != nil {
			out = append(out, l)
		}
		t.remove(r)
	}
	return out
}

// all takes everything out.
func (t *table) all() []*live {
	var out []*live
	for r := range t.rows {
		if l := r.live.Value(); l != nil {
			out = append(out, l)
		}
		t.remove(r)
	}
	return out
}

// killed ends what depends on an edge: by a revocation, or because its holder dropped it. When it returns
// no call through any of it starts any more.
func (k *Keeper) killed(e store.EdgeID, at store.Cursor, x *capnp.Exception) {
	k.mu.Lock()
	k.table.seen = max(k.table.seen, at)
	doomed := k.table.below(e, at)
	// Who is giving itself up ends when it has been told that it has, and starts nothing until then.
	doomed = slices.DeleteFunc(doomed, func(l *live) bool {
		if l.edge.ID != e || !l.leaving.Load() {
			return false
		}
		l.dead.CompareAndSwap(nil, x)
		return true
	})
	k.mu.Unlock()
	kill(doomed, x)
}
