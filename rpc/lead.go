package rpc

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
)

// mayLend reports whether nobody need have the role for a moment. While the peer calls, it
// would be kept waiting.
func (r *reader) mayLend() bool { return r.quiet.Load() > quietAfter && r.lending.able }

const (
	quietAfter = 64 // messages without a call, after which the peer is taken to make none
	overtime   = 64 // messages that are taken for others after one's own has come
)

// lending is how those who wait for answers get the role.
type lending struct {
	r       *reader
	able    bool // the transport's reads can be interrupted
	self    capnp.Interrupter
	waiting atomic.Int32 // goroutines in Await

	mu          sync.Mutex
	free        bool          // nobody has the role
	lent        atomic.Uint64 // odd when free, and more each time
	over        bool          // nobody gets it any more
	queue       capnp.WaiterQueue
	given       *capnp.Waiter // has the role and need not know yet
	reading     *capnp.Waiter // blocked in a read, with the role
	interrupted bool
}

func (l *lending) init(r *reader) {
	l.r = r
	l.self = l
	switch r.c.rwc.(type) {
	case *net.TCPConn, *net.UnixConn, interface {
		NetConn() net.Conn // TLS
		SetReadDeadline(time.Time) error
	}:
		l.able = true
	}
	r.quiet.Store(quietAfter)
}

// close ends the lending. It reports whether nobody has the role.
func (l *lending) close() (unattended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.over = true
	unattended = l.free
	l.setFree(false)
	return unattended
}

// setFree notes whether nobody has the role.
func (l *lending) setFree(free bool) {
	if l.free != free {
		l.free = free
		l.lent.Add(1)
	}
}

// sweep takes the role, if it has been free since lent was was.
func (l *lending) sweep(was uint64) (lent uint64, take bool) {
	if lent = l.lent.Load(); lent != was || lent%2 == 0 {
		return lent, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lent.Load() != was || l.over {
		return l.lent.Load(), false
	}
	l.setFree(false)
	return l.lent.Load(), true
}

// Interrupt implements capnp.Interrupter.
func (l *lending) Interrupt(w *capnp.Waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading == w && !l.interrupted {
		l.interrupted = true
		l.r.c.rwc.(deadliner).SetReadDeadline(time.Unix(1, 0))
	}
}

type deadliner interface{ SetReadDeadline(time.Time) error }

// Await implements engine.Host: it returns when w has settled, and reads meanwhile if nobody does.
func (c *Conn) Await(w *capnp.Waiter) {
	c.Hasten()
	r, l := &c.reader, &c.reader.lending
	if !l.able {
		w.Wait()
		return
	}
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	w.Interruptible(&l.self)
	l.mu.Lock()
	for !w.Settled() {
		if l.free || l.given == w {
			l.setFree(false)
			l.given = nil
			l.mu.Unlock()
			r.lead(w)
			l.mu.Lock()
			continue
		}
		w.Prepare()
		if w.Settled() {
			break
		}
		if !l.over {
			l.queue.Push(w)
		}
		l.mu.Unlock()
		w.Park()
		l.mu.Lock()
	}
	l.queue.Remove(w)
	given := l.given == w
	if given {
		l.given = nil
	}
	l.mu.Unlock()
	if given {
		r.release()
	}
}

// lead reads, with the role, until w has settled or somebody else has the role.
func (r *reader) lead(w *capnp.Waiter) {
	c := r.c
	for late := 0; ; {
		c.cork()
		for r.r.Ready() && late < overtime && !c.overFlow() {
			if w.Settled() {
				late++
			}
			if _, err := r.step(false); err != nil {
				c.uncork()
				r.end(err)
				return
			}
		}
		if w.Settled() && late < overtime && !c.overFlow() && r.mayLend() {
			c.uncorkLater()
			r.release()
			return
		}
		c.uncork()
		switch {
		case late == overtime || !r.r.Fits() || c.overFlow(): // one who waits must not wait to read
			go r.loop()
			return
		case w.Settled():
			r.release()
			return
		}
		if err := r.lending.fill(w); err != nil {
			r.end(err)
			return
		}
	}
}

// fill is reader.fill, which Interrupt ends.
func (l *lending) fill(w *capnp.Waiter) error {
	l.mu.Lock()
	l.reading = w
	l.mu.Unlock()
	var err error
	if !w.Settled() {
		err = l.r.fill()
	}
	l.mu.Lock()
	l.reading = nil
	if l.interrupted {
		l.interrupted = false
		l.r.c.rwc.(deadliner).SetReadDeadline(time.Time{})
	}
	l.mu.Unlock()
	return err
}

// release gives the role to somebody who waits for an answer. If nobody does it is free for a
// while: who makes one call after the other takes it again at once.
func (r *reader) release() {
	l := &r.lending
	l.mu.Lock()
	next := l.queue.Pop()
	switch {
	case next != nil:
		l.given = next
		l.mu.Unlock()
		next.Signal()
	case r.mayLend() && !l.over:
		l.setFree(true)
		r.pulse.start()
		l.mu.Unlock()
	default:
		l.mu.Unlock()
		go r.loop()
	}
}
