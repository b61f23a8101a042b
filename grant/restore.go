package grant

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"
	"weak"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// Restore returns the capability that a secret stands for, narrowed by its whole chain. Owner is the key
// that whoever asks has proved to hold, as Owner.key has it: the bytes of a vat.Key; nil if none. Whatever the ledger does not give is
// store.ErrUnknown, in the same words: revoked, dropped, expired, sealed for somebody else, never
// issued. Restoring again what somebody holds gives the same capability. When the ledger or the object
// cannot be had just now, the Kind of the error is capnp.Overloaded or capnp.Disconnected.
func (k *Keeper) Restore(ctx context.Context, s store.Secret, owner []byte) (capnp.Client, error) {
	ctx, leave, err := k.begin(ctx, common)
	if err != nil {
		return capnp.Client{}, err
	}
	defer leave()
	asked := k.clock.Now()
	chain, err := k.ledger.Restore(ctx, s, owner)
	if err != nil {
		return capnp.Client{}, k.say("restore", err)
	}
	c, err := k.restore(ctx, chain, asked)
	if err != nil {
		k.log.Info("restore", "edge", chain.Edge().ID, "label", chain.Edge().Label, "err", err)
		return capnp.Client{}, err
	}
	k.log.Info("restore", "edge", chain.Edge().ID, "label", chain.Edge().Label)
	return c, nil
}

// restore returns the live grant of a chain: the one there is, or a new one. Of those who want the
// same at the same time one makes it. asked is when the ledger was asked for the chain.
func (k *Keeper) restore(ctx context.Context, chain store.Chain, asked time.Time) (capnp.Client, error) {
	id := chain.Edge().ID
	for {
		k.mu.Lock()
		if r := k.table.current[id]; r != nil {
			k.mu.Unlock()
			if l := r.live.Value(); l != nil {
				if c, ok := l.again(); ok {
					return c, nil
				}
			}
			k.mu.Lock()
		}
		wait, busy := k.table.making[id]
		if !busy {
			made := make(chan struct{})
			k.table.making[id] = made
			k.mu.Unlock()
			c, err := k.makeLive(ctx, chain, asked)
			k.mu.Lock()
			delete(k.table.making, id)
			k.mu.Unlock()
			close(made)
			return c, err
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return capnp.Client{}, context.Cause(ctx)
		}
	}
}

func (k *Keeper) makeLive(ctx context.Context, chain store.Chain, asked time.Time) (capnp.Client, error) {
	// Somebody else may have made it between the look and the mark.
	k.mu.Lock()
	r := k.table.current[chain.Edge().ID]
	k.mu.Unlock()
	if r != nil {
		if l := r.live.Value(); l != nil {
			if c, ok := l.again(); ok {
				return c, nil
			}
		}
	}
	p, err := planOf(chain.Edges)
	if err != nil {
		k.log.failed("read a chain", err)
		return capnp.Client{}, unavailable(err)
	}
	inner, err := k.build(ctx, &p)
	if err != nil {
		return capnp.Client{}, err
	}
	defer inner.Release()
	return k.handOut(ctx, inner, &p, chain, asked)
}

// maxAsks bounds how often a chain is read again because revocations were made meanwhile.
const maxAsks = 100

// handOut puts the membrane of a live grant around a capability. It returns only what nothing that
// this vat knows of has killed: if there were events later than the chain, the ledger is asked again.
//
// What is left until the expiry counts from asked: the object may have taken its time.
func (k *Keeper) handOut(ctx context.Context, inner capnp.Client, p *plan, chain store.Chain, asked time.Time) (capnp.Client, error) {
	l := &live{k: k, edge: p.leaf(), object: p.object, kind: p.kind(k.o.Root)}
	if p.limited || len(p.buckets) > 0 {
		l.meter = &meter{k: k, edge: l.edge.ID, limited: p.limited, buckets: p.buckets}
	}
	if at := chain.Expires(); !at.IsZero() {
		l.deadline = asked.Add(at.Sub(chain.At))
		if !k.clock.Now().Before(l.deadline) {
			return capnp.Client{}, k.say("restore", store.ErrUnknown)
		}
	}
	l.grant = NewGrant(&server{k: k, by: l.edge.ID, live: l})

	r := &row{live: weak.Make(l), shared: !l.edge.Stored}
	for _, e := range p.edges {
		r.edges = append(r.edges, e.ID)
	}
	l.row = r
	var pol policy = l
	if l.meter != nil {
		pol = counted{l}
	}
	out, revoke := ocap.Membrane(untyped{inner}, pol, &ocap.Options{Grantor: l.edge.From, Held: k.o.Limits.Waiting})
	c := out.Client
	l.revoke, l.again = revoke, ocap.Again(c)
	if !l.deadline.IsZero() {
		w := r.live
		r.stop = k.clock.AfterFunc(l.deadline.Sub(k.clock.Now()), func() {
			if l := w.Value(); l != nil {
				k.expire(l)
			}
		})
	}
	if err := k.enter(ctx, r, chain); err != nil {
		if r.stop != nil {
			r.stop()
		}
		l.dead.CompareAndSwap(nil, revoked(""))
		l.end()
		c.Release()
		return capnp.Client{}, err
	}
	runtime.AddCleanup(l, k.collected, r)
	return c, nil
}

// enter puts a row into the table once its chain is as new as what is known here.
func (k *Keeper) enter(ctx context.Context, r *row, chain store.Chain) error {
	for range maxAsks {
		k.mu.Lock()
		switch {
		case k.table.closed:
			k.mu.Unlock()
			return errClosed
		case len(k.table.rows) >= k.o.Limits.Live:
			k.mu.Unlock()
			return errFull
		case chain.Cursor >= k.table.seen:
			r.asOf = chain.Cursor
			k.table.insert(r)
			k.mu.Unlock()
			return nil
		}
		k.mu.Unlock()
		var err error
		if chain, err = k.ledger.Lookup(ctx, r.leaf()); err != nil {
			return k.say("look up a grant", err)
		}
	}
	return errBusy
}

var errFull = capnp.NewError(capnp.Overloaded, "too many grants are in use here; try again later")

// collected forgets a live grant that nobody can call any more.
func (k *Keeper) collected(r *row) {
	k.mu.Lock()
	was := k.table.remove(r)
	k.mu.Unlock()
	if was && r.shared {
		k.uses.lost(r.leaf())
	}
}

func (k *Keeper) expire(l *live) {
	k.mu.Lock()
	k.table.remove(l.row)
	k.mu.Unlock()
	l.dead.CompareAndSwap(nil, ocap.Expired.Errorf("the capability has expired"))
	l.end()
}

// say turns an error of the ledger into what a holder may read.
func (k *Keeper) say(what string, err error) error {
	switch {
	case errors.Is(err, store.ErrUnknown):
		return &capnp.Exception{Kind: capnp.Failed, Reason: "there is no such grant", Cause: err}
	case errors.Is(err, store.ErrLabel):
		return &capnp.Exception{Kind: capnp.Failed, Reason: "the label is taken by another share that is active", Cause: err}
	case errors.Is(err, store.ErrInvalid):
		return &capnp.Exception{Kind: capnp.Failed, Reason: strings.TrimPrefix(err.Error(), "store: "), Cause: err}
	case errors.Is(err, context.Canceled):
		return err
	}
	k.log.failed(what, err)
	return &capnp.Exception{Kind: capnp.Overloaded, Reason: "the ledger of grants cannot do this now; try again later", Cause: err}
}
