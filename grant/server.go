package grant

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
)

// server answers Grant for one edge. The ledger sees to it that it reaches nothing but what is below.
type server struct {
	UnimplementedGrant
	k      *Keeper
	by     store.EdgeID
	live   *live  // nil for the host
	object string // of what came out of the grant: its name
}

// begin is enter for what a grant itself is asked only. Whoever was given something that came out of one does not hold
// the grant, and has no say over what else was shared from it.
func (s *server) begin(ctx context.Context, call interface{ Unblock() }, l lane) (_ context.Context, leave func(), err error) {
	if s.object != "" {
		return nil, nil, capnp.NewError(capnp.Unimplemented, "what came out of a grant can be saved and shared, but is no grant itself")
	}
	return s.enter(ctx, call, l)
}

// enter lets the next call start, and takes a place among those who ask the ledger.
func (s *server) enter(ctx context.Context, call interface{ Unblock() }, l lane) (_ context.Context, leave func(), err error) {
	call.Unblock()
	if s.live == nil || s.live.edge.Parent == store.Host {
		l = owners
	}
	return s.k.begin(ctx, l)
}

// Save implements PersistentServer.
func (s *server) Save(ctx context.Context, call persistent.PersistentSaveCall) error {
	ctx, leave, err := s.enter(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	t := &Terms{}
	if call.Params().HasSealFor() {
		t.SealFor = sealFor(capnp.PtrAs[Owner](call.Params().SealFor()))
	}
	ref, _, err := s.share(ctx, t)
	if err != nil {
		return err
	}
	SturdyRefBuilder(call.Results().NewSturdyRef().NewStruct(SturdyRefSize)).SetText(ref)
	return nil
}

// sealFor returns the key, which is there: an empty one is nobody's, and the ledger refuses it.
func sealFor(o Owner) []byte { return append([]byte{}, o.Key()...) }

// Share implements GrantServer.
func (s *server) Share(ctx context.Context, call GrantShareCall) error {
	ctx, leave, err := s.enter(ctx, call, common)
	if err != nil {
		return err
	}
	defer leave()
	p := call.Params()
	steps, err := narrow.Read(p.Steps())
	if err != nil {
		return err
	}
	t := &Terms{Label: p.Label(), Steps: steps, Uses: p.Uses(), Expires: timeOf(p.Expires())}
	if p.HasSealFor() {
		t.SealFor = sealFor(p.SealFor())
	}
	if t.Label == "" {
		return capnp.NewError(capnp.Failed, "a share needs a label that says to whom or what for")
	}
	ref, e, err := s.share(ctx, t)
	if err != nil {
		return err
	}
	call.Results().NewReference().SetText(ref)
	s.writer().write(ctx, call.Results().NewEdge(), e)
	return nil
}

// share makes a stored edge. Without a label it gets one of its own.
func (s *server) share(ctx context.Context, t *Terms) (ref string, e store.Edge, err error) {
	switch {
	case s.k.o.Reference == nil:
		return "", e, capnp.NewError(capnp.Unimplemented, "this host gives no references")
	case s.live == nil:
		return "", e, capnp.NewError(capnp.Unimplemented, "the host shares its objects by name")
	case s.object == liveObject || s.object == "" && s.live.object == liveObject:
		return "", e, capnp.NewError(capnp.Unimplemented, "the object has no name here, so no reference can lead to it")
	case s.object == s.live.object:
		// The ledger would take it for the grant itself, which may be less.
		return "", e, capnp.NewError(capnp.Unimplemented, "the object has the name of the grant's own: save that")
	}
	var secret store.Secret
	if t.Label == "" {
		t.Label = "saved " + s.k.clock.Now().UTC().Format(time.DateTime) + " " + rand.Text()[:6]
	}
	if e, secret, err = s.k.record(ctx, s.by, s.object, t, true); err != nil {
		return "", e, err
	}
	if ref, err = s.k.o.Reference(secret); err != nil {
		s.k.log.failed("write a reference", err)
		return "", e, errors.Join(capnp.NewError(capnp.Failed, "the host cannot write the reference"), s.k.ledger.Drop(ctx, e.ID))
	}
	return ref, e, nil
}

// find returns the edge that a selector names. It does not say whether s may know it: the ledger does.
func (s *server) find(ctx context.Context, sel Selector) (store.EdgeID, error) {
	switch sel.Which() {
	case SelectorWhichSelf:
		return s.by, nil
	case SelectorWhichId:
		if id := store.EdgeID(sel.Id()); id > store.Host {
			return id, nil
		}
		return 0, s.k.say("find", store.ErrUnknown)
	case SelectorWhichLabels:
		var labels []string
		if sel.Labels().Len() == 0 || sel.Labels().Len() > store.MaxDepth {
			return 0, s.k.say("find", store.ErrUnknown)
		}
		for _, l := range sel.Labels().All() {
			labels = append(labels, l)
		}
		e, err := s.k.ledger.Resolve(ctx, s.by, labels...)
		if err != nil {
			return 0, s.k.say("find", err)
		}
		return e.ID, nil
	}
	return 0, capnp.NewError(capnp.Unimplemented, "a selector of a kind that is not known here")
}

// Revoke implements GrantServer.
func (s *server) Revoke(ctx context.Context, call GrantRevokeCall) error {
	p := call.Params()
	r, err := s.revoke(ctx, call)
	if err != nil {
		return err
	}
	call.Results().SetRevocation(uint64(r.ID))
	call.Results().SetAffected(uint64(r.Effect.Total))
	if !p.Wait() {
		return nil
	}
	silent, err := s.k.waitGone(ctx, r)
	if err != nil {
		return s.k.say("wait for a revocation", err)
	}
	call.Results().SetSilent(silent)
	return nil
}

func (s *server) revoke(ctx context.Context, call GrantRevokeCall) (store.Revocation, error) {
	ctx, leave, err := s.begin(ctx, call, taking)
	if err != nil {
		return store.Revocation{}, err
	}
	defer leave()
	id, err := s.find(ctx, call.Params().Edge())
	switch {
	case err != nil:
		return store.Revocation{}, err
	case id == s.by:
		return store.Revocation{}, capnp.NewError(capnp.Failed, "a grant cannot revoke itself: drop gives it up, and those above can take it back")
	}
	return s.k.revoke(ctx, s.by, id, call.Params().Reason())
}

// revoke takes an edge back. When it returns no call through it starts at this vat any more.
func (k *Keeper) revoke(ctx context.Context, by, id store.EdgeID, reason string) (store.Revocation, error) {
	r, err := k.ledger.Revoke(ctx, by, id, reason)
	if err != nil {
		return r, k.say("revoke", err)
	}
	k.killed(id, r.Cursor, revoked(reason))
	k.log.Info("revoke", "edge", id, "label", r.Label, "by", by, "affected", r.Effect.Total)
	return r, nil
}

// Undo implements GrantServer.
func (s *server) Undo(ctx context.Context, call GrantUndoCall) error {
	ctx, leave, err := s.begin(ctx, call, taking)
	if err != nil {
		return err
	}
	defer leave()
	eff, err := s.k.ledger.Undo(ctx, s.by, store.RevocationID(call.Params().Revocation()))
	if err != nil {
		return s.k.say("undo", err)
	}
	call.Results().SetAffected(uint64(eff.Total))
	s.k.log.Info("undo", "revocation", call.Params().Revocation(), "by", s.by, "affected", eff.Total)
	return nil
}

// Drop implements GrantServer.
func (s *server) Drop(ctx context.Context, call GrantDropCall) error {
	ctx, leave, err := s.begin(ctx, call, taking)
	if err != nil {
		return err
	}
	defer leave()
	if s.live == nil {
		return capnp.NewError(capnp.Unimplemented, "only a grant can be dropped")
	}
	// The grant itself dies once this call has been answered through it.
	s.live.leaving.Store(true)
	err = s.k.ledger.Drop(ctx, s.by)
	var head store.Cursor
	if err == nil {
		head, err = s.k.feed.Head(ctx)
	}
	switch {
	case err == nil:
		s.live.dead.CompareAndSwap(nil, dropped)
		s.k.killed(s.by, head, dropped)
		s.k.log.Info("drop", "edge", s.by, "label", s.live.edge.Label)
	case !s.k.stays(s.live):
		err = nil // the feed has said so meanwhile
	default:
		return s.k.say("drop", err)
	}
	call.AfterFunc(func() { kill([]*live{s.live}, dropped) })
	return nil
}

// stays undoes leaving. It reports false if the grant has died meanwhile.
func (k *Keeper) stays(l *live) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.table.rows[l.row]
	if ok {
		l.leaving.Store(false)
	}
	return ok
}

// timeOf reads nanoseconds since 1970; 0 is no time.
func timeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
