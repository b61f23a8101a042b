package grant

import (
	"context"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
)

// writer writes edges for who holds the edge by. It remembers the interfaces that edges have.
type writer struct {
	k     *Keeper
	by    store.EdgeID
	kinds map[store.EdgeID]uint64
}

func (s *server) writer() *writer {
	w := &writer{k: s.k, by: s.by, kinds: map[store.EdgeID]uint64{}}
	if s.live != nil {
		w.kinds[s.by] = s.live.kind
	}
	return w
}

func (w *writer) write(ctx context.Context, b EdgeBuilder, e store.Edge) {
	b.SetId(uint64(e.ID))
	if e.ID != w.by {
		b.SetParent(uint64(e.Parent))
	}
	b.SetFrom(e.From)
	b.SetLabel(e.Label)
	b.SetText(e.Text)
	steps, err := narrow.Decode(e.Steps)
	if len(e.Steps) > 0 && err == nil {
		if err := narrow.Write(b.NewSteps(len(steps)), steps); err != nil {
			w.k.log.failed("write steps", err)
		}
	}
	b.SetCreated(nanos(e.Created))
	b.SetExpires(nanos(e.Expires))
	b.SetLastUsed(nanos(e.LastUsed))
	b.SetUses(uint64(e.Uses))
	b.SetMaxUses(uint64(e.MaxUses))
	b.SetState(stateOf(e.State))
	b.SetAlive(e.Alive)
	b.SetSealed(e.SealedFor != nil)
	b.SetStored(e.Stored)
	b.SetInterface(w.kind(ctx, e, steps))
}

// kind is the interface of an edge. Edges come parents first, so that of its parent is mostly known.
func (w *writer) kind(ctx context.Context, e store.Edge, steps []narrow.Step) uint64 {
	if id, ok := w.kinds[e.ID]; ok {
		return id
	}
	from, ok := w.kinds[e.Parent]
	if !ok {
		if chain, err := w.k.ledger.Lookup(ctx, e.ID); err == nil {
			if p, err := planOf(chain.Edges); err == nil {
				from, steps = p.kind(w.k.o.Root), nil
			}
		}
	} else if e.Object == liveObject {
		from = 0
	}
	w.kinds[e.ID] = kindAfter(steps, from)
	return w.kinds[e.ID]
}

func (w *writer) all(ctx context.Context, l capnp.ListBuilder[EdgeBuilder], edges []store.Edge) {
	for i, e := range edges {
		w.write(ctx, l.At(i), e)
	}
}

func stateOf(s store.State) State {
	switch s {
	case store.Active:
		return StateActive
	case store.Expired:
		return StateExpired
	case store.Revoked:
		return StateRevoked
	}
	return StateDropped
}

// page is how many a caller gets who asked for max.
func (k *Keeper) page(max uint32) int {
	const usual = 100
	if max == 0 {
		return min(usual, k.o.Limits.Page)
	}
	return int(min(int64(max), int64(k.o.Limits.Page)))
}

// Info implements GrantServer.
func (s *server) Info(ctx context.Context, call GrantInfoCall) error {
	ctx, leave, err := s.begin(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	if s.live == nil {
		return nil // the host is no edge
	}
	chain, err := s.k.ledger.Lookup(ctx, s.by)
	if err != nil {
		return s.k.say("look up a grant", err)
	}
	s.writer().write(ctx, call.Results().NewEdge(), chain.Edge())
	return nil
}

// List implements GrantServer.
func (s *server) List(ctx context.Context, call GrantListCall) error {
	ctx, leave, err := s.begin(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	p := call.Params()
	under, err := s.find(ctx, p.Under())
	if err != nil {
		return err
	}
	n := s.k.page(p.Max())
	q := store.Query{Depth: 1, After: store.EdgeID(p.After()), Max: n + 1}
	if under != s.by {
		q.Under = under
	}
	if p.Deep() {
		q.Depth = 0
	}
	edges, err := s.k.ledger.Below(ctx, s.by, q)
	if err != nil {
		return s.k.say("list", err)
	}
	if len(edges) > n {
		edges = edges[:n]
		call.Results().SetNext(uint64(edges[n-1].ID))
	}
	s.writer().all(ctx, call.Results().NewEdges(len(edges)), edges)
	return nil
}

// Why implements GrantServer.
func (s *server) Why(ctx context.Context, call GrantWhyCall) error {
	ctx, leave, err := s.begin(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	id, err := s.find(ctx, call.Params().Edge())
	if err != nil {
		return err
	}
	x, err := s.k.ledger.Why(ctx, s.by, id)
	if err != nil {
		return s.k.say("explain", err)
	}
	chain := x.Chain
	for i, e := range chain {
		if e.ID == s.by {
			chain = chain[i:]
			break
		}
	}
	s.writer().all(ctx, call.Results().NewChain(len(chain)), chain)
	if x.Cause == nil {
		return nil
	}
	for _, e := range chain {
		if e.ID == x.Cause.ID {
			call.Results().SetCause(uint64(e.ID))
			if x.Revocation != nil {
				call.Results().SetReason(x.Revocation.Reason)
			}
		}
	}
	return nil
}

// Log implements GrantServer.
func (s *server) Log(ctx context.Context, call GrantLogCall) error {
	ctx, leave, err := s.begin(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	p := call.Params()
	id, err := s.find(ctx, p.Edge())
	if err != nil {
		return err
	}
	n := s.k.page(p.Max())
	entries, err := s.k.ledger.Log(ctx, s.by, id, store.EntryID(p.After()), n+1)
	if err != nil {
		return s.k.say("read the log", err)
	}
	if len(entries) > n {
		entries = entries[:n]
		call.Results().SetNext(uint64(entries[n-1].ID))
	}
	l := call.Results().NewEntries(len(entries))
	for i, e := range entries {
		b := l.At(i)
		b.SetSeq(uint64(e.ID))
		b.SetTime(nanos(e.At))
		b.SetEdge(uint64(e.Edge))
		b.SetLabel(e.Label)
		b.SetWhat(e.Verb.String())
		b.SetReason(e.Reason)
		b.SetRevocation(uint64(e.Revocation))
	}
	return nil
}

// Preview implements GrantServer.
func (s *server) Preview(ctx context.Context, call GrantPreviewCall) error {
	ctx, leave, err := s.begin(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	id, err := s.find(ctx, call.Params().Edge())
	if err != nil {
		return err
	}
	eff, err := s.k.ledger.Preview(ctx, s.by, id, s.k.page(call.Params().Max()))
	if err != nil {
		return s.k.say("preview", err)
	}
	b := call.Results().NewAffected()
	s.writer().all(ctx, b.NewEdges(len(eff.Edges)), eff.Edges)
	b.SetTotal(uint64(eff.Total))
	b.SetLive(uint64(s.k.inUse(id)))
	return nil
}

// inUse is how many live grants there are here of an edge and those below.
func (k *Keeper) inUse(id store.EdgeID) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for r := range k.table.byEdge[id] {
		if r.live.Value() != nil {
			n++
		}
	}
	return n
}
