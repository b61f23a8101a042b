package rpc

import (
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/engine"
)

// flow is the gate before reading: it is shut while the peer has as much under way as it may have.
// The drainer moves it; whoever reads for nobody in particular waits at it (mayRead), and whoever
// would read while it waits for something of its own asks first (overFlow).
type flow struct {
	full  atomic.Bool   // the engine is; written by the drainer
	opens atomic.Uint32 // how often it was not any more
	inbox atomic.Int64  // bytes read that the engine has not seen

	waiting atomic.Bool // somebody may wait for open
	mu      sync.Mutex
	open    chan struct{} // closed when the gate may have opened; nil if nobody waits
}

// maxInbox is how far reading may be ahead of the engine, in bytes.
const maxInbox = 1 << 20

// weight is what a message counts in the inbox.
func weight(m *engine.Message) int64 { return m.Payload.Size() + 256 }

// overFlow reports whether nothing should be read now.
func (c *Conn) overFlow() bool { return c.flow.full.Load() || c.flow.inbox.Load() > maxInbox }

// mayRead waits until something may be read. It is for a goroutine that only reads: one that waits
// for a return would wait here for itself.
func (c *Conn) mayRead() {
	if !c.overFlow() {
		return
	}
	f := &c.flow
	for c.Err() == nil {
		f.mu.Lock()
		if f.open == nil {
			f.open = make(chan struct{})
		}
		open := f.open
		f.mu.Unlock()
		f.waiting.Store(true)
		if !c.overFlow() {
			return
		}
		c.guard.arm()
		select {
		case <-open:
		case <-c.closed:
		}
	}
}

// queueFull reports whether results of n bytes are too much for what waits to be written. They take
// no more than three quarters of it, so that there is room to say so.
func (c *Conn) queueFull(n int64) bool {
	queued := c.out.bytes()
	return queued > 0 && queued+n > c.limits.QueueBytes/4*3
}

var errQueueFull = capnp.NewError(capnp.Overloaded, "too many results wait to be sent on this connection")

// reflow moves the gate after the engine has done something. The drainer calls it.
func (c *Conn) reflow() {
	f := &c.flow
	if full := c.e.Full(); full != f.full.Load() {
		if !full {
			f.opens.Add(1)
		}
		f.full.Store(full)
	}
	if f.waiting.Load() && !c.overFlow() {
		f.mu.Lock()
		f.waiting.Store(false)
		if f.open != nil {
			close(f.open)
			f.open = nil
		}
		f.mu.Unlock()
	}
}
