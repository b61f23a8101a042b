// Package store keeps the grant ledger: every share of a capability, live or
// stored, is an edge of a tree, and authority is reachability in it.
//
// An edge says from whom, to what label, which object, how narrowed, until when
// and how often. It is alive while it and every edge above it is active and not
// expired, so revoking one edge kills everything below it with one write, and
// undoing the revocation brings back exactly what it killed. The package
// holds the types and the two interfaces, [Ledger] and [Feed]; the engines are
// store/sqlite (one machine, nothing to install) and store/postgres (several
// vats share one ledger). Package store/storetest is the suite both pass.
//
// Do not use it to keep capabilities by hand: package grant turns edges into
// live capabilities, and kills those when their edge dies.
package store

import (
	"errors"
	"time"
)

// An EdgeID names an edge within one ledger. It is no secret and gives no
// authority, but it counts the shares made so far: show people labels.
// A child's id is greater than its parent's.
type EdgeID int64

// Host stands for the owner of the ledger. As the acting edge it may touch
// every edge; as the parent of a share it makes a root. It is in no Chain.
const Host EdgeID = 0

// A State says what was done to an edge itself; whether the edge is alive
// depends on the edges above it as well.
type State uint8

// The states of an edge.
const (
	Active  State = iota
	Expired       // its time has passed
	Revoked       // at least one revocation of it stands
	Dropped       // its holder gave it up: final
)

func (s State) String() string {
	switch s {
	case Active:
		return "active"
	case Expired:
		return "expired"
	case Revoked:
		return "revoked"
	case Dropped:
		return "dropped"
	}
	return "unknown"
}

// An Edge is one share.
type Edge struct {
	ID     EdgeID
	Parent EdgeID // Host for a root

	From  string // the label of the parent, "" when it is the host
	Label string // to whom; unique among siblings that are active

	Object    string    // the host's name for the object; a child has its parent's unless it was given one
	Steps     []byte    // how it is narrowed relative to its parent: narrow.Encode's bytes, opaque here
	Text      string    // Steps in words, for people
	Created   time.Time // by the ledger's clock, like every time here
	Expires   time.Time // zero: never. The boundary instant itself is refused
	LastUsed  time.Time // zero: never. Recorded in batches, so a few seconds late
	Uses      int64     // calls through this edge; for a limited edge: taken from it, by itself and by what is below
	MaxUses   int64     // 0: unlimited
	State     State     // of the edge alone
	Alive     bool      // it and all above it are active
	SealedFor []byte    // the key of the only one who may restore it; nil: whoever has the secret
	Stored    bool      // it has a secret, so that it can be restored; else it is a live share
}

// Limited reports whether uses of the edge are counted against a maximum.
func (e Edge) Limited() bool { return e.MaxUses > 0 }

// A Share describes a new edge.
type Share struct {
	_ struct{}

	Label     string    // required: 1 to 256 bytes of valid UTF-8 without control characters
	Object    string    // required for a root; "" in a child: the parent's
	Steps     []byte    // at most 64 KiB; nil: as the parent
	Text      string    // at most 4 KiB
	Expires   time.Time // zero: never. What is past is refused; later than the parent's means nothing
	Uses      int64     // how many calls; 0: unlimited
	SealedFor []byte    // at most 1 KiB; nil: whoever has the secret. Empty and not nil is refused
	Stored    bool      // make a secret
}

// A Chain is an edge with everything above it, root first: what must be
// applied, in this order, before the capability is handed out.
type Chain struct {
	Edges []Edge // never empty; the last is the edge asked for

	// Cursor is the head of the feed in the very snapshot that Edges comes from.
	// Who has already applied events later than Cursor when it gets the chain must
	// ask again, or it might hand out what one of those events killed.
	Cursor Cursor

	// At is the ledger's clock in that snapshot. How long an edge still lives is
	// its Expires minus At, on anybody's clock.
	At time.Time
}

// Edge is the edge that was asked for.
func (c Chain) Edge() Edge { return c.Edges[len(c.Edges)-1] }

// Expires is the earliest expiry in the chain, zero if there is none.
func (c Chain) Expires() time.Time {
	var first time.Time
	for _, e := range c.Edges {
		if !e.Expires.IsZero() && (first.IsZero() || e.Expires.Before(first)) {
			first = e.Expires
		}
	}
	return first
}

