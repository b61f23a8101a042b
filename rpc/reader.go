package rpc

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/rpc/internal/codec"
	"lanyard.dev/rpc/internal/engine"
)

// reader reads a connection's messages. Reading is a role: one goroutine has it at a time, because
// waking another processor to hand something over takes longer than most calls.
//
// Who waits for an answer takes the role and reads it himself (lead.go). Otherwise a goroutine of
// the connection's has it (loop): that one runs methods itself, too. When a method is about to
// wait, or takes its time, the role passes to a new goroutine, and the old one only finishes its
// method.
//
// Invariant: run is odd while the goroutine with the role runs a method; whoever makes it even
// has the role from then on.
type reader struct {
	c        *Conn
	r        *frame.Reader // belongs to the role
	run      atomic.Uint64
	handOver atomic.Int64 // calls to be handed to goroutines of their own, because one was slow
	penalty  atomic.Int64 // how many, next time
	quick    int          // methods that ran here
	quiet    atomic.Int64 // messages since the peer called something

	lending lending
	pulse   pulse
}

const (
	patience     = 100 * time.Microsecond // how long answers wait for those to the calls that came with them
	afterSlow    = 16                     // calls that are handed over after one that was slower
	afterSlowest = 1024                   // the same after many such
	forgiving    = 256                    // methods that were fast enough, after which it is afterSlow again
	maxBuffer    = 64 << 10               // of received bytes
	busyBurst    = 32                     // messages that came together, after which others get the processor
)

func (r *reader) init(c *Conn) {
	l := c.limits
	r.c = c
	r.r = frame.NewReaderSize(c.source(), &frame.Limits{
		Bytes: l.MessageBytes, Segments: l.Segments,
		Message: capnp.Limits{TraversalWords: l.Traversal, Depth: l.Depth},
	}, maxBuffer)
	r.penalty.Store(afterSlow)
	r.lending.init(r)
	r.pulse.init(r)
}

// loop reads, with the role, until the stream ends or the role has passed on.
func (r *reader) loop() {
	for {
		r.c.mayRead()
		awaited := r.lending.waiting.Load() > 0
		n, kept, err := r.burst()
		switch {
		case !kept:
			return
		case err != nil:
			r.end(err)
			return
		case n > 0 && awaited && r.mayLend():
			r.release()
			return
		case r.c.overFlow():
		case r.r.Fits():
			err = r.fill()
		default: // it goes into memory of its own
			kept, err = r.step(true)
		}
		switch {
		case !kept:
			return
		case err != nil:
			r.end(err)
			return
		}
	}
}

// burst works through what is in the buffer and has what that leads to written at the end.
func (r *reader) burst() (n int, kept bool, err error) {
	if !r.r.Ready() {
		return 0, true, nil
	}
	c := r.c
	c.cork()
	start := time.Now()
	for kept = true; kept && err == nil && r.r.Ready() && !c.overFlow(); n++ {
		if n > 0 && time.Since(start) > patience {
			c.uncork()
			runtime.Gosched() // a connection with much to do keeps nobody from the processor
			c.cork()
			start = time.Now()
		}
		kept, err = r.step(true)
	}
	if kept {
		c.uncork()
		if n >= busyBurst {
			runtime.Gosched()
		}
	}
	return n, kept, err
}

// step takes one message. If methods may run here, and one did, kept says whether the role is still
// this goroutine's.
func (r *reader) step(methods bool) (kept bool, err error) {
	c := r.c
	m, err := r.r.Read()
	if err != nil {
		return true, err
	}
	c.meter.message(r.r.Buffered())
	em := messages.Get().(*engine.Message)
	if err := codec.Decode(em, m); err != nil {
		return true, err
	}
	c.files.attach(em)
	c.arrived(em, m)
	c.flow.inbox.Add(weight(em))
	t := r.begin(em, methods)
	c.Push(engine.Receive(em), t)
	t.Run()
	s, ok := t.TakeStart()
	t.End()
	return !ok || r.runMethod(s), nil
}

// begin returns the turn for a message.
func (r *reader) begin(m *engine.Message, methods bool) *capnp.Turn {
	if m.Type != engine.Call {
		r.quiet.Add(1)
		return capnp.BeginBackground()
	}
	r.quiet.Store(0)
	if methods {
		n := r.handOver.Load()
		if n == 0 {
			return capnp.BeginInline()
		}
		r.handOver.Add(-1)
	}
	return capnp.BeginBackground()
}

// runMethod runs a method. It reports whether the role is still this goroutine's.
func (r *reader) runMethod(s capnp.Start) (kept bool) {
	run := r.run.Add(1)
	returned := false
	defer func() {
		if !returned { // the method ended its goroutine
			r.pass(run)
		}
	}()
	r.pulse.start()
	s.Run(r, run)
	returned = true
	if !r.run.CompareAndSwap(run, run+1) {
		return false
	}
	if r.quick++; r.quick == forgiving {
		r.quick = 0
		r.penalty.Store(afterSlow)
	}
	return true
}

// overdue takes the role from a method that keeps it for too long.
func (r *reader) overdue(run uint64) {
	if r.pass(run) {
		n := r.penalty.Load()
		r.handOver.Store(n)
		r.penalty.Store(min(2*n, afterSlowest))
	}
}

// Yield implements capnp.Yielder.
func (r *reader) Yield(run uint64) { r.pass(run) }

// pass gives the role to a new goroutine, if it has not passed already.
func (r *reader) pass(run uint64) bool {
	if !r.run.CompareAndSwap(run, run+1) {
		return false
	}
	r.c.uncork()
	go r.loop()
	return true
}

// fill waits for more bytes.
func (r *reader) fill() error {
	err := r.r.Fill()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // somebody was to be interrupted who has left
	}
	return err
}

// end is the end of the stream. Nobody gets the role after that.
func (r *reader) end(err error) {
	r.lending.close()
	t := capnp.BeginBackground()
	r.c.Push(closeCommand(err), t)
	t.End()
	r.c.gone()
}

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
