package rpc

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/engine"
)

// guard ends what takes too long on a connection: reading that has stopped, calls that wait for
// others to end, writing that does not get on. It has a timer only while there is one of these,
// because a pending timer makes every sleep of the process dearer.
//
// Whoever starts such a wait makes its condition true first and calls arm then.
type guard struct {
	c     *Conn
	armed atomic.Bool

	mu                        sync.Mutex // one look at a time
	reading, calling, writing since
	asked                     bool // the writer, how far it is

	poke atomic.Bool // a write was interrupted for that
}

// since tells how long something has been so without getting on.
type since struct {
	start time.Time
	mark  int64
	on    bool
}

// look notes whether it is so now, and how far it has got, and returns how long it has not moved.
func (s *since) look(now time.Time, on bool, mark int64) time.Duration {
	if !on || !s.on || mark != s.mark {
		*s = since{start: now, mark: mark, on: on}
	}
	return now.Sub(s.start)
}

// idleBreaks is how many times as long the breaker waits when no call of ours does. There may be no
// deadlock then, but without reading nobody hears that the peer has given its calls up, or gone.
const idleBreaks = 6

func (g *guard) period() time.Duration {
	l := g.c.limits
	d := l.BreakAfter
	if l.StallTimeout > 0 {
		d = min(d, l.StallTimeout)
	}
	return max(d/4, time.Millisecond)
}

// arm makes the guard look until nothing waits any more.
func (g *guard) arm() {
	if !g.armed.Load() && g.armed.CompareAndSwap(false, true) {
		time.AfterFunc(g.period(), g.look)
	}
}

func (g *guard) look() {
	c := g.c
	if c.Err() != nil {
		return
	}
	g.mu.Lock()
	now := time.Now()
	full, queued, stalled := c.flow.full.Load(), c.slots.Waiting() > 0, c.out.bytes() > 0
	reading := g.reading.look(now, full, int64(c.flow.opens.Load()))
	calling := g.calling.look(now, queued, int64(c.slots.Ended()))
	writing := g.writing.look(now, stalled, c.counts.writes.Load())
	l := c.limits
	if writing < l.StallTimeout/2 {
		g.asked = false
	} else if !g.asked && l.StallTimeout > 0 {
		g.asked = true
		g.askWriter()
	}
	g.mu.Unlock()
	if full && reading >= l.BreakAfter {
		c.breakFlow(reading >= idleBreaks*l.BreakAfter)
	}
	if queued && calling >= l.BreakAfter {
		c.slots.Refuse(capnp.NewError(capnp.Overloaded, "too many methods run for this connection and none of them ends"))
	}
	if stalled && l.StallTimeout > 0 && writing >= l.StallTimeout {
		c.end("StallTimeout", "the peer does not read what is sent to it")
	}
	if full || queued || stalled {
		time.AfterFunc(g.period(), g.look)
		return
	}
	g.armed.Store(false)
	if c.flow.full.Load() || c.slots.Waiting() > 0 || c.out.bytes() > l.QueueSoft {
		g.arm() // since just now; whoever came saw it armed
	}
}

// breakFlow makes reading go on, if calls of ours wait or it must be.
func (c *Conn) breakFlow(must bool) {
	c.background(engine.Ask(func(e *engine.Engine) {
		if (must || e.Waiting()) && e.Break() {
			c.watching.limited("Running")
		}
	}))
}

// end closes the connection because of a limit, without telling the peer.
func (c *Conn) end(limit, why string) {
	c.background(engine.Ask(func(*engine.Engine) { c.watching.limited(limit) }))
	c.background(engine.Close(capnp.NewError(capnp.Disconnected, why), nil))
}

// background does cmd on a goroutine that must not wait for the peer.
func (c *Conn) background(cmd engine.Command) {
	t := capnp.BeginBackground()
	c.Push(cmd, t)
	t.End()
}

// askWriter interrupts a write to a socket to see whether some of it has gone out.
func (g *guard) askWriter() {
	o := &g.c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if d, ok := g.c.rwc.(writeDeadliner); ok && o.now != nil && o.writing && !o.closed {
		g.poke.Store(true)
		d.SetWriteDeadline(time.Unix(1, 0))
	}
}

type writeDeadliner interface{ SetWriteDeadline(time.Time) error }

// poked reports whether err is of a write that askWriter interrupted.
func (g *guard) poked(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !g.poke.Swap(false) || g.c.Err() != nil {
		return false
	}
	g.c.rwc.(writeDeadliner).SetWriteDeadline(time.Time{})
	return true
}

// writeRest writes bufs but for the first n bytes, after a write that was interrupted.
func (c *Conn) writeRest(bufs net.Buffers, n int64) error {
	for got := n > 0; ; {
		left := slices.Clone(bufs)
		for skip := n; len(left) > 0 && skip > 0; {
			if k := int64(len(left[0])); skip >= k {
				skip -= k
				left = left[1:]
				continue
			}
			left[0] = left[0][skip:]
			break
		}
		if got {
			c.counts.writes.Add(1) // it gets on
		}
		k, err := left.WriteTo(c.rwc)
		if err == nil || !c.guard.poked(err) {
			return err
		}
		n, got = n+k, k > 0
	}
}

// piece is how much is written at a time where a write cannot be asked how far it is.
const piece = 64 << 10

// writePieces writes to what is no socket, so that the guard sees it getting on.
func (c *Conn) writePieces(bufs net.Buffers) error {
	for _, b := range bufs {
		for p := range slices.Chunk(b, piece) {
			c.counts.writes.Add(1)
			if _, err := c.rwc.Write(p); err != nil {
				return err
			}
		}
	}
	return nil
}
