package ocap_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

func contextWithCancel() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

// race makes n calls of m from some goroutines and returns how many passed; the others have to fail with
// code.
func race(t *testing.T, c capnp.Client, m *capnp.Method, n int, code ocap.Code) int {
	t.Helper()
	var wg sync.WaitGroup
	var passed atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range n / 8 {
				switch _, err := do(t, c, m, 0); {
				case err == nil:
					passed.Add(1)
				case !errors.Is(err, code):
					t.Errorf("got %v, want %v", err, code)
				}
			}
		})
	}
	wg.Wait()
	return int(passed.Load())
}

func TestLimitUses(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			o, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) {
				return ocap.Limit(c, ocap.Limits{Uses: 10, Grantor: "alice"}), nil
			})
			copied := capnp.AddRef(h)
			defer copied.Release()
			n := race(t, h.Client, ping, 400, ocap.Exhausted) + race(t, copied.Client, ping, 400, ocap.Exhausted)
			if n != 10 || o.pings.Load() != 10 {
				t.Errorf("%d passed and %d ran, want 10", n, o.pings.Load())
			}
			_, err := do(t, h.Client, ping, 1)
			if want := "the capability is used up: all of 10 uses; alice can give more"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			wantErr(t, "for ever", err, capnp.Failed)
		})
	}
}

// What comes out counts, too, or the limit would be one on the first call only. With Shallow it does
// not.
func TestLimitIsDeep(t *testing.T) {
	for _, shallow := range []bool{false, true} {
		_, c := newThing()
		h := ocap.Limit(c, ocap.Limits{Uses: 3, Shallow: shallow})
		child := result(t, h.Client, bear) // 1
		for range 2 {
			must(t, child, parent, 0)
		}
		_, err := do(t, child, parent, 0)
		if shallow {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantErr(t, "child", err, ocap.Exhausted)
		_, err = do(t, h.Client, ping, 0)
		wantErr(t, "itself", err, ocap.Exhausted)
	}
}

// Calls that the object makes of what it got are not the holder's.
func TestLimitDoesNotCountCallsBack(t *testing.T) {
	_, c := newThing()
	h := ocap.Limit(c, ocap.Limits{Uses: 1})
	s, sc := newSink()
	must(t, h.Client, callBack, 0, sc)
	if s.gives.Load() != 1 {
		t.Error("the object could not call back")
	}
}

func TestOneShot(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			o, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.OneShot(c), nil })
			if n := race(t, h.Client, ping, 1000, ocap.Exhausted); n != 1 || o.pings.Load() != 1 {
				t.Errorf("%d passed and %d ran, want 1", n, o.pings.Load())
			}
		})
	}
	o, c := newThing()
	h := ocap.OneShot(c)
	child := piped(h.Client, bear)
	for range 2 {
		must(t, child, parent, 0)
	}
	// The object itself, wherever it comes out again, is still the capability that is used up.
	_, err := do(t, piped(child, parent), ping, 0)
	wantErr(t, "by way of a result", err, ocap.Exhausted)
	if o.pings.Load() != 0 {
		t.Error("ping ran")
	}
}

func TestLimitRate(t *testing.T) {
	clock := newHandClock()
	o, c := newThing()
	h := ocap.Limit(c, ocap.Limits{Rate: ocap.Rate{Calls: 2, Per: time.Minute, Burst: 3}, Clock: clock})
	if n := race(t, h.Client, ping, 80, ocap.Exhausted); n != 3 {
		t.Errorf("%d passed at once, want 3", n)
	}
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "later", err, capnp.Overloaded)
	if d, ok := ocap.RetryAfter(err); !ok || d < 30*time.Second || d > 31*time.Second {
		t.Errorf("retry after %v, want about 30s", d)
	}
	clock.set(noon.Add(30*time.Second - 1))
	_, err = do(t, h.Client, ping, 0)
	wantErr(t, "a little too early", err, ocap.Exhausted)
	clock.set(noon.Add(30 * time.Second))
	must(t, h.Client, ping, 0)
	_, err = do(t, h.Client, ping, 0)
	wantErr(t, "one only", err, ocap.Exhausted)
	clock.set(noon.Add(time.Hour)) // what is not used does not pile up
	if n := race(t, h.Client, ping, 80, ocap.Exhausted); n != 3 {
		t.Errorf("%d passed after an hour, want 3", n)
	}
	if n := o.pings.Load(); n != 7 {
		t.Errorf("ping ran %d times, want 7", n)
	}
}

