package rpc

import (
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/rpc/internal/codec"
	"lanyard.dev/rpc/internal/engine"
)

// reader reads a connection's messages. Reading is a role: one goroutine has it. It runs methods
// itself, because handing a call to another goroutine mostly means waking another processor,
// which costs more than most methods take. When a method is about to wait, or takes its time, the
// role passes to a new goroutine, and the old one only finishes its method.
//
// Invariant: role is odd while the goroutine with the role runs a method; whoever makes it even
// has the role from then on.
type reader struct {
	c        *Conn
	r        *frame.Reader
	role     atomic.Uint64
	overdue  *time.Timer  // takes the role away from a slow method
	handOver atomic.Int64 // calls to be handed to goroutines of their own, because one was slow
}

const (
	patience  = 100 * time.Microsecond // how long a method may keep the role
	afterSlow = 1024                   // calls that are handed over after one that was slower
)

func (r *reader) init(c *Conn) {
	l := c.limits
	r.c = c
	r.r = frame.NewReaderSize(c.source(), &frame.Limits{
		Bytes: l.MessageBytes, Segments: l.Segments,
		Message: capnp.Limits{TraversalWords: l.Traversal, Depth: l.Depth},
	}, 64<<10)
	r.overdue = time.AfterFunc(time.Hour, func() {
		if run := r.role.Load(); run%2 == 1 && r.pass(run) {
			r.handOver.Store(afterSlow)
		}
	})
	r.overdue.Stop()
}

// loop reads until the stream ends or the role has passed to another goroutine.
func (r *reader) loop() {
	c := r.c
	var err error
	for err == nil {
		c.mayRead()
		var m *capnp.Message
		if m, err = r.r.Read(); err != nil {
			break
		}
		c.meter.message(r.r.Buffered())
		em := messages.Get().(*engine.Message)
		if err = codec.Decode(em, m); err != nil {
			break
		}
		c.arrived(em, m)
		c.flow.inbox.Add(weight(em))
		t := r.begin(em)
		c.Push(engine.Receive(em), t)
		t.Run()
		s, ok := t.TakeStart()
		t.End()
		if ok && !r.run(s) {
			return
		}
	}
	t := capnp.BeginBackground()
	c.Push(closeCommand(err), t)
	t.End()
	c.running.Done()
}

// begin returns the turn for a message.
func (r *reader) begin(m *engine.Message) *capnp.Turn {
	if m.Type == engine.Call {
		if n := r.handOver.Load(); n == 0 {
			return capnp.BeginInline()
		}
		r.handOver.Add(-1)
	}
	return capnp.BeginBackground()
}

// run runs a method. It reports whether the role is still this goroutine's.
func (r *reader) run(s capnp.Start) (kept bool) {
	run := r.role.Add(1)
	returned := false
	defer func() {
		if !returned { // the method ended its goroutine
			r.pass(run)
		}
	}()
	r.overdue.Reset(patience)
	s.Run(r, run)
	r.overdue.Stop()
	returned = true
	return r.role.CompareAndSwap(run, run+1)
}

// Yield implements capnp.Yielder.
func (r *reader) Yield(run uint64) { r.pass(run) }

// pass gives the role to a new goroutine, if it has not passed already.
func (r *reader) pass(run uint64) bool {
	if !r.role.CompareAndSwap(run, run+1) {
		return false
	}
	go r.loop()
	return true
}
