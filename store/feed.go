package store

import (
	"context"
	"time"
)

// A Cursor is a place in the feed: every event up to and including it.
// Zero is before the first. Cursors count without gaps, in the order in which
// the events were committed: who has read up to n has missed none before n.
type Cursor int64

// An Event is something that changed what is alive.
type Event struct {
	Cursor     Cursor
	At         time.Time
	Verb       Verb // VerbRevoked, VerbUndone, VerbDropped or VerbRotated
	Edge       EdgeID
	Revocation RevocationID // of VerbRevoked and VerbUndone
	Reason     string       // of VerbRevoked: the revoker's words
}

// A Vat is one process that hands out capabilities from the ledger, as the
// others see it.
type Vat struct {
	Name   string
	Cursor Cursor    // what it has applied
	Until  time.Time // when its lease runs out, by the ledger's clock
}

// A Feed is the commit-ordered log of revocations. A vat follows it like this:
//
//	head, _ := feed.Head(ctx)                 // before the first restore
//	feed.Announce(ctx, name, head, lease)
//	for every 250 ms at least, sooner when Wait returns {
//		t := time.Now()                       // before it asks
//		events, _ := feed.Since(ctx, head, 1000)
//		kill what they say; head = the last one's Cursor
//		if it got fewer than 1000, and feed.Announce(ctx, name, head, lease) succeeded,
//			calls may start until t + lease
//	}
//
// As the lease in the ledger starts later than the vat's own, a vat has stopped
// by itself when the ledger thinks its lease has run out. (Both are durations:
// clocks need to run equally fast, not to agree.)
type Feed interface {
	// Head is the cursor of the last event.
	Head(ctx context.Context) (Cursor, error)

	// Since reads the events after a cursor, oldest first, at most max of them.
	Since(ctx context.Context, after Cursor, max int) ([]Event, error)

	// Wait returns nil when there may be an event after the cursor, and ctx's error when
	// ctx ends. It is a hint that makes revocation faster: it may return for nothing, and
	// it may miss an event until ctx ends. Reading with Since is what counts.
	Wait(ctx context.Context, after Cursor) error

	// Announce says that the vat has applied everything up to the cursor and will
	// start no call later than lease from now unless it announces again.
	// Announcing with a lower cursor than before starts the vat anew.
	Announce(ctx context.Context, vat string, at Cursor, lease time.Duration) error

	// Retire says that the vat has stopped, so that nobody waits for it.
	Retire(ctx context.Context, vat string) error

	// Behind lists the vats that have a lease and have not applied the cursor yet.
	// When it is empty no call that the events up to the cursor forbid starts any
	// more, anywhere.
	Behind(ctx context.Context, at Cursor) ([]Vat, error)
}