func TestLimitBytes(t *testing.T) {
	_, c := newThing()
	// A call of these tests is 1 + 3 words and its frame.
	h := ocap.Limit(c, ocap.Limits{Bytes: 400})
	n := 0
	for ; n < 100; n++ {
		if _, err := do(t, h.Client, ping, 0); err != nil {
			wantErr(t, "ping", err, ocap.Exhausted)
			break
		}
	}
	if n < 1 || n > 400/32 {
		t.Errorf("%d calls passed", n)
	}
}

func TestLimitConcurrency(t *testing.T) {
	o, c := newThing()
	h := ocap.Limit(c, ocap.Limits{Concurrency: 2})
	ctx, stop := contextWithCancel()
	a, b := send(ctx, h.Client, hang, 0), send(ctx, h.Client, hang, 0)
	eventually(t, "both hang", func() bool { return o.pings.Load() == 2 })
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "the third", err, ocap.Exhausted)
	wantErr(t, "the third", err, capnp.Overloaded)
	stop()
	for _, p := range []capnp.Promise[capnp.Struct]{a, b} {
		if _, err := p.Wait(); err == nil {
			t.Error("hang did not hang")
		}
	}
	eventually(t, "their places are free", func() bool { _, err := do(t, h.Client, ping, 0); return err == nil })
}

// A limit of a limit is both, in one layer or two; what the lower one refuses costs nothing at
// the upper one.
func TestLimitOfLimit(t *testing.T) {
	for _, between := range []bool{false, true} {
		clock := newHandClock()
		o, c := newThing()
		inner := ocap.Limit(c, ocap.Limits{Rate: ocap.Rate{Calls: 1, Per: time.Minute}, Clock: clock})
		if between {
			inner, _ = ocap.Membrane(inner, passAll{}, nil)
		}
		h := ocap.Limit(inner, ocap.Limits{Uses: 2})
		must(t, h.Client, ping, 0)
		for range 5 {
			_, err := do(t, h.Client, ping, 0)
			wantErr(t, "too fast", err, ocap.Exhausted)
			if between {
				break
			}
		}
		clock.set(noon.Add(time.Hour))
		if !between {
			must(t, h.Client, ping, 0)
		}
		_, err := do(t, h.Client, ping, 0)
		wantErr(t, "used up", err, ocap.Exhausted)
		wantErr(t, "used up", err, capnp.Failed)
		if want := map[bool]int64{false: 2, true: 1}[between]; o.pings.Load() != want {
			t.Errorf("ping ran %d times, want %d", o.pings.Load(), want)
		}
	}
}

// passAll is a policy that collapses with nothing.
type passAll struct{}

func (passAll) Judge(*ocap.Crossing) error { return nil }

// What a facet does not have costs nothing, below or above the limit.
func TestLimitAndFacetRefund(t *testing.T) {
	_, c := newThing()
	for name, h := range map[string]T{
		"limit of facet": ocap.Limit(ocap.Facet(c, ping), ocap.Limits{Uses: 1}),
		"facet of limit": ocap.Facet(ocap.Limit(c, ocap.Limits{Uses: 1}), ping),
	} {
		for range 3 {
			_, err := do(t, h.Client, secret, 0)
			wantErr(t, name, err, capnp.Unimplemented)
		}
		must(t, h.Client, ping, 0)
		_, err := do(t, h.Client, ping, 0)
		wantErr(t, name, err, ocap.Exhausted)
	}
}

