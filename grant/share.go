package grant

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
)

// Terms are what something is shared under.
type Terms struct {
	// Label says to whom or what for. It is required, and unlike that of any active edge that was
	// shared from the same one: 1 to 256 bytes without control characters.
	Label string
	// Steps lead from the capability to what is shared; none: the capability itself. Expiry and uses
	// in them count as Expires and Uses. A number of bytes cannot be kept and is refused.
	Steps []narrow.Step
	// Expires is the instant from which on nothing passes. Zero: never.
	Expires time.Time
	// Uses is how many calls pass, on it and on what comes out of it; 0: any number.
	Uses uint64
	// SealFor is the key of the only one who can restore the reference. Nil: whoever has it.
	SealFor []byte

	_ struct{}
}

// Issue records a root of the ledger: the host gives an object, whole or narrowed, to somebody. The
// secret is the first reference to it.
func (k *Keeper) Issue(ctx context.Context, object string, t *Terms) (store.Edge, store.Secret, error) {
	ctx, leave, err := k.begin(ctx, common)
	if err != nil {
		return store.Edge{}, store.Secret{}, err
	}
	defer leave()
	return k.record(ctx, store.Host, object, t, true)
}

// Share gives a capability to somebody in this process, or at the other end of a connection, without
// a reference. It is an edge all the same: it stands in the ledger under its label and dies with what c
// was shared from, and when nobody holds the capability any more the edge ends. What comes from no
// grant of this Keeper becomes a root. c stays the caller's; release both.
func (k *Keeper) Share(ctx context.Context, c capnp.Client, t *Terms) (capnp.Client, store.Edge, error) {
	none := capnp.Client{}
	ctx, leave, err := k.begin(ctx, common)
	if err != nil {
		return none, store.Edge{}, err
	}
	defer leave()
	if err := c.Resolve(ctx); err != nil {
		return none, store.Edge{}, err
	}
	by, object := store.Host, liveObject
	inner, pol, root, ok := ocap.Inside[policy](c)
	switch l := livesIn(pol, k); {
	case !ok || l == nil:
		inner.Release()
		inner = another(c)
	case root:
		by, object = l.edge.ID, ""
	default:
		by = l.edge.ID
	}
	defer inner.Release()
	if inner.IsNull() {
		return none, store.Edge{}, errors.New("share: a null capability")
	}

	e, _, err := k.record(ctx, by, object, t, false)
	if err != nil {
		return none, store.Edge{}, err
	}
	out, err := k.shareLive(ctx, inner, e)
	if err != nil {
		k.uses.lost(e.ID)
		return none, store.Edge{}, err
	}
	return out, e, nil
}

// liveObject is the object of edges that no name leads to: they cannot be restored, nor anything that is
// shared from them.
const liveObject = "(live)"

func livesIn(p policy, k *Keeper) *live {
	if p == nil || p.of().k != k {
		return nil
	}
	return p.of()
}

func (k *Keeper) shareLive(ctx context.Context, inner capnp.Client, e store.Edge) (capnp.Client, error) {
	asked := k.clock.Now()
	chain, err := k.ledger.Lookup(ctx, e.ID)
	if err != nil {
		return capnp.Client{}, k.say("look up a grant", err)
	}
	p, err := planOf(chain.Edges)
	if err != nil {
		return capnp.Client{}, err
	}
	// inner has the steps of the edges above.
	own, err := planOf(chain.Edges[len(chain.Edges)-1:])
	if err != nil {
		return capnp.Client{}, err
	}
	c, err := k.narrow(ctx, inner, own.steps, "", e)
	if err != nil {
		return capnp.Client{}, err
	}
	defer c.Release()
	return k.handOut(ctx, c, &p, chain, asked)
}

// record checks the terms against the schemas and writes the edge.
func (k *Keeper) record(ctx context.Context, by store.EdgeID, object string, t *Terms, stored bool) (store.Edge, store.Secret, error) {
	if t == nil {
		t = &Terms{}
	}
	s, err := k.terms(ctx, by, object, t)
	if err != nil {
		return store.Edge{}, store.Secret{}, err
	}
	s.Stored = stored
	e, secret, err := k.ledger.Share(ctx, by, s)
	if err != nil {
		return store.Edge{}, store.Secret{}, k.say("share", err)
	}
	k.log.Info("share", "edge", e.ID, "label", e.Label, "by", by, "stored", stored)
	return e, secret, nil
}

func (k *Keeper) terms(ctx context.Context, by store.EdgeID, object string, t *Terms) (store.Share, error) {
	s := store.Share{Label: t.Label, Object: object, Expires: t.Expires, SealedFor: t.SealFor}
	uses := t.Uses
	var steps []narrow.Step
	for i, step := range t.Steps {
		if step.Narrow == nil {
			steps = append(steps, step)
			continue
		}
		n := *step.Narrow
		if n.Bytes > 0 {
			return s, fmt.Errorf("step %d: a number of bytes cannot be kept with a share; limit the size of each call instead", i+1)
		}
		if n.Uses > 0 && (uses == 0 || n.Uses < uses) {
			uses = n.Uses
		}
		if !n.NotAfter.IsZero() && (s.Expires.IsZero() || n.NotAfter.Before(s.Expires)) {
			s.Expires = n.NotAfter
		}
		n.Uses, n.NotAfter = 0, time.Time{}
		if n.Methods != nil || n.ReadOnly || len(n.Where) > 0 || n.Rate.Calls > 0 || n.Concurrency > 0 {
			steps = append(steps, narrow.By(n))
		}
	}
	if uses > math.MaxInt64 {
		return s, errors.New("more uses than 2^63-1: leave them out for any number")
	}
	s.Uses = int64(uses)
	if len(steps) == 0 {
		return s, nil
	}
	if err := k.check(ctx, by, object, steps); err != nil {
		return s, err
	}
	b, err := narrow.Encode(steps)
	if err != nil {
		return s, err
	}
	s.Steps, s.Text = b, narrow.Describe(steps, k.reg)
	const maxText = 4 << 10 // of store
	if len(s.Text) > maxText {
		return s, fmt.Errorf("the steps take %d bytes in words, limit %d", len(s.Text), maxText)
	}
	return s, nil
}

// check applies the schemas to steps after those of the edge that they are shared from.
func (k *Keeper) check(ctx context.Context, by store.EdgeID, object string, steps []narrow.Step) error {
	switch {
	case object == liveObject:
		return narrow.Check(steps, 0, k.reg)
	case object != "":
		return narrow.Check(steps, k.o.Root(object), k.reg)
	}
	chain, err := k.ledger.Lookup(ctx, by)
	if err != nil {
		return k.say("look up a grant", err)
	}
	p, err := planOf(chain.Edges)
	if err != nil {
		return err
	}
	return narrow.Check(steps, p.kind(k.o.Root), k.reg)
}
