package rpc

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/wire"
)

// outbox is the queue of bytes to be written. Small messages are copied together, large segments
// are passed through, so that one system call writes whatever has gathered.
//
// Whoever adds to the queue and may block writes it; what comes meanwhile rides along. A reader
// must not wait for the peer to read, or two peers wait for each other: it writes what the
// transport takes at once and leaves the rest to a goroutine. While a reader works
// through messages that have come together it corks the queue, and writes what they led to at
// the end.
type outbox struct {
	soft      int64
	copyBelow int          // segments of this size and more are not copied
	size      atomic.Int64 // bytes queued or being written
	corked    atomic.Bool  // a reader will write soon
	delayed   atomic.Int64 // odd while nobody is about to write what is queued
	called    atomic.Bool  // a call is among that
	prompt    atomic.Int64 // calls that are written at once, because such a one was not waited for

	mu      sync.Mutex
	batch               // queued
	from    int         // the part of tail from here on is not in bufs yet
	tail    []byte      // a chunk being filled
	spare   batch       // its slices are used again
	vector  net.Buffers // of the one who writes
	writing bool
	closed  bool
	room    chan struct{} // closed when callers may add again; nil if nobody waits
	idle    chan struct{} // closed when nothing is being written; nil if nobody waits

	load outload

	now nowWriter // what can write without waiting; nil if the transport cannot
}

// batch is what one write writes, and the memory that can be used again when it is done.
type batch struct {
	bufs   net.Buffers
	chunks [][]byte
	large  []wire.Memory
}

// nowWriter writes what the transport takes without waiting.
type nowWriter interface {
	writeNow(b net.Buffers) (n int64, err error)
}

const (
	chunkSize = 16 << 10 // of a buffer that small messages share
	corkBytes = 64 << 10 // more than this does not wait for the cork
)

func (o *outbox) init(soft int64, rwc io.ReadWriteCloser) {
	o.soft = soft
	o.copyBelow = 4 << 10
	switch rwc.(type) {
	case *net.TCPConn, *net.UnixConn: // these write many buffers with one system call
	default:
		o.copyBelow = chunkSize
	}
	o.now = newNowWriter(rwc)
}

func (o *outbox) bytes() int64 { return o.size.Load() }

// add queues one message: its segment table, then its segments, whose memory it may keep. What is
// in large may be recycled when it has been written.
func (o *outbox) add(table []byte, segs [][]byte, large []wire.Memory) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	n := len(table)
	o.append(table)
	for _, s := range segs {
		n += len(s)
		if len(s) < o.copyBelow {
			o.append(s)
			continue
		}
		o.cut()
		o.bufs = append(o.bufs, s)
	}
	o.large = append(o.large, large...)
	o.load.add(o.size.Add(int64(n)) > int64(n))
}

// chunks are those that no connection fills.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// append adds a copy of b.
func (o *outbox) append(b []byte) {
	if cap(o.tail)-len(o.tail) < len(b) {
		o.retire()
		if len(b) <= chunkSize {
			o.tail = chunks.Get().(*[chunkSize]byte)[:0]
		} else {
			o.tail = make([]byte, 0, len(b))
		}
	}
	o.tail = append(o.tail, b...)
}

// cut queues what the tail has got since it was cut last.
func (o *outbox) cut() {
	if o.from < len(o.tail) {
		o.bufs = append(o.bufs, o.tail[o.from:])
		o.from = len(o.tail)
	}
}

// retire queues the tail; it is not filled any further.
func (o *outbox) retire() {
	o.cut()
	if o.tail != nil {
		o.chunks = append(o.chunks, o.tail)
	}
	o.tail, o.from = nil, 0
}

func (o *outbox) empty() bool { return len(o.bufs) == 0 && o.from == len(o.tail) }

// claim makes the caller the one who writes, unless there is one or nothing to write.
func (o *outbox) claim() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.empty() {
		return false
	}
	o.writing = true
	return true
}