// Who can give more is known through what collapses.
func TestGrantorThroughCollapse(t *testing.T) {
	_, c := newThing()
	clock := newHandClock()
	lent, _ := ocap.Lease(c, noon, &ocap.LeaseOptions{Clock: clock, Grantor: "alice"})
	for name, h := range map[string]T{"facet": ocap.Facet(lent, ping), "limit": ocap.Limit(lent, ocap.Limits{Uses: 1})} {
		_, err := do(t, h.Client, ping, 0)
		if want := "the capability has expired; alice can give more"; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// meter allows some, and answers when it is told to.
type meter struct {
	mu      sync.Mutex
	left    int64
	later   bool
	waiting []func()
}

func (m *meter) Take(n int64, done func(error)) {
	m.mu.Lock()
	answer := func() {
		m.mu.Lock()
		var err error
		if m.left < n {
			err = ocap.Exhausted.Errorf("the account is empty")
		} else {
			m.left -= n
		}
		m.mu.Unlock()
		done(err)
	}
	if m.later {
		m.waiting = append(m.waiting, answer)
		m.mu.Unlock()
		return
	}
	m.mu.Unlock()
	answer()
}

func (m *meter) Give(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left += n
}

func (m *meter) answer() {
	m.mu.Lock()
	w := m.waiting
	m.waiting = nil
	m.mu.Unlock()
	for _, f := range w {
		f()
	}
}

func (m *meter) state() (left int64, waiting int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left, len(m.waiting)
}

func TestMeterIsShared(t *testing.T) {
	m := &meter{left: 10}
	o, c := newThing()
	a := ocap.Limit(c, ocap.Limits{Meter: m})
	b := ocap.Facet(ocap.Limit(c, ocap.Limits{Meter: m}), ping)
	n := race(t, a.Client, ping, 80, ocap.Exhausted) + race(t, b.Client, ping, 80, ocap.Exhausted)
	if n != 10 || o.pings.Load() != 10 {
		t.Errorf("%d passed and %d ran, want 10", n, o.pings.Load())
	}
}

// A call that is cancelled while the meter thinks does not run, and what it would have cost is given
// back everywhere.
func TestMeterRefund(t *testing.T) {
	m := &meter{left: 1, later: true}
	second := &meter{left: 5}
	o, c := newThing()
	h := ocap.Limit(ocap.Limit(c, ocap.Limits{Meter: second}), ocap.Limits{Meter: m, Uses: 1})
	ctx, stop := contextWithCancel()
	p := send(ctx, h.Client, ping, 0)
	eventually(t, "the meter is asked", func() bool { _, n := m.state(); return n == 1 })
	stop()
	if _, err := p.Wait(); err == nil {
		t.Error("the call passed")
	}
	m.answer()
	eventually(t, "it is given back", func() bool { n, _ := m.state(); k, _ := second.state(); return n == 1 && k == 5 })
	p = send(context.Background(), h.Client, ping, 0)
	eventually(t, "the meter is asked again", func() bool { _, n := m.state(); return n == 1 })
	m.answer()
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	if n := o.pings.Load(); n != 1 {
		t.Errorf("ping ran %d times", n)
	}
	// What the second meter refuses is given back to the first.
	second.mu.Lock()
	second.left = 0
	second.mu.Unlock()
	first := &meter{left: 1}
	h = ocap.Limit(ocap.Limit(c, ocap.Limits{Meter: second}), ocap.Limits{Meter: first})
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "the second meter is empty", err, ocap.Exhausted)
	if n, _ := first.state(); n != 1 {
		t.Errorf("the first meter has %d left, want 1", n)
	}
}

func TestLimitRefusesBadRates(t *testing.T) {
	for _, r := range []ocap.Rate{{Per: time.Second}, {Burst: 1}, {Calls: 1, Per: -1}} {
		if r.Check() == nil {
			t.Errorf("%+v is no error", r)
		}
	}
	if got := (ocap.Rate{Calls: 5, Per: time.Minute, Burst: 2}).String(); got != "5 each 1m, at most 2 at once" {
		t.Error(got)
	}
}
