package grant

import (
	"context"
	"errors"
	"sync"
	"time"

	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// meter counts the calls of one live grant in the ledger, so that all vats together let pass what
// the edges of its chain allow, and no more.
//
// A call is paid for before it is delivered; calls that come while the ledger is asked are paid for
// together. Nothing is taken in advance, so a vat that dies loses what was under way.
//
// Invariant: busy exactly while a goroutine is in run; waiting is empty unless busy.
type meter struct {
	k       *Keeper
	edge    store.EdgeID
	limited bool           // some edge has a maximum
	buckets []store.Bucket // the rates in the chain

	mu      sync.Mutex
	waiting []func(error)
	busy    bool
	spent   time.Time // when the ledger said last that nothing is left; something may come back
	dead    error
	taken   []taken // latest last, at most maxTaken
}

// taken is an allotment of which some may come back.
type taken struct {
	store.Allotment
	out, back int64
}

const maxTaken = 16

// take pays for a call and then calls done, maybe at once.
func (m *meter) take(done func(error)) {
	if err := m.queue(done); err != nil {
		done(err)
	}
}

func (m *meter) queue(done func(error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.dead != nil:
		return m.dead
	case !m.spent.IsZero() && m.k.clock.Now().Sub(m.spent) < m.k.o.SyncEvery:
		return errSpent
	case len(m.waiting) >= m.k.o.Limits.Waiting:
		return ocap.Later(m.k.o.SyncEvery, "too many calls wait to be counted")
	}
	if !m.busy {
		if !m.k.spawn(m.run) {
			return errClosed
		}
		m.busy = true
	}
	m.waiting = append(m.waiting, done)
	return nil
}

var errSpent = ocap.Exhausted.Errorf("the capability is used up")

// give takes back what was paid for calls that were not made.
func (m *meter) give(n int64) {
	if !m.limited || n == 0 {
		return
	}
	m.mu.Lock()
	for i := len(m.taken) - 1; i >= 0 && n > 0; i-- {
		t := &m.taken[i]
		d := min(n, t.out)
		t.out, t.back, n = t.out-d, t.back+d, n-d
	}
	m.spent = time.Time{}
	m.mu.Unlock()
	m.k.uses.owe(m)
}

// run pays for what waits, all together, until nothing does.
func (m *meter) run() {
	for {
		m.mu.Lock()
		calls := m.waiting
		m.waiting = nil
		m.busy = len(calls) > 0
		m.mu.Unlock()
		if len(calls) == 0 {
			return
		}
		paid, err := m.pay(int64(len(calls)))
		for i, done := range calls {
			if int64(i) < paid {
				done(nil)
			} else {
				done(err)
			}
		}
	}
}

// pay asks the ledger for n calls. It returns how many may pass, and what to tell the others.
func (m *meter) pay(n int64) (paid int64, err error) {
	ctx, cancel := m.k.timeout(m.k.ctx)
	defer cancel()
	paid = n
	if len(m.buckets) > 0 {
		granted, retry, err2 := m.k.ledger.Charge(ctx, n, m.buckets...)
		if err2 != nil {
			return 0, m.failed(err2)
		}
		paid, err = granted, ocap.Later(retry, "too many calls; the rate allows another in %s", retry.Round(time.Millisecond))
	}
	if m.limited && paid > 0 {
		got, err2 := m.takeUses(ctx, paid)
		if err2 != nil {
			err = m.failed(err2)
		}
		paid = got
	}
	return paid, err
}

// takeUses gets up to want uses: first those that came back. It returns how many, and why not more.
func (m *meter) takeUses(ctx context.Context, want int64) (got int64, err error) {
	m.mu.Lock()
	for i := range m.taken {
		t := &m.taken[i]
		d := min(want-got, t.back)
		t.back, t.out, got = t.back-d, t.out+d, got+d
	}
	m.mu.Unlock()
	for asked := false; got < want; {
		a, err := m.k.ledger.Take(ctx, m.edge, want-got)
		if errors.Is(err, store.ErrExhausted) {
			if !asked && m.k.payBack(ctx) { // others here may have had too much
				asked = true
				continue
			}
			m.mu.Lock()
			m.spent = m.k.clock.Now()
			m.mu.Unlock()
		}
		if err != nil {
			return got, err
		}
		got += a.Uses
		m.mu.Lock()
		if len(m.taken) == maxTaken {
			m.taken = append(m.taken[:0], m.taken[1:]...)
		}
		m.taken = append(m.taken, taken{Allotment: a, out: a.Uses})
		m.mu.Unlock()
	}
	return got, nil
}

// failed is what a call is told when the ledger did not let it pass.
func (m *meter) failed(err error) error {
	switch {
	case errors.Is(err, store.ErrExhausted):
		return errSpent
	case errors.Is(err, store.ErrUnknown):
		return ocap.Revoked // the feed will say how
	}
	m.k.log.failed("count calls", err)
	return errUncounted
}

var errUncounted = ocap.Stale.Errorf("the ledger that counts the calls cannot be reached; try again later")

// close refuses calls from now on. Those that wait hear so when the ledger has answered.
func (m *meter) close(why error) {
	m.mu.Lock()
	m.dead = why
	m.mu.Unlock()
}

// settle gives what came back to the ledger. An allotment is closed with that.
func (m *meter) settle(ctx context.Context) error {
	m.mu.Lock()
	var due []taken
	keep := m.taken[:0]
	for _, t := range m.taken {
		if t.back > 0 {
			due = append(due, t)
		} else {
			keep = append(keep, t)
		}
	}
	m.taken = keep
	m.mu.Unlock()
	var errs []error
	for _, t := range due {
		errs = append(errs, m.k.ledger.Return(ctx, t.Allotment, t.back))
	}
	return errors.Join(errs...)
}
