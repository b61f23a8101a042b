package rpc

import (
	"context"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/engine"
)

// leaving is what is known about a connection that is to end by itself.
type leaving struct {
	any   atomic.Bool   // look at the rest
	idle  atomic.Bool   // close once nothing refers to the other side
	quiet chan struct{} // made by Shutdown, closed when no call is under way; owned by the drainer
}

var errShutdown = capnp.NewError(capnp.Disconnected, "the server is shutting down")

// Shutdown ends the connection in good order. From now on the peer's new calls, and its questions
// for the bootstrap capability, fail as disconnected, so that clients that reconnect go elsewhere;
// calls that are pipelined on one that still runs, or that the peer makes while it works for this
// side, are no new ones. When no call is under way in either direction, what was sent last is
// given time to arrive (Limits.CloseTimeout) and the connection is closed. If ctx ends before that
// it is closed at once, as by Close, and the error is ctx's.
//
// It does not wait until capabilities are released, which clients do when they please.
func (c *Conn) Shutdown(ctx context.Context) error {
	quiet := make(chan struct{})
	c.ask(func(e *engine.Engine) {
		if c.leaving.quiet != nil { // somebody does already; both wait for the end
			return
		}
		e.Refuse(errShutdown)
		c.leaving.quiet = quiet
		c.leaving.any.Store(true)
	})
	select {
	case <-quiet:
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.Close()
		return context.Cause(ctx)
	}
	c.linger(ctx)
	c.Close()
	return nil
}

// CloseIdle closes the connection as soon as nothing refers to the other side: no capability, call
// or result, in either direction. It does not wait for that.
func (c *Conn) CloseIdle() {
	c.leaving.idle.Store(true)
	c.leaving.any.Store(true)
	c.ask(func(*engine.Engine) {})
}

// drain ends the connection as Serve does.
func (c *Conn) drain(atMost time.Duration) {
	if atMost <= 0 {
		c.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	c.Shutdown(ctx)
}

// leave looks whether it is time to go. The drainer calls it when it has worked off a batch.
func (c *Conn) leave() {
	l := &c.leaving
	c.in.mu.Lock()
	more := len(c.in.q) > 0
	c.in.mu.Unlock()
	if more || c.Err() != nil {
		return
	}
	if l.idle.Load() && c.e.Idle() {
		c.push(engine.Close(capnp.NewError(capnp.Disconnected, "the connection was closed here, being idle"), nil))
	}
	if l.quiet != nil && c.e.Quiet() {
		select {
		case <-l.quiet:
		default:
			c.out.close() // what is queued goes out; nothing follows
			close(l.quiet)
		}
	}
}

// linger ends what is sent and waits for the peer to do the same. A socket that is closed while
// there is something to read in it may take back what it has sent.
func (c *Conn) linger(ctx context.Context) {
	half, ok := c.rwc.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.CloseTimeout)
	defer cancel()
	c.flush()
	c.out.wait(c.limits.CloseTimeout)
	if half.CloseWrite() != nil {
		return
	}
	select {
	case <-c.done:
	case <-ctx.Done():
	}
}
