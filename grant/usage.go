package grant

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"lanyard.dev/store"
)

// usage is what the ledger has to hear some time: how often grants were used, what was paid for too
// much, which live shares have no holder any more.
type usage struct {
	mu     sync.Mutex
	lives  []*live
	meters map[*meter]struct{}
	gone   []store.EdgeID
}

// reportEvery is how often the ledger hears what was used.
const reportEvery = time.Second

// note puts a grant on the list, if it is not on it. It is called with locks held.
func (u *usage) note(l *live) {
	if l.noted.Swap(true) {
		return
	}
	u.mu.Lock()
	u.lives = append(u.lives, l)
	u.mu.Unlock()
}

// owe puts a meter on the list of those that have something to give back.
func (u *usage) owe(m *meter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.meters == nil {
		u.meters = map[*meter]struct{}{}
	}
	u.meters[m] = struct{}{}
}

// lost notes that nobody holds a live share any more.
func (u *usage) lost(e store.EdgeID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gone = append(u.gone, e)
}

// report tells the ledger, as long as the Keeper is open.
func (k *Keeper) report() {
	for k.pause(reportEvery) {
		ctx, cancel := k.timeout(k.ctx)
		if err := k.settle(ctx); err != nil {
			k.log.failed("report uses", err)
		}
		cancel()
	}
}

// settle tells the ledger what has gathered. What it could not be told is forgotten: it is about
// times and numbers for people.
func (k *Keeper) settle(ctx context.Context) error {
	u := &k.uses
	u.mu.Lock()
	lives, meters, gone := u.lives, u.meters, u.gone
	u.lives, u.meters, u.gone = nil, nil, nil
	u.mu.Unlock()

	k.mu.Lock()
	timers := k.table.timers
	k.table.timers = nil
	k.mu.Unlock()
	for _, stop := range timers {
		stop()
	}

	var uses []store.Use
	for _, l := range lives {
		l.noted.Store(false)
		if n := l.passed.Swap(0); n > 0 {
			uses = append(uses, store.Use{Edge: l.edge.ID, Calls: n})
		}
		if n := l.refused.Swap(0); n > 0 {
			k.log.Info("calls refused", "edge", l.edge.ID, "label", l.edge.Label, "calls", n, "err", errString(l.state()))
		}
	}
	var errs []error
	if len(uses) > 0 {
		errs = append(errs, k.ledger.Used(ctx, uses))
	}
	for m := range meters {
		errs = append(errs, m.settle(ctx))
	}
	for _, e := range gone {
		errs = append(errs, k.ledger.Release(ctx, e))
	}
	return errors.Join(errs...)
}

// payBack gives the ledger what was paid for too much, before its time. It reports whether there was
// anything.
func (k *Keeper) payBack(ctx context.Context) bool {
	u := &k.uses
	u.mu.Lock()
	meters := u.meters
	u.meters = nil
	u.mu.Unlock()
	for m := range meters {
		if err := m.settle(ctx); err != nil {
			k.log.failed("give back uses", err)
		}
	}
	return len(meters) > 0
}

func errString(err error) string {
	if err == nil {
		return "no longer"
	}
	return err.Error()
}

// logger logs what goes on, and the failures of background work not more than once a second each.
type logger struct {
	*slog.Logger
	k *Keeper

	mu   sync.Mutex
	last map[string]time.Time // few: the keys are constants
}

func (l *logger) failed(what string, err error) {
	now := l.k.clock.Now()
	l.mu.Lock()
	if now.Sub(l.last[what]) < time.Second {
		l.mu.Unlock()
		return
	}
	if l.last == nil {
		l.last = map[string]time.Time{}
	}
	l.last[what] = now
	l.mu.Unlock()
	l.Info("the ledger failed", "at", what, "err", err)
}
