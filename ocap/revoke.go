package ocap

import (
	"runtime"
	"time"

	"lanyard.dev/capnp"
)

// revoke ends everything that crosses or has crossed. When it returns no method starts any more.
func (m *membrane) revoke(x *capnp.Exception) {
	m.revoking.Lock()
	t := capnp.BeginBackground()
	var flights []*flight
	m.flightMu.Lock()
	m.reason.CompareAndSwap(nil, x)
	for f := m.flights; f != nil; f = m.flights {
		flights = append(flights, f)
		m.flights, f.next, f.prev = f.next, nil, nil
	}
	m.flightMu.Unlock()

	m.mu.Lock()
	wrappers, holders, collapsed := m.wrappers, m.holders, m.collapsed
	m.wrappers, m.keys, m.holders, m.collapsed = nil, nil, nil, nil
	m.mu.Unlock()

	x = m.reason.Load()
	for _, f := range flights {
		if c := f.x.call.Load(); c != nil {
			c.Return(capnp.Result{Err: x}, t)
		}
		f.call.Cancel(x, t)
	}
	for _, p := range wrappers {
		if w := p.Value(); w != nil && w.kill(t) {
			t.Kick((*settler)(w))
		}
	}
	for w := range holders {
		t.Kick((*settler)(w))
	}
	m.revoking.Unlock()
	t.End()
	for p := range collapsed {
		if n := p.Value(); n != nil {
			n.revoke(x)
		}
	}
	m.quiesce()
}

const (
	// waitStalled is how long revoke waits for methods that may not have executed anything yet
	// when none of them gets on: they block on something that this package cannot see. It is long, as
	// on a machine with much to do a thread may not run for a while.
	waitStalled = 500 * time.Millisecond
	// waitOwn is how long it waits for the method that may have called revoke.
	waitOwn = time.Millisecond
	// looksStalled and looksOwn are how often revoke looks in that time, at least: a process that
	// was not running itself must not take the others for stalled.
	looksStalled = 400
	looksOwn     = 6
)

// quiesce waits for the methods that were let through before the gate was shut to have begun.
func (m *membrane) quiesce() {
	left := m.entering.Load()
	if left <= 0 {
		return
	}
	own := int64(capnp.MethodDepth())
	since, looks := time.Now(), 0
	for pause := 10 * time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		runtime.Gosched()
		n := m.entering.Load()
		limit, least := waitStalled, looksStalled
		if n <= own {
			limit, least = waitOwn, looksOwn
		}
		switch looks++; {
		case n <= 0:
			return
		case n < left:
			left, since, looks, pause = n, time.Now(), 0, 10*time.Microsecond
		case looks > least && time.Since(since) > limit:
			return
		}
		time.Sleep(pause)
	}
}
