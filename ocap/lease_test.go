package ocap_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// handClock stands still until it is moved.
type handClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*handTimer
}

type handTimer struct {
	at   time.Time
	f    func()
	done bool
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newHandClock() *handClock { return &handClock{now: noon} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &handTimer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := !t.done
		t.done = true
		return was
	}
}

func (c *handClock) set(now time.Time) {
	c.mu.Lock()
	c.now = now
	var due []func()
	for _, t := range c.timers {
		if !t.done && !t.at.After(now) {
			t.done = true
			due = append(due, t.f)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

func TestLeaseEndsAtItsInstant(t *testing.T) {
	clock := newHandClock()
	o, c := newThing()
	h, term := ocap.Lease(c, noon.Add(time.Minute), &ocap.LeaseOptions{Clock: clock, Grantor: "alice"})
	child := result(t, h.Client, bear)
	clock.set(noon.Add(time.Minute - 1))
	must(t, h.Client, ping, 1)
	must(t, child, parent, 1)
	clock.set(noon.Add(time.Minute))
	_, err := do(t, h.Client, ping, 2)
	wantErr(t, "at the instant", err, ocap.Expired)
	wantErr(t, "at the instant", err, capnp.Failed)
	if want := "the capability has expired; alice can give more"; err == nil || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	_, err = do(t, child, parent, 2)
	wantErr(t, "of what came out", err, ocap.Expired)
	clock.set(noon) // a clock of this kind does not exist, but if it did
	_, err = do(t, h.Client, ping, 3)
	wantErr(t, "when the clock is turned back", err, ocap.Expired)
	if err := term.Renew(noon.Add(time.Hour)); !errors.Is(err, ocap.Expired) {
		t.Errorf("renewing what has expired: %v", err)
	}
	if n := o.pings.Load(); n != 1 {
		t.Errorf("ping ran %d times", n)
	}
}

func TestLeaseIsRenewedByItsTermOnly(t *testing.T) {
	clock := newHandClock()
	_, c := newThing()
	h, term := ocap.Lease(c, noon.Add(time.Minute), &ocap.LeaseOptions{Clock: clock})
	if err := term.Renew(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	clock.set(noon.Add(time.Hour - 1))
	must(t, h.Client, ping, 1)
	if got := term.Until(); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("until %v", got)
	}
	term.End()
	_, err := do(t, h.Client, ping, 2)
	wantErr(t, "after End", err, ocap.Expired)
}

// A lease of a lease ends with the first of them, however long it was to be and however it is renewed.
func TestLeaseOfLease(t *testing.T) {
	clock := newHandClock()
	o := &ocap.LeaseOptions{Clock: clock}
	for _, first := range []bool{true, false} {
		_, c := newThing()
		long, short := noon.Add(time.Hour), noon.Add(time.Minute)
		if first {
			long, short = short, long
		}
		clock.set(noon)
		parent, _ := ocap.Lease(c, long, o)
		child, term := ocap.Lease(parent, short, o)
		if err := term.Renew(short); err != nil {
			t.Fatal(err)
		}
		clock.set(noon.Add(time.Minute - 1))
		must(t, child.Client, ping, 1)
		clock.set(noon.Add(time.Minute))
		_, err := do(t, child.Client, ping, 2)
		wantErr(t, "child", err, ocap.Expired)
	}
}

// With Cancel a method that runs is cancelled at expiry, else it may return; one that waits for its turn
// does not start either way.
func TestLeaseAndCallsUnderWay(t *testing.T) {
	for _, cancel := range []bool{true, false} {
		clock := newHandClock()
		o, c := newThing()
		h, term := ocap.Lease(c, noon.Add(time.Minute), &ocap.LeaseOptions{Clock: clock, Cancel: cancel})
		ctx, stop := contextWithCancel()
		running := send(ctx, h.Client, block, 0)
		eventually(t, "block runs", func() bool { return o.pings.Load() == 1 })
		queued := send(t.Context(), h.Client, secret, 0)
		if err := term.Renew(noon.Add(2 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		clock.set(noon.Add(time.Minute))
		if o.ended.Load() != 0 {
			t.Error("the old instant counts after renewal")
		}
		clock.set(noon.Add(2 * time.Minute))
		if cancel {
			_, err := running.Wait()
			wantErr(t, "running", err, ocap.Expired)
		} else if o.ended.Load() != 0 {
			t.Error("the method was cancelled")
		}
		stop()
		_, err := queued.Wait()
		wantErr(t, "queued", err, ocap.Expired)
		eventually(t, "block ends", func() bool { return o.ended.Load() == 1 })
		if n := o.secrets.Load(); n != 0 {
			t.Errorf("what was queued ran %d times", n)
		}
	}
}
