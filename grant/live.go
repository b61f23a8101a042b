package grant

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// live is a grant in use: the policy of the membrane that its holders have.
//
// Invariant: dead is set before the membrane is revoked, and never changes again.
type live struct {
	k        *Keeper
	edge     store.Edge
	deadline time.Time // by the Keeper's clock; zero: none
	meter    *meter    // nil if nothing in the chain is counted
	grant    Grant     // what answers Grant and Persistent
	row      *row
	object   string // the host's name for what the chain starts from
	kind     uint64 // its interface; 0 if not known

	revoke func(reason ...error)
	again  func() (capnp.Client, bool)

	leaving atomic.Bool // its holder is dropping it
	dead    atomic.Pointer[capnp.Exception]

	passed  atomic.Int64 // calls not reported yet
	refused atomic.Int64 // calls not logged yet
	noted   atomic.Bool  // whether it is on the list of those to report
}

// policy is what the membranes of this package have; nobody else can name it.
type policy interface {
	ocap.Policy
	of() *live
}

func (l *live) of() *live { return l }

// state returns why no call may start now, or nil.
func (l *live) state() error {
	if x := l.dead.Load(); x != nil {
		return x
	}
	switch {
	case !l.deadline.IsZero() && !l.k.clock.Now().Before(l.deadline):
		return ocap.Expired
	case !l.k.fresh.good(time.Now()):
		return errStale
	}
	// Looking at the clock may have taken its time, and who revokes waits for methods that were let
	// through, not for those that are about to be.
	if x := l.dead.Load(); x != nil {
		return x
	}
	return nil
}

var errStale = ocap.Stale.Errorf("the vat has lost touch with its ledger, so it cannot be known whether the capability was revoked; try again later")

// Judge implements ocap.Policy.
func (l *live) Judge(c *ocap.Crossing) error {
	if !c.Inward() {
		return nil
	}
	if err := l.state(); err != nil {
		l.refused.Add(1)
		l.k.uses.note(l)
		return err
	}
	if ours(c.InterfaceID()) {
		// What it gives would outlive this grant.
		return capnp.Errorf(capnp.Unimplemented, "the object cannot be saved or shared by itself: share the way to it")
	}
	return nil
}

// Start implements ocap.Starter: what has waited is judged by the time it starts.
func (l *live) Start(c *ocap.Crossing) error {
	if !c.Inward() {
		return nil
	}
	return l.state()
}

// Ended implements ocap.Ender.
func (l *live) Ended(c *ocap.Crossing, _ error) {
	if !c.Inward() {
		return
	}
	if c.Delivered() {
		l.passed.Add(1)
		l.k.uses.note(l)
	}
}

func ours(interfaceID uint64) bool {
	return interfaceID == persistent.PersistentSaveMethod.InterfaceID() || interfaceID == GrantInfoMethod.InterfaceID()
}

// Handle implements ocap.Handler.
func (l *live) Handle(interfaceID uint64) (capnp.Client, bool) {
	c, ok := l.grant.Client, true
	if !ours(interfaceID) {
		c, ok = l.k.o.Also(l.kind, interfaceID)
	}
	if !ok {
		return capnp.Client{}, false
	}
	if err := l.state(); err != nil {
		return capnp.Broken(err), true
	}
	return c, true
}

// Redirect implements ocap.Redirector, for what comes out of the grant.
func (l *live) Redirect(c *ocap.Crossing) (capnp.Client, bool) {
	if !c.Inward() || !ours(c.InterfaceID()) || c.Root() {
		return capnp.Client{}, false
	}
	n, ok := c.Impl().(Named)
	if !ok {
		return capnp.Client{}, false
	}
	if err := l.state(); err != nil {
		return capnp.Broken(err), true
	}
	// An object of this process, which nobody has to release.
	return NewGrant(&server{k: l.k, by: l.edge.ID, live: l, object: n.ObjectName()}).Client, true
}

// counted is a live grant in whose chain something is counted.
type counted struct{ *live }

// Admit implements ocap.Admitter.
func (l counted) Admit(c *ocap.Crossing, done func(error)) {
	if !c.Inward() {
		done(nil)
		return
	}
	l.meter.take(done)
}

// Ended implements ocap.Ender: a call that has certainly not been executed costs nothing.
func (l counted) Ended(c *ocap.Crossing, err error) {
	l.live.Ended(c, err)
	if c.Inward() && (!c.Delivered() || !c.Started() && refusedHere(err)) {
		l.meter.give(1)
	}
}

// refusedHere reports whether a call ended because a wrapper or an object of this process did not let
// its method start: it must not be one that has, or may have, started elsewhere.
func refusedHere(err error) bool {
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok || x.Remote {
		return false
	}
	code, coded := ocap.CodeOf(x)
	return coded && code != ocap.Revoked || x.Kind == capnp.Unimplemented
}

// kill ends live grants. None starts a call any more once all are marked, and none is waited for
// longer than for the others.
func kill(doomed []*live, x *capnp.Exception) {
	for _, l := range doomed {
		l.dead.CompareAndSwap(nil, x)
	}
	const at = 16
	end := func(from int) {
		for i := from; i < len(doomed); i += at {
			doomed[i].end()
		}
	}
	var wg sync.WaitGroup
	for i := 1; i < min(at, len(doomed)); i++ {
		wg.Go(func() { end(i) })
	}
	end(0) // on this goroutine, as it may be that of a method which is called through it
	wg.Wait()
}

// end revokes the membrane of a grant that is dead.
func (l *live) end() {
	x := l.dead.Load()
	if c, ok := ocap.CodeOf(x); ok && c != ocap.Stale && l.edge.From != "" { // as the membrane has it
		y := *x
		y.Reason += "; " + l.edge.From + " can give more"
		x = &y
	}
	if l.meter != nil {
		l.meter.close(x)
	}
	l.revoke(x)
}

// revoked is what holders of a revoked grant are told.
func revoked(reason string) *capnp.Exception {
	if reason == "" {
		return ocap.Revoked.Errorf("the capability was revoked")
	}
	return ocap.Revoked.Errorf("the capability was revoked: %s", reason)
}

// dropped is what they are told when somebody above gave up what theirs was shared from.
var dropped = ocap.Revoked.Errorf("the capability was given up by whom it came from")