// take takes what is queued. It reports false, and ends writing, if that is nothing.
func (o *outbox) take() (batch, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.empty() {
		o.stop()
		return batch{}, false
	}
	o.retire()
	o.load.take()
	b := o.batch
	o.batch, o.spare = o.spare, batch{}
	return b, true
}

func (o *outbox) stop() {
	o.writing = false
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// done notes that n bytes were written, and with them all of b.
func (o *outbox) done(n int64, b batch) {
	o.mu.Lock()
	o.wrote(n)
	o.load.flying = 0
	o.mu.Unlock()
	for _, c := range b.chunks {
		if cap(c) == chunkSize {
			chunks.Put((*[chunkSize]byte)(c[:chunkSize]))
		}
	}
	for _, m := range b.large {
		wire.Recycle(m.Bytes, m.Used)
	}
	if cap(b.bufs) > 64 {
		return
	}
	clear(b.bufs)
	clear(b.chunks)
	clear(b.large)
	o.mu.Lock()
	o.spare = batch{b.bufs[:0], b.chunks[:0], b.large[:0]}
	o.mu.Unlock()
}

func (o *outbox) wrote(n int64) {
	o.load.wrote(n)
	o.size.Add(-n)
	if o.room != nil && o.size.Load() <= o.soft {
		close(o.room)
		o.room = nil
	}
}

// putBack queues again, before everything else, what is left of b after n bytes were written, and
// ends writing.
func (o *outbox) putBack(n int64, b batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrote(n)
	o.load.putBack()
	left := b.bufs
	for len(left) > 0 && n >= int64(len(left[0])) {
		n -= int64(len(left[0]))
		left = left[1:]
	}
	if len(left) > 0 {
		left[0] = left[0][n:]
	}
	o.bufs = append(left, o.bufs...)
	o.chunks = append(b.chunks, o.chunks...)
	o.large = append(b.large, o.large...)
	o.stop()
}

func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	o.mu.Unlock()
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
		capnp.GiveWay(ctx)
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

// gathered is how many bytes are worth a write of their own.
const gathered = 8 << 10

// flush writes what is queued, unless somebody does so already or is about to.
func (c *Conn) flush() {
	o := &c.out
	if o.now != nil && c.Err() == nil {
		c.flushSome() // a caller waits for its answer, or its context, not for the peer to read
		return
	}
	if o.claim() {
		c.writeClaimed()
	}
}

// writeSoon makes a goroutine of the connection's write what is queued.
func (c *Conn) writeSoon() {
	if c.Err() == nil && c.out.claim() {
		c.running.Add(1)
		go func() {
			c.writeClaimed()
			c.gone()
		}()
	}
}

func (c *Conn) writeClaimed() {
	c.gather()
	for o := &c.out; ; {
		b, ok := o.take()
		if !ok {
			return
		}
		n := total(b.bufs)
		if err := c.write(b.bufs); err != nil {
			c.lost(err)
		}
		o.done(n, b)
	}
}

// flushSome is flush for who must not wait for the peer.
func (c *Conn) flushSome() {
	if c.out.now != nil {
		c.gather()
	}
	c.flushNow()
}

// gather lets other goroutines add to what is about to be written, if there may be some. A method
// that runs on the reader has none beside it.
func (c *Conn) gather() {
	if c.calls.Load() > busyCalls && c.out.size.Load() < gathered && c.reader.run.Load()%2 == 0 {
		runtime.Gosched()
	}
}

// flushNow writes what can be written at once, and leaves the rest to a goroutine.
func (c *Conn) flushNow() {
	o := &c.out
	if o.now == nil || c.Err() != nil {
		c.writeSoon()
		return
	}
	if !o.claim() {
		return
	}
	for {
		b, ok := o.take()
		if !ok {
			return
		}
		c.counts.writes.Add(1)
		n, err := o.now.writeNow(b.bufs)
		switch {
		case err != nil:
			c.lost(err)
			o.done(total(b.bufs), b)
		case n < total(b.bufs):
			o.putBack(n, b)
			c.writeSoon()
			c.guard.arm() // the peer may have stopped reading
			return
		default:
			o.done(n, b)
		}
	}
}

// mayDelay decides whether what is queued waits until Hasten, or for a beat of the pulse if that
// does not come.
func (c *Conn) mayDelay() bool {
	o := &c.out
	if !c.reader.lending.able || o.size.Load() >= gathered {
		return false
	}
	if o.prompt.Load() > 0 {
		o.prompt.Add(-1)
		return false
	}
	o.called.Store(true)
	c.delay()
	return true
}

// delay leaves what is queued for Hasten or the pulse.
func (c *Conn) delay() {
	o := &c.out
	if n := o.delayed.Load(); n%2 == 0 {
		o.delayed.CompareAndSwap(n, n+1)
	}
	c.reader.pulse.start()
}

// Hasten writes what was delayed.
func (c *Conn) Hasten() {
	if n := c.out.delayed.Load(); n%2 == 1 && c.out.delayed.CompareAndSwap(n, n+1) {
		c.out.called.Store(false)
		c.flush()
	}
}

// overdue writes what has been delayed since the last beat. It returns what to give it at the next.
func (c *Conn) overdue(was int64) (now int64) {
	now = c.out.delayed.Load()
	if now%2 == 1 && now == was && c.out.delayed.CompareAndSwap(now, now+1) {
		if c.out.called.Swap(false) {
			c.out.prompt.Store(promptCalls)
		}
		c.flushNow()
		now++
	}
	return now
}

// promptCalls is how many calls are written at once after one that nobody waited for.
const promptCalls = 64

// isCorked reports whether a reader will write what is queued.
func (o *outbox) isCorked() bool { return o.corked.Load() && o.size.Load() < corkBytes }

// cork makes those who add to the queue leave writing to the reader, which ends that with uncork.
func (c *Conn) cork() { c.out.corked.Store(true) }

func (c *Conn) uncork() {
	c.out.corked.Store(false)
	c.flushNow()
}

// uncorkLater is uncork when nothing of what is queued is waited for: an end of calls, mostly. It
// rides along with the next call.
func (c *Conn) uncorkLater() {
	c.out.corked.Store(false)
	if c.out.size.Load() > 0 {
		c.delay()
	}
}

func total(bufs net.Buffers) (n int64) {
	for _, b := range bufs {
		n += int64(len(b))
	}
	return n
}

func (c *Conn) write(bufs net.Buffers) error {
	if c.Err() != nil {
		if d, ok := c.rwc.(interface{ SetWriteDeadline(time.Time) error }); ok {
			d.SetWriteDeadline(time.Now().Add(c.limits.CloseTimeout))
		}
	}
	if c.out.now == nil {
		return c.writePieces(bufs)
	}
	c.counts.writes.Add(1)
	var n int64
	var err error
	if len(bufs) == 1 {
		var k int
		k, err = c.rwc.Write(bufs[0])
		n = int64(k)
	} else {
		c.out.vector = bufs // consumed; bufs is not
		n, err = c.out.vector.WriteTo(c.rwc)
	}
	if err != nil && c.guard.poked(err) {
		return c.writeRest(bufs, n)
	}
	return err
}

// lost reports a write error. The reader will meet the same and end the connection.
func (c *Conn) lost(err error) {
	c.log.Debug("write failed", "err", err)
	c.rwc.Close()
}

// finish writes what is left when the connection has ended, and closes the transport.
func (c *Conn) finish() {
	c.out.corked.Store(false)
	c.flush()
	c.out.wait(c.limits.CloseTimeout)
	c.rwc.Close()
	c.reap.Stop()
	if c.reader.lending.close() {
		c.gone() // for the reader: nobody reads
	}
	// Here, and not where the engine shuts down: these may call out and wait.
	c.client.Release()
	c.watching.closed(c.err)
	c.gone()
}

// gone is called by each of the connection's goroutines as its last.
func (c *Conn) gone() {
	if c.running.Add(-1) == 0 {
		close(c.done)
	}
}
