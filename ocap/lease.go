package ocap

import (
	"runtime"
	"sync"
	"time"
	"weak"

	"lanyard.dev/capnp"
)

// Lease returns a capability of the same type to c's object that nothing passes any more from the
// instant until on, and its term, by which it is prolonged. Calls, also of what came out of it and of
// what was passed in, end as [Expired]: those that come then, those whose method has not started by
// then here, and with Cancel all. A lease of a lease ends with the first of them. c stays the
// caller's; release both.
func Lease[C capnp.ClientKind](c C, until time.Time, o *LeaseOptions) (C, *Term) {
	if o == nil {
		o = &LeaseOptions{}
	}
	l := newLease(until, o.Clock)
	cl := capnp.ClientOf(c)
	defer runtime.KeepAlive(cl)
	m, h := layer(capnp.HookOf(cl), newStack(l, nil), &Options{Grantor: o.Grantor}, o.Cancel)
	t := &Term{lease: l}
	if o.Cancel {
		l.m = weak.Make(m)
		l.mu.Lock()
		l.wind()
		l.mu.Unlock()
	}
	return capnp.As[C](capnp.NewClient(m.view(h, true))), t
}

// LeaseOptions say how a [Lease] ends. The zero value, or nil, is good.
type LeaseOptions struct {
	// Cancel ends at expiry what is under way, as revocation does. Otherwise methods that run may
	// return.
	Cancel bool
	// Clock is what the lease goes by.
	Clock Clock
	// Grantor is who can give more: see [Options].
	Grantor string

	_ struct{}
}

// LeasePolicy returns the policy of [Lease] without Cancel, for [All] and [Membrane].
func LeasePolicy(until time.Time, k Clock) (Policy, *Term) {
	l := newLease(until, k)
	return newStack(l, nil), &Term{l}
}

// Term prolongs and ends a lease. Who has the capability does not have it. Dropping it changes
// nothing: the lease then ends when it has to.
type Term struct{ lease *lease }

// Until returns when the lease ends.
func (t *Term) Until() time.Time {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return t.lease.until
}

// Renew makes the lease end at another time, earlier or later. What has expired stays so: then it
// returns [Expired].
func (t *Term) Renew(until time.Time) error {
	l := t.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() {
		return Expired
	}
	l.until = until.Round(0)
	l.wind()
	return nil
}

// End ends the lease now.
func (t *Term) End() { _ = t.Renew(time.Time{}) }

// lease is what a term and a policy share.
type lease struct {
	clock Clock

	mu    sync.Mutex
	until time.Time
	ended bool
	m     weak.Pointer[membrane] // to be revoked at expiry; zero for none
	stop  func() bool            // of the timer
}

func newLease(until time.Time, k Clock) *lease {
	return &lease{clock: orSystem(k), until: until.Round(0)}
}

// over is called with mu held.
func (l *lease) over() bool {
	l.ended = l.ended || !l.clock.Now().Before(l.until)
	return l.ended
}

// check returns Expired from the end on.
func (l *lease) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() {
		return Expired.Errorf("the capability has expired")
	}
	return nil
}

// wind sets the timer anew. It is called with mu held.
func (l *lease) wind() {
	if l.m == (weak.Pointer[membrane]{}) {
		return
	}
	if l.stop != nil {
		l.stop()
	}
	self := weak.Make(l)
	l.stop = l.clock.AfterFunc(l.until.Sub(l.clock.Now()), func() {
		if l := self.Value(); l != nil {
			l.ring()
		}
	})
}

// ring revokes, unless the lease was renewed or the clock is slower than the timer.
func (l *lease) ring() {
	l.mu.Lock()
	if !l.over() {
		l.wind()
		l.mu.Unlock()
		return
	}
	m := l.m.Value()
	l.mu.Unlock()
	if m != nil {
		m.revoke(refusal(Expired.Errorf("the capability has expired"), m.grantor))
	}
}
