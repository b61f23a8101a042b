package ocap

import (
	"math"
	"runtime"
	"sync"
	"time"

	"lanyard.dev/capnp"
)

// Limit returns a capability of the same type to c's object through which no more passes than l says;
// calls beyond end as [Exhausted], those that may pass later with a [RetryAfter]. c stays the caller's;
// release both. It panics if the rate is wrong (Rate.Check).
func Limit[C capnp.ClientKind](c C, l Limits) C {
	return narrowed(c, newStack(nil, newLimit(l)), &Options{Grantor: l.Grantor})
}

// OneShot returns a capability of the same type to c's object of which one call passes, ever: of
// those that race the first, exactly one. What that call returns can be used as usual. c stays the
// caller's; release both.
func OneShot[C capnp.ClientKind](c C) C {
	return Limit(c, Limits{Uses: 1, Shallow: true})
}

// Narrow is Membrane without revocation, which is cheaper. c stays the caller's; release both.
func Narrow(c capnp.Client, p Policy, o *Options) capnp.Client {
	return narrowed(struct{ capnp.Client }{c}, p, o).Client
}

// narrowed puts a membrane that nobody revokes around c.
func narrowed[C capnp.ClientKind](c C, p Policy, o *Options) C {
	cl := capnp.ClientOf(c)
	defer runtime.KeepAlive(cl)
	m, h := layer(capnp.HookOf(cl), p, o, false)
	return capnp.As[C](capnp.NewClient(m.view(h, true)))
}

// limit is what is left of a Limits.
//
// Invariant: a call is counted exactly once from take until give or end; it is in counted meanwhile.
type limit struct {
	Limits
	clock Clock

	mu       sync.Mutex
	uses     uint64    // taken
	bytes    uint64    // taken
	full     time.Time // when the whole burst will have grown again
	inFlight uint32
	counted  map[*Crossing]int64 // bytes
}

func newLimit(l Limits) *limit {
	if err := l.Rate.Check(); err != nil {
		panic("ocap: " + err.Error())
	}
	return &limit{Limits: l, clock: orSystem(l.Clock), counted: map[*Crossing]int64{}}
}

// take counts a call, or says why it may not pass.
func (l *limit) take(c *Crossing) error {
	if !c.Inward() || l.Shallow && !c.Root() {
		return nil
	}
	var now time.Time
	if l.Rate.Calls > 0 {
		now = l.clock.Now()
	}
	n := int64(0)
	if l.Bytes > 0 {
		n = messageSize(c.Params())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.Uses > 0 && l.uses >= l.Uses:
		return Exhausted.Errorf("the capability is used up: all of %d uses", l.Uses)
	case l.Bytes > 0 && uint64(n) > l.Bytes-l.bytes:
		return Exhausted.Errorf("the call is larger than the rest of %d bytes", l.Bytes)
	case l.Concurrency > 0 && l.inFlight >= l.Concurrency:
		return Later(0, "%d calls are under way, and no more may be", l.inFlight)
	}
	if l.Rate.Calls > 0 {
		full := now
		if l.full.After(now) {
			full = l.full
		}
		full = full.Add(l.Rate.interval())
		if wait := full.Sub(now) - burstTime(l.Rate); wait > 0 {
			return Later(wait.Truncate(time.Millisecond)+time.Millisecond, "only %s calls may pass", l.Rate)
		}
		l.full = full
	}
	l.uses++
	l.bytes += uint64(n)
	l.inFlight++
	l.counted[c] = n
	return nil
}

// burstTime is how long the whole burst takes to grow again.
func burstTime(r Rate) time.Duration {
	n, each := time.Duration(r.burst()), r.interval()
	if each > math.MaxInt64/n {
		return math.MaxInt64
	}
	return n * each
}

// give takes back a call that did not get through.
func (l *limit) give(c *Crossing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.counted[c]
	if !ok {
		return
	}
	delete(l.counted, c)
	l.uses--
	l.bytes -= uint64(n)
	l.inFlight--
	if l.Rate.Calls > 0 {
		l.full = l.full.Add(-l.Rate.interval())
	}
}

// end ends a call that got through.
func (l *limit) end(c *Crossing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.counted[c]; ok {
		delete(l.counted, c)
		l.inFlight--
	}
}

// counts reports whether a call is counted now.
func (l *limit) counts(c *Crossing) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.counted[c]
	return ok
}

// messageSize is the size of the message that s lies in.
func messageSize(s capnp.Struct) int64 {
	n := int64(0)
	if m := capnp.MessageOf(s); m != nil {
		for _, seg := range m.Segments() {
			n += int64(len(seg))
		}
	}
	return n
}
