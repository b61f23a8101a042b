package rpc

import (
	"errors"
	"os"
	"runtime"
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
