package grant

import (
	"context"
	"log/slog"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
)

// Objects returns the object that the host calls name, whole, or an error that holders may read. It
// is called when a reference is restored; the caller releases what it returns.
type Objects func(ctx context.Context, name string) (capnp.Client, error)

// Options of a Keeper.
type Options struct {
	// Name tells this vat apart from the others that use the ledger. Each must have its own.
	// Default: a random one.
	Name string

	// Reference writes a secret as the reference that holders keep. Default: nothing can be
	// shared through [Grant] or saved, as nobody could restore it.
	Reference func(store.Secret) string

	// Freshness is how long calls may pass when the ledger cannot be reached: what is revoked
	// elsewhere is dead here after that at the latest. Default 5 s.
	Freshness time.Duration

	// SyncEvery is how often the ledger is asked for revocations at least. Default 250 ms.
	SyncEvery time.Duration

	// Clock is what expiry and freshness go by. Default: the computer's.
	Clock ocap.Clock

	// Root returns the interface of the object of a name, for the texts and checks of steps that do
	// not say it; 0 if it is not known. Default: never known.
	Root func(object string) uint64

	// Log gets what happens, without secrets. Default: nothing is logged.
	Log *slog.Logger

	// Limits bound what holders can make the Keeper remember.
	Limits Limits

	_ struct{}
}

// Limits of a Keeper. A zero field means the default.
type Limits struct {
	Live    int // grants in use at a time; default 100 000
	Waiting int // calls of one grant that wait for the ledger to count them; default 10 000
	Page    int // edges or log entries in one answer; default 1000
	Work    int // restores, and calls of Grant, at a time; default 64

	_ struct{}
}

// Terms are what something is shared under.
type Terms struct {
	// Label says to whom or what for. It is required, and unlike that of any active edge that was
	// shared from the same one.
	Label string
	// Steps lead from the capability to what is shared. None: the capability itself.
	Steps []narrow.Step
	// Expires is the instant from which on nothing passes. Zero: never.
	Expires time.Time
	// Uses is how many calls pass; 0: any number.
	Uses uint64
	// SealFor is the key of the only one who can restore the reference. Nil: whoever has it.
	SealFor []byte

	_ struct{}
}

// Keeper makes live capabilities of a ledger's edges. It is safe for many goroutines.
type Keeper struct {
}

// New returns a Keeper for the objects of this process. It asks the ledger where the feed is, and
// fails if it cannot.
func New(ctx context.Context, l store.Ledger, f store.Feed, reg *schema.Registry, objects Objects, o *Options) (*Keeper, error) {
	panic("todo")
}

// Close ends every capability that the Keeper made, and tells the ledger that nobody has to wait for
// this vat any more.
func (k *Keeper) Close() error { panic("todo") }

// Restore returns the capability that a secret stands for. Owner is the key that whoever asks has
// proved to hold, nil if none. Whatever the ledger does not give is store.ErrUnknown: revoked, expired,
// sealed for somebody else, never issued. Restoring a secret again while the capability is in use
// gives the same capability.
func (k *Keeper) Restore(ctx context.Context, s store.Secret, owner []byte) (capnp.Client, error) {
	panic("todo")
}

// Issue records a root of the ledger: the host gives an object, whole or narrowed, to somebody. The
// secret is the first reference to it.
func (k *Keeper) Issue(ctx context.Context, object string, t *Terms) (store.Edge, store.Secret, error) {
	panic("todo")
}

// Share gives a capability to somebody in this process, or behind a connection of it, without a
// reference. It is an edge all the same: it shows up under its label, and dies with the edge that c
// comes from. When the last holder has gone so has the edge. A capability that does not come from a
// grant of this Keeper becomes a root.
func (k *Keeper) Share(ctx context.Context, c capnp.Client, t *Terms) (capnp.Client, store.Edge, error) {
	panic("todo")
}

// Host returns the grant of the ledger's owner: it has a say over every edge.
func (k *Keeper) Host() Grant { panic("todo") }

// Named is an object that the host can find again: Objects, given the name, returns an object that is
// the same to its users. What comes out of a grant and is Named can be saved.
type Named interface{ ObjectName() string }
