package grant

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"lanyard.dev/store"
)

// follow asks the feed for revocations, kills what they say, and renews the lease.
func (k *Keeper) follow() {
	for {
		select {
		case <-k.poke:
		default:
		}
		if err := k.sync(); err != nil && k.ctx.Err() == nil {
			k.log.failed("follow the feed", err)
		}
		if !k.sleep(k.o.SyncEvery, k.poke) {
			return
		}
	}
}

// eventsAtOnce is how many events are asked for at a time.
const eventsAtOnce = 1000

// sync applies what the feed has. The lease counts from before the feed was asked.
func (k *Keeper) sync() error {
	began := time.Now()
	ctx, cancel := k.timeout(k.ctx)
	defer cancel()
	moved := false
	for {
		events, err := k.feed.Since(ctx, k.cursor, eventsAtOnce)
		if err != nil {
			return err
		}
		for _, e := range events {
			k.apply(e)
			k.cursor, moved = e.Cursor, true
		}
		if len(events) < eventsAtOnce {
			break
		}
	}
	// The lease in the ledger is what others wait for, so it must not end before this vat's own.
	if !moved && began.Sub(k.announced) < k.o.Freshness/5 {
		return nil
	}
	if err := k.feed.Announce(ctx, k.o.Name, k.cursor, k.o.Freshness); err != nil {
		return err
	}
	k.announced = began
	k.fresh.renew(began)
	return nil
}

func (k *Keeper) apply(e store.Event) {
	switch e.Verb {
	case store.VerbRevoked:
		k.killed(e.Edge, e.Cursor, revoked(e.Reason))
	case store.VerbDropped:
		k.killed(e.Edge, e.Cursor, dropped)
	default:
		k.mu.Lock()
		k.table.seen = max(k.table.seen, e.Cursor)
		k.mu.Unlock()
	}
}

// hintsAtLeast is the time between two hints that are taken up.
const hintsAtLeast = 5 * time.Millisecond

// listen lets the feed hasten the next sync.
func (k *Keeper) listen() {
	for {
		k.mu.Lock()
		at := k.table.seen
		k.mu.Unlock()
		err := k.feed.Wait(k.ctx, at)
		switch {
		case k.ctx.Err() != nil:
			return
		case err != nil:
			k.log.failed("wait for the feed", err)
			if !k.pause(k.o.SyncEvery) {
				return
			}
		default:
			k.hasten()
			if !k.pause(hintsAtLeast) {
				return
			}
		}
	}
}

// hasten makes the next sync due now.
func (k *Keeper) hasten() {
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// pause reports false when the Keeper is closed meanwhile.
func (k *Keeper) pause(d time.Duration) bool { return k.sleep(d, nil) }

func (k *Keeper) sleep(d time.Duration, sooner <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-k.ctx.Done():
		return false
	case <-sooner:
	case <-t.C:
	}
	return true
}

// timeout bounds one exchange with the ledger, so that one that hangs is tried again in time.
func (k *Keeper) timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(k.o.Freshness/2, k.o.SyncEvery))
}

// waitGone returns when no vat makes calls any more that a revocation forbids, with the names of those
// who have not said so, but whose lease has run out.
func (k *Keeper) waitGone(ctx context.Context, r store.Revocation) (silent []string, err error) {
	k.hasten()
	late := map[string]bool{}
	for {
		behind, err := k.feed.Behind(ctx, r.Cursor)
		if err != nil {
			return nil, err
		}
		if len(behind) == 0 {
			break
		}
		for _, v := range behind {
			late[v.Name] = true
		}
		t := time.NewTimer(waitEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		case <-t.C:
		}
	}
	// Of those who were late, who has a lease has caught up.
	all, err := k.feed.Behind(ctx, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		delete(late, v.Name)
	}
	return slices.Sorted(maps.Keys(late)), nil
}

// waitEvery is how often the vats that lag behind are looked at.
const waitEvery = 25 * time.Millisecond
