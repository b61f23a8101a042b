package vat

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// guest is a connection as the one who restores sees it: who it is from, and how many secrets it
// has tried that were none.
type guest struct {
	v    *Vat
	peer Key

	mu     sync.Mutex
	failed bucket
}

// bucket counts events that may come at once, and then one in a while.
type bucket struct {
	used float64
	at   time.Time
}

// leak forgets what is long ago.
func (b *bucket) leak(now time.Time, perSecond float64) {
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*perSecond)
	b.at = now
}

var (
	// One error for all: who tries secrets does not learn which of them were good once. The code
	// tells those who hold such a reference that it does not help to come back.
	errRefused = &capnp.Exception{
		Kind:    capnp.Failed,
		Reason:  "the reference is not good here: it is unknown, was revoked or has expired, or it is for somebody else; ask whom you have it from for another",
		Details: []capnp.Detail{ocap.Revoked.Detail()},
	}
	errTooMany = capnp.NewError(capnp.Overloaded, "too many references were not good here; try later")
	errNotNow  = capnp.NewError(capnp.Overloaded, "nothing can be restored here just now; try later")
)

// What may fail of all guests together before those that have failed already must wait. Others
// never do: who holds a good reference cannot be locked out by who tries bad ones.
const (
	failuresOfAll   = 1000
	failuresOfAllPS = 100
)

// restore gives the guest what a secret stands for.
func (g *guest) restore(ctx context.Context, secret []byte) (capnp.Client, error) {
	v := g.v
	if !g.mayTry() {
		return capnp.Client{}, errTooMany
	}
	if v.o.Restore == nil || len(secret) == 0 || len(secret) > maxSecret {
		g.fail()
		return capnp.Client{}, errRefused
	}
	select {
	case v.restores <- struct{}{}:
	case <-ctx.Done():
		return capnp.Client{}, context.Cause(ctx)
	}
	defer func() { <-v.restores }()
	c, err := v.o.Restore(ctx, bytes.Clone(secret), g.peer)
	switch {
	case err == nil && !c.IsNull():
		return c, nil
	case ctx.Err() != nil:
		return capnp.Client{}, context.Cause(ctx)
	case err != nil && passes(err):
		v.log.Info("nothing can be restored just now", "err", err)
		if errors.Is(err, ocap.Stale) {
			return capnp.Client{}, err
		}
		return capnp.Client{}, errNotNow
	}
	g.fail()
	v.log.Debug("a reference was refused", "peer", g.peer, "err", err)
	return capnp.Client{}, errRefused
}

// passes reports whether an error may be none at another time.
func passes(err error) bool {
	kind := capnp.AsException(err).Kind
	return kind == capnp.Disconnected || kind == capnp.Overloaded
}

// mayTry reports whether the guest may try one more secret.
func (g *guest) mayTry() bool {
	now := g.v.now()
	g.mu.Lock()
	g.failed.leak(now, 1)
	used := g.failed.used
	g.mu.Unlock()
	if used == 0 {
		return true
	}
	return used+1 <= float64(g.v.limits.Failures) && g.v.mayFail(now)
}

func (g *guest) fail() {
	now := g.v.now()
	g.mu.Lock()
	g.failed.leak(now, 1)
	g.failed.used++
	g.mu.Unlock()
	g.v.mu.Lock()
	g.v.failed.leak(now, failuresOfAllPS)
	g.v.failed.used++
	g.v.mu.Unlock()
}

func (v *Vat) mayFail(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failed.leak(now, failuresOfAllPS)
	return v.failed.used+1 <= failuresOfAll
}
