package rpc

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// outbox is the queue of bytes to be written. Small messages are copied together, large segments
// are passed through, so that one system call writes whatever has gathered.
//
// Whoever adds to the queue and may block writes it; what comes meanwhile rides along. A reader
// must not wait for the peer to read, or two peers wait for each other: it wakes the writer.
type outbox struct {
	soft int64
	size atomic.Int64 // bytes queued or being written

	mu      sync.Mutex
	bufs    net.Buffers // full ones
	tail    []byte      // being filled
	free    []byte      // to fill next
	writing bool
	closed  bool
	room    chan struct{} // closed when callers may add again; nil if nobody waits
	idle    chan struct{} // closed when nothing is being written; nil if nobody waits

	wake chan struct{}
}

const (
	copyBelow = 4 << 10  // segments of this size and more are not copied
	tailSize  = 16 << 10 // of a buffer that small messages share
)

func (o *outbox) init(soft int64) {
	o.soft = soft
	o.wake = make(chan struct{}, 1)
}

func (o *outbox) bytes() int64 { return o.size.Load() }

// add queues one message: its segment table, then its segments, whose memory it may keep.
func (o *outbox) add(table []byte, segs [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	n := len(table)
	o.append(table)
	for _, s := range segs {
		n += len(s)
		if len(s) < copyBelow {
			o.append(s)
			continue
		}
		if len(o.tail) > 0 {
			o.bufs = append(o.bufs, o.tail)
			o.tail = nil
		}
		o.bufs = append(o.bufs, s)
	}
	o.size.Add(int64(n))
}

func (o *outbox) append(b []byte) {
	if cap(o.tail)-len(o.tail) < len(b) {
		if len(o.tail) > 0 {
			o.bufs = append(o.bufs, o.tail)
		}
		o.tail, o.free = o.free, nil
		if cap(o.tail) < len(b) {
			o.tail = make([]byte, 0, max(tailSize, len(b)))
		}
	}
	o.tail = append(o.tail, b...)
}

// batch is what one write writes: bufs, then last.
type batch struct {
	bufs net.Buffers
	last []byte
}

// begin takes what is queued, unless somebody is writing already.
func (o *outbox) begin() (batch, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || len(o.bufs) == 0 && len(o.tail) == 0 {
		return batch{}, false
	}
	o.writing = true
	return o.take(), true
}

func (o *outbox) take() batch {
	b := batch{o.bufs, o.tail}
	o.bufs, o.tail = nil, nil
	return b
}

// next ends a write of n bytes, whose last buffer was last, and takes what has gathered since. It
// reports false, and ends writing, if that is nothing.
func (o *outbox) next(n int64, last []byte) (batch, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size.Add(-n)
	if o.room != nil && o.size.Load() <= o.soft {
		close(o.room)
		o.room = nil
	}
	if o.free == nil && cap(last) == tailSize {
		o.free = last[:0]
	}
	if len(o.bufs) == 0 && len(o.tail) == 0 {
		o.writing = false
		if o.idle != nil {
			close(o.idle)
			o.idle = nil
		}
		return batch{}, false
	}
	return o.take(), true
}

func (o *outbox) wakeWriter() {
	o.mu.Lock()
	need := !o.writing && (len(o.bufs) > 0 || len(o.tail) > 0)
	o.mu.Unlock()
	if need {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// wait waits until nobody writes any more, but not for ever.
func (o *outbox) wait(atMost time.Duration) {
	o.mu.Lock()
	if !o.writing {
		o.mu.Unlock()
		return
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.mu.Unlock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

// Admit implements engine.Host: callers wait while more than the soft limit is queued.
func (c *Conn) Admit(ctx context.Context) error {
	o := &c.out
	for o.size.Load() > o.soft {
		o.mu.Lock()
		if o.closed || o.size.Load() <= o.soft {
			o.mu.Unlock()
			return nil
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// busyCalls is how many calls must be under way for a writer to let others add to what it is
// about to write. With fewer it would only wake another processor.
const busyCalls = 2

// flush writes what is queued, unless somebody is doing so.
func (c *Conn) flush() {
	if c.calls.Load() > busyCalls {
		runtime.Gosched()
	}
	b, ok := c.out.begin()
	for ok {
		n := int64(len(b.last))
		for _, x := range b.bufs {
			n += int64(len(x))
		}
		last := b.last
		if err := c.write(b); err != nil {
			c.lost(err)
		}
		b, ok = c.out.next(n, last)
	}
}

func (c *Conn) write(b batch) error {
	if c.Err() != nil {
		if d, ok := c.rwc.(interface{ SetWriteDeadline(time.Time) error }); ok {
			d.SetWriteDeadline(time.Now().Add(c.limits.CloseTimeout))
		}
	}
	c.counts.writes.Add(1)
	if len(b.bufs) == 0 {
		_, err := c.rwc.Write(b.last)
		return err
	}
	bufs := b.bufs
	if len(b.last) > 0 {
		bufs = append(bufs, b.last)
	}
	_, err := bufs.WriteTo(c.rwc)
	return err
}

// lost reports a write error. The reader will meet the same and end the connection.
func (c *Conn) lost(err error) {
	c.log.Debug("write failed", "err", err)
	c.rwc.Close()
}

// writeLoop writes what the reader must not, until the connection has ended; then it closes the
// transport.
func (c *Conn) writeLoop() {
	for {
		select {
		case <-c.out.wake:
			c.flush()
		case <-c.closed:
			c.flush()
			c.out.wait(c.limits.CloseTimeout)
			c.rwc.Close()
			c.reap.Stop()
			// Here, and not where the engine shuts down: these may call out and wait.
			c.client.Release()
			c.watching.closed(c.err)
			return
		}
	}
}
