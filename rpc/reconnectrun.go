package rpc

import (
	"context"
	"math/rand/v2"

	"time"

	"lanyard.dev/capnp"
)

// proof is how long calls wait for the bootstrap to show that a new connection is one. Then they
// go to its promise, which may stay one.
const proof = time.Second

// begin starts run, if it is not running. It is called with mu held.
func (r *Reconnector) begin() {
	if r.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.run(ctx)
}

// run connects, and again, until the client is idle or given up.
func (r *Reconnector) run(ctx context.Context) {
	for tries := 0; ; {
		err := r.pause(ctx)
		var g *generation
		if err == nil {
			g, err = r.attempt(ctx)
		}
		if err != nil {
			over := ctx.Err() != nil
			if !over {
				tries++
				r.failed()
				r.o.Logger.Debug("connecting failed", "attempt", tries, "err", err)
			}
			verdict := TryAgain
			if !over {
				verdict = r.o.judge(err, tries)
			}
			final := false
			switch verdict {
			case TryAgainOverloaded:
				r.refuse(capnp.NewError(capnp.Overloaded, "the capability was lost again while it was being restored"))
			case GiveUpForever:
				r.over.Store(capnp.AsException(err))
				final = true
			case GiveUp:
				final = true
			}
			if (final || over) && r.rest(&ctx, err, final) {
				return
			}
			continue
		}
		tries = 0
		r.o.Logger.Info("connected")
		err = g.wait(ctx)
		switch {
		case g.reset.Load():
			r.failures, r.lost = 0, false
		case g.good.Load() || time.Since(g.born) >= r.o.MaxDelay:
			r.failures, r.lost = 0, true
		default:
			r.failed()
		}
		g.retire(err)
		r.o.Logger.Info("connection lost", "err", err)
		if (r.o.Lazy || ctx.Err() != nil) && r.rest(&ctx, nil, false) {
			return
		}
	}
}

// failed counts a failure.
func (r *Reconnector) failed() { r.failures, r.lost = r.failures+1, true }

// pause waits before an attempt.
func (r *Reconnector) pause(ctx context.Context) error {
	if !r.lost || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	most := r.o.MaxDelay
	if n := r.o.MinDelay << min(r.failures, 20); n > 0 && n < most {
		most = n
	}
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.hurry:
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

// attempt connects once and hands on the calls that wait.
func (r *Reconnector) attempt(parent context.Context) (*generation, error) {
	ctx, end := context.WithCancelCause(parent)
	late := capnp.NewError(capnp.Disconnected, "connecting took too long")
	timer := time.AfterFunc(r.o.Timeout, func() { end(late) })
	client, conn, err := r.connect(ctx)
	if err == nil {
		err = prove(ctx, client)
	}
	g := &generation{r: r, client: client, conn: conn, end: end, born: time.Now(), lostC: make(chan struct{})}
	if !timer.Stop() || ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = r.install(g)
	}
	if err != nil {
		g.retire(err)
		if conn != nil && !r.o.Shared { // nothing else can use it yet
			conn.Close()
		}
		return nil, err
	}
	return g, nil
}

// prove waits for a sign of life.
func prove(ctx context.Context, c capnp.Client) error {
	short, cancel := context.WithTimeout(ctx, proof)
	defer cancel()
	err := c.Resolve(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// install makes g what calls go to, those that wait first.
func (r *Reconnector) install(g *generation) error {
	g.hook = capnp.HookOf(g.client)
	if !capnp.Link(r, g.hook, func() { r.lead.Store(&g.hook) }) {
		return capnp.NewError(capnp.Failed, "the client was connected to itself")
	}
	t := capnp.BeginTurn()
	r.mu.Lock()
	for _, c := range r.queue {
		r.pass(g, c, t)
		t.Drop(r) // the reference of the queue
	}
	r.queue, r.queueBytes = nil, 0
	r.up.Store(g)
	r.mu.Unlock()
	t.End()
	return nil
}

// wait waits for the end of g.
func (g *generation) wait(ctx context.Context) error {
	var done <-chan struct{}
	if g.conn != nil {
		done = g.conn.Done()
	}
	select {
	case <-g.lostC:
		return capnp.NewError(capnp.Disconnected, "a call failed as disconnected")
	case <-done:
		g.lose()
		return g.conn.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retire gives g up. What else uses its connection may go on.
func (g *generation) retire(err error) {
	g.lose()
	g.r.up.CompareAndSwap(g, nil)
	g.r.lead.CompareAndSwap(&g.hook, nil)
	g.client.Release()
	if g.conn != nil && !g.r.o.Shared {
		g.conn.CloseIdle()
	}
	g.end(err)
}

// refuse ends the calls that wait.
func (r *Reconnector) refuse(err error) {
	t := capnp.BeginTurn()
	defer t.End()
	r.mu.Lock()
	waiting := r.queue
	r.queue, r.queueBytes = nil, 0
	r.mu.Unlock()
	for _, c := range waiting {
		r.deny(c, err, t)
		t.Drop(r)
	}
}

// deny ends a call that is not handed on.
func (r *Reconnector) deny(c *capnp.Call, err error, t *capnp.Turn) {
	r.again.forget(c)
	c.Refuse(err, t)
}

// rest makes the client idle, unless there is work; ctx is then a new one. With fail the calls
// that wait end with err.
func (r *Reconnector) rest(ctx *context.Context, err error, fail bool) bool {
	t := capnp.BeginTurn()
	defer t.End()
	r.mu.Lock()
	var waiting []*capnp.Call
	if fail {
		waiting, r.queue, r.queueBytes = r.queue, nil, 0
	}
	r.stop()
	idle := len(r.queue) == 0 && (fail || r.o.Lazy || r.refs.Load() == 0)
	if idle {
		r.stop = nil
	} else {
		*ctx, r.stop = context.WithCancel(context.Background())
	}
	r.mu.Unlock()
	for _, c := range waiting {
		r.deny(c, err, t)
		t.Drop(r)
	}
	return idle
}
