package store

import (
	"context"
	"time"
)

// A Ledger is the tree of edges. Every operation that shows or changes edges
// takes the acting edge, by: it must be alive, and reaches what is strictly
// below it and nothing else. [Host] reaches all.
//
// When an operation has returned without error its effect is durable and every
// vat that asks the ledger afterwards sees it. When it returned an error other
// than a lost connection or an ended context, it had no effect. The methods may
// be called at the same time from anywhere.
type Ledger interface {
	// Share records an edge below by. The secret is zero unless s.Stored; it is
	// shown this once, the ledger keeps only its keyed hash.
	// Errors: ErrUnknown (by is not alive), ErrLabel, ErrInvalid.
	Share(ctx context.Context, by EdgeID, s Share) (Edge, Secret, error)

	// Restore finds the edge of a secret. The owner is the key that whoever asks
	// has proved to hold, nil if none. It answers ErrUnknown for whatever it does
	// not give, by the same path. It records nothing: see Used.
	Restore(ctx context.Context, s Secret, owner []byte) (Chain, error)

	// Lookup reads an edge's chain by id, for live shares and for a vat that asks
	// again. ErrUnknown unless the edge is alive.
	Lookup(ctx context.Context, edge EdgeID) (Chain, error)

	// Rotate gives the edge a new secret; the old one is worth nothing from then
	// on. A live share becomes a stored one. The edge is by itself or below it.
	// What was restored with the old secret stays alive; the feed says Rotated,
	// for a vat that wants to break it.
	Rotate(ctx context.Context, by, edge EdgeID) (Secret, error)

	// Resolve follows labels down from by, to an active edge each. As labels are
	// unique among active siblings it finds at most one.
	Resolve(ctx context.Context, by EdgeID, labels ...string) (Edge, error)

	// Below lists edges below by in the order of their ids, so parents come before
	// children.
	Below(ctx context.Context, by EdgeID, q Query) ([]Edge, error)

	// Preview says what revoking the edge now would kill: nothing (Total 0) if it
	// is not alive. At most max edges are listed; all are counted.
	Preview(ctx context.Context, by, edge EdgeID, max int) (Effect, error)

	// Revoke takes back the edge, and with it everything below. Revoking what is
	// dead already is no error: each revocation must be undone by itself before the
	// edge lives again. What was dropped stays dropped.
	Revoke(ctx context.Context, by, edge EdgeID, reason string) (Revocation, error)

	// Undo takes a revocation back: everything is as if that one had never been,
	// whatever was revoked before or after it. Who made it may undo it, and those
	// above who made it. Undoing it again is no error and does nothing. ErrLabel if
	// another active edge has the label by now. The effect lists at most 1000 edges.
	Undo(ctx context.Context, by EdgeID, r RevocationID) (Effect, error)

	// Revocations lists what by, and those below it, revoked: newest first, at most
	// max, undone ones included.
	Revocations(ctx context.Context, by EdgeID, max int) ([]Revocation, error)

	// Drop gives the edge itself up, with all below it, for good. Dropping what is
	// dropped, dead or unknown does nothing and is no error.
	Drop(ctx context.Context, edge EdgeID) error

	// Release drops a live share whose last holder has gone, unless something
	// alive hangs below it. It does nothing to a stored edge.
	Release(ctx context.Context, edge EdgeID) error

	// Why explains the state of an edge: by itself or one below it. Here the edge
	// may be dead, and so may by when it asks about itself.
	Why(ctx context.Context, by, edge EdgeID) (Explanation, error)

	// Log reads what happened to the edge and to what is below it, in the order of
	// its ids, after the entry given: at most max entries. The edge is by itself
	// or below it.
	Log(ctx context.Context, by, edge EdgeID, after EntryID, max int) ([]Entry, error)

	// Take takes up to n uses of the edge and of every limited edge above it, all or
	// none of them, so that no number of vats exceeds a maximum. It may give
	// fewer than n: an eighth of what is left at most, but at least one, so that
	// little is lost with a vat that dies. ErrExhausted if nothing is left,
	// ErrUnknown if the edge is not alive. An edge with no limit in its chain gets n.
	Take(ctx context.Context, edge EdgeID, n int64) (Allotment, error)

	// Return gives unused uses of an allotment back and closes it. A second return of
	// the same allotment does nothing. An allotment that is open for a day can no
	// longer be returned.
	Return(ctx context.Context, a Allotment, unused int64) error

	// Charge takes up to n tokens from all the buckets, the same number from each,
	// in one step. If granted is 0, retry says when the first could be had. Tokens
	// are for use at once: they cannot be given back.
	Charge(ctx context.Context, n int64, buckets ...Bucket) (granted int64, retry time.Duration, err error)

	// Used records calls and the time of the last one. For limited edges it records
	// the time only: Take has counted. Unknown edges are passed over.
	Used(ctx context.Context, uses []Use) error
}

// An EntryID orders the entries of a ledger's log; a later entry may for a
// moment become visible before an earlier one. For exact order there is the
// [Feed].
type EntryID int64

// A Verb says what an entry of the log, or an event of the feed, is about.
type Verb uint8

// The verbs. The feed has all but VerbShared.
const (
	VerbShared  Verb = iota + 1
	VerbRevoked      // the edge and all below it died
	VerbUndone       // a revocation was taken back
	VerbDropped      // the edge and all below it died for good
	VerbRotated      // the edge has a new secret
)

func (v Verb) String() string {
	switch v {
	case VerbShared:
		return "shared"
	case VerbRevoked:
		return "revoked"
	case VerbUndone:
		return "undone"
	case VerbDropped:
		return "dropped"
	case VerbRotated:
		return "rotated"
	}
	return "unknown"
}

// An Entry is one line of the log.
type Entry struct {
	ID         EntryID
	At         time.Time
	Verb       Verb
	Edge       EdgeID
	Label      string // the edge's
	By         EdgeID // who did it
	Revocation RevocationID
	Reason     string
}
