package grant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// Objects returns the object that the host calls name, whole. Its error is for holders to read; if it
// is temporary its Kind should be capnp.Overloaded or capnp.Disconnected. Objects is called when a
// reference is restored, by many goroutines, and gives up what it returns.
type Objects func(ctx context.Context, name string) (capnp.Client, error)

// Named is an object that the host can find again: for its name Objects returns an object that is
// the same to those who use it. What comes out of a grant, and is a Named in this process, can be
// saved and shared like the grant itself. What it was narrowed by on the way does not go along: the
// name stands for the whole object, as it came out.
type Named interface{ ObjectName() string }

// Options of a Keeper. The zero value, or nil, is good.
type Options struct {
	// Name tells this vat apart from the others that use the ledger, and is what the others call it.
	// Default: a random one.
	Name string

	// Reference writes a secret as the reference that holders keep. Without it nothing can be saved
	// or shared through [Grant], as nobody could restore it.
	Reference func(store.Secret) (string, error)

	// Freshness is how long calls pass when the ledger cannot be reached: what is revoked elsewhere is
	// dead here after that at the latest. Default 5 s.
	Freshness time.Duration

	// SyncEvery is how often the ledger is asked for revocations at least. Default 250 ms.
	SyncEvery time.Duration

	// Clock is what expiry goes by. Default: the computer's.
	Clock ocap.Clock

	// Root returns the interface of the object of a name, for the checks and texts of steps that do
	// not say it; 0 if it is not known. Default: it never is.
	Root func(object string) uint64

	// Also is asked what answers an interface on every grant beside the object's own, however the
	// grant is narrowed: such as reflection. kind is the interface that the grant has, 0 if that is not
	// known. These calls are not counted as uses, and end with the grant. Also is called for each call
	// of an interface that is not Grant's, by many goroutines, and must not block; what it returns stays the host's.
	// Default: there is none.
	Also func(kind, interfaceID uint64) (capnp.Client, bool)

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
	Work    int // restores, and calls of Grant, that are worked on at a time; default 64; again for what takes back, and for the host's own
	Queue   int // those that wait for that; default 1024

	_ struct{}
}

// Keeper makes live capabilities of a ledger's edges. It is safe for many goroutines.
type Keeper struct {
	ledger  store.Ledger
	feed    store.Feed
	reg     *schema.Registry
	objects Objects
	o       Options
	clock   ocap.Clock
	host    Grant

	log   logger
	fresh lease
	uses  usage
	work  [lanes]workers
	poke  chan struct{} // a sync is due

	ctx context.Context // of the Keeper's own goroutines
	end context.CancelFunc
	wg  sync.WaitGroup

	cursor    store.Cursor // owned by follow
	announced time.Time    // owned by follow

	mu    sync.Mutex
	table table
}

// New returns a Keeper for the objects of this process. It asks the ledger where the feed is and
// announces itself; ctx bounds that. reg has the schemas that steps are understood by.
func New(ctx context.Context, l store.Ledger, f store.Feed, reg *schema.Registry, objects Objects, o *Options) (*Keeper, error) {
	k := &Keeper{ledger: l, feed: f, reg: reg, objects: objects, poke: make(chan struct{}, 1)}
	if o != nil {
		k.o = *o
	}
	k.o.fill()
	k.clock = k.o.Clock
	k.fresh.length = k.o.Freshness
	k.log.Logger, k.log.k = k.o.Log, k
	for i := range k.work {
		k.work[i].init(k.o.Limits.Work, k.o.Limits.Queue)
	}
	k.table.init()
	k.host = NewGrant(&server{k: k, by: store.Host})

	began := time.Now()
	head, err := f.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("grant: where the feed is: %w", err)
	}
	k.cursor, k.table.seen = head, head
	if err := f.Announce(ctx, k.o.Name, head, k.o.Freshness); err != nil {
		return nil, fmt.Errorf("grant: announce the vat: %w", err)
	}
	k.announced = began
	k.fresh.renew(began)

	k.ctx, k.end = context.WithCancel(context.Background())
	k.wg.Go(k.follow)
	k.wg.Go(k.listen)
	k.wg.Go(k.report)
	return k, nil
}

func (o *Options) fill() {
	if o.Name == "" {
		o.Name = "vat-" + rand.Text()[:10]
	}
	if o.Freshness <= 0 {
		o.Freshness = 5 * time.Second
	}
	if o.SyncEvery <= 0 {
		o.SyncEvery = 250 * time.Millisecond
	}
	o.SyncEvery = min(o.SyncEvery, o.Freshness/2)
	if o.Clock == nil {
		o.Clock = ocap.NewClock(time.Time{})
	}
	if o.Root == nil {
		o.Root = func(string) uint64 { return 0 }
	}
	if o.Also == nil {
		o.Also = func(uint64, uint64) (capnp.Client, bool) { return capnp.Client{}, false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &o.Limits
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Live, 100_000}, {&l.Waiting, 10_000}, {&l.Page, 1000}, {&l.Work, 64}, {&l.Queue, 1024}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
}

// errClosed is what capabilities say after Close.
var errClosed = &capnp.Exception{
	Kind: capnp.Disconnected, Reason: "the vat that served the grant has shut down",
	Details: []capnp.Detail{ocap.Stale.Detail()}, // for a membrane to keep the Kind
}

// Close ends every capability that the Keeper made, and tells the ledger that nobody has to wait for
// this vat any more. References restore again at another Keeper. It may be called twice.
func (k *Keeper) Close() error {
	k.mu.Lock()
	first := !k.table.closed
	k.table.closed = true
	for r := range k.table.rows {
		if r.shared && first {
			k.uses.lost(r.leaf())
		}
	}
	doomed := k.table.all()
	k.mu.Unlock()
	if !first {
		return nil
	}
	k.end()
	kill(doomed, errClosed)
	for i := range k.work {
		k.work[i].wait()
	}
	k.wg.Wait()

	ctx, cancel := context.WithTimeout(context.Background(), k.o.Freshness)
	defer cancel()
	return errors.Join(k.settle(ctx), k.feed.Retire(ctx, k.o.Name))
}

// begin takes a place among those who ask the ledger. Their context ends with Close, too.
func (k *Keeper) begin(ctx context.Context, l lane) (_ context.Context, leave func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	left, err := k.work[l].enter(ctx)
	if err != nil {
		cancel(nil)
		return nil, nil, err
	}
	stop := context.AfterFunc(k.ctx, func() { cancel(errClosed) })
	return ctx, func() { stop(); cancel(nil); left() }, nil
}

// spawn runs f on a goroutine that Close waits for. It reports false after Close.
func (k *Keeper) spawn(f func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table.closed {
		return false
	}
	k.wg.Go(f)
	return true
}

// Host returns the grant of the ledger's owner, who has a say over every edge. It stays the Keeper's.
func (k *Keeper) Host() Grant { return k.host }