// Limited reports whether calls through the chain must be taken from the
// ledger: some edge in it has a maximum.
func (c Chain) Limited() bool {
	for _, e := range c.Edges {
		if e.Limited() {
			return true
		}
	}
	return false
}

// MaxDepth is how many edges a chain may have: a share below it is refused.
const MaxDepth = 64

// An Effect is what a revocation kills or an undo brings back.
type Effect struct {
	Total int    // how many edges, the revoked one included
	Edges []Edge // the first of them, at most as many as were asked for; parents before children
}

// A RevocationID names a revocation within one ledger.
type RevocationID int64

// A Revocation takes back one edge, and with it all below.
type Revocation struct {
	ID     RevocationID
	Edge   EdgeID
	Label  string // the edge's
	By     EdgeID // who revoked; Host for the owner of the ledger
	Reason string
	At     time.Time
	Undone time.Time // zero: it stands
	Cursor Cursor    // its place in the feed: a vat that has applied it has no such calls any more

	// Effect is what it killed; Revoke fills it with up to 1000 edges, the list of
	// Revocations leaves it empty.
	Effect Effect
}

// A Query selects edges below the acting one.
type Query struct {
	_ struct{}

	Under     EdgeID // only what is below this one, zero: below the acting edge
	Depth     int    // 1: children only; 0: all
	AliveOnly bool   // leave out what is dead
	After     EdgeID // for the next page: the last id of the page before
	Max       int    // at most so many; 0: 1000
}

// An Explanation says why an edge is, or is no longer, alive.
type Explanation struct {
	Chain []Edge // root first, whatever its state, the edge last. It goes above the acting edge: show with care

	// Cause is the edge, the first from the root, that is not active; nil when
	// the edge is alive.
	Cause *Edge

	// Revocation is the latest one that stands on Cause, nil unless it is revoked.
	Revocation *Revocation
}

// A Use is a report of calls through an edge.
type Use struct {
	Edge  EdgeID
	Calls int64 // since the last report
	Ago   time.Duration
}

// An Allotment is a number of uses taken in advance. Whoever holds it may
// start so many calls, and must give back what it did not start: what is
// neither used nor returned counts as used.
type Allotment struct {
	ID   int64
	Edge EdgeID
	Uses int64 // how many; at least 1

	// Last reports that nothing is left after this allotment unless somebody
	// returns some.
	Last bool
}

// A Bucket is one rate, exact across every vat that uses the ledger: it holds
// Burst tokens at most and gains Tokens each Per.
type Bucket struct {
	_ struct{}

	Edge   EdgeID
	Index  int           // tells the rates of one edge apart: the position of its narrowing
	Tokens int64         // gained each Per, at least 1
	Per    time.Duration // a microsecond at least; counted in whole microseconds
	Burst  int64         // 0: as Tokens
}

// The errors that callers tell apart.
var (
	// ErrUnknown answers every attempt to use what one has no right to: an unknown,
	// revoked, expired or dropped secret, one sealed for somebody else, an edge
	// that is not below the acting one, an acting edge that is not alive. It is
	// always this very value, so that it tells nothing more.
	ErrUnknown = errors.New("store: no such grant")

	// ErrLabel reports that an active sibling has the label.
	ErrLabel = errors.New("store: the label is taken")

	// ErrExhausted reports that the edge, or one above it, has no use left.
	ErrExhausted = errors.New("store: no uses left")

	// ErrInvalid reports an argument out of its bounds.
	ErrInvalid = errors.New("store: invalid argument")

	// ErrKey reports a key that is not the one the ledger was made with, or a
	// key file that is missing, readable by others, or no regular file.
	ErrKey = errors.New("store: wrong or unsafe key")

	// ErrNewer reports a database written by a later version of this package.
	ErrNewer = errors.New("store: the database is newer than this program")

	// ErrCorrupt reports a damaged database, or an edge that was not written by
	// the holder of the key.
	ErrCorrupt = errors.New("store: the database is damaged")

	// ErrFull reports that there is no room for the write; nothing was written.
	ErrFull = errors.New("store: no space left")

	// ErrReadOnly reports that the database cannot be written.
	ErrReadOnly = errors.New("store: the database is read-only")
)
