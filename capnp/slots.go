package capnp

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Slots bounds how many methods run at a time for the calls that go through it: those of one
// connection and, by a parent, those of a whole server. A method that waits still counts. Calls
// beyond wait, without keeping anybody else from an object, and start in the order in which their
// turn at their object came: calls of one connection on one object never overtake each other.
//
// Invariant: the calls of these slots at an object are in order if those that run or are ready
// come first, then those in queue, then those in the object's own queue.
type Slots struct {
	max    int64
	parent *Slots
	waits  func() // told, with locks held, that a call waits; only enqueues

	state   atomic.Uint64 // methods running; above 1<<32, how many have ended
	waiting atomic.Int64  // len(queue), len(line)
	bytes   atomic.Int64  // of the large parameters of the methods that run

	mu    sync.Mutex // below the lock of an object; that of a parent is below that of its children
	queue []parked
	line  []*Slots // of a parent: children that lack nothing but a slot here
	lined bool     // in the line of the parent, which guards it
}

// parked is a call that has its turn at an object but no slot.
type parked struct {
	o *object
	c *Call
}

const (
	oneEnded  = 1 << 32
	someBytes = 4 << 10 // parameters below are not counted
)

// NewSlots makes room for max methods. parent may be nil. waits, if not nil, is called whenever a
// call has to wait; it is called with locks held and may only enqueue.
func NewSlots(max int, parent *Slots, waits func()) *Slots {
	return &Slots{max: int64(max), parent: parent, waits: waits}
}

// Through makes the method of c take a slot before it starts. c must not have been delivered yet.
func (c *Call) Through(s *Slots) { c.slots = s }

// GiveWay is for a goroutine that is about to wait: if ctx is that of a method, the method gives up
// the object's turn, as it does before it waits for a promise.
func GiveWay(ctx context.Context) {
	if c := methodOf(ctx); c != nil {
		c.Unblock()
	}
}

// methodOf returns the call whose method ctx belongs to, or nil.
func methodOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Running is how many methods run.
func (s *Slots) Running() int { return int(uint32(s.state.Load())) }

// Ended is how many methods have ended since the slots were made, modulo 1<<32.
func (s *Slots) Ended() uint32 { return uint32(s.state.Load() >> 32) }

// Waiting is how many calls wait for a slot.
func (s *Slots) Waiting() int { return int(s.waiting.Load()) }

// Bytes is about how many bytes of parameters the methods that run can still reach, whether their
// calls have been answered or not.
func (s *Slots) Bytes() int64 {
	if s == nil {
		return 0
	}
	return s.bytes.Load()
}

// Refuse ends every call that waits with err.
func (s *Slots) Refuse(err error) {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.waiting.Add(int64(-len(queue)))
	s.mu.Unlock()
	t := BeginBackground()
	for _, w := range queue {
		if w.c.claim() {
			w.c.Refuse(err, t)
			w.o.life.release()
		}
	}
	t.End()
}

// claim makes a call that has not started one that never will.
func (c *Call) claim() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.started
	c.started = true // whoever sets it has the call
	return !taken
}

// enter takes a slot for c, whose turn it is at o, or lets it wait. It is called with o.mu held.
func (s *Slots) enter(o *object, c *Call) bool {
	if s.waiting.Load() == 0 && s.take(false) {
		s.hold(c)
		return true
	}
	s.mu.Lock()
	s.waiting.Add(1) // first: whoever ends from now on looks after the queue
	if len(s.queue) == 0 && s.take(true) {
		s.waiting.Add(-1)
		s.mu.Unlock()
		s.hold(c)
		return true
	}
	s.queue = append(s.queue, parked{o, c})
	s.mu.Unlock()
	if s.waits != nil {
		s.waits()
	}
	return false
}

func (s *Slots) hold(c *Call) {
	c.slot = true
	if n := c.params.Size(); n > someBytes {
		s.bytes.Add(n)
	}
}

// take takes a slot if there is one, here and in the parent. With lineUp, a lack in the parent
// puts s in its line.
func (s *Slots) take(lineUp bool) bool {
	if !s.add() {
		return false
	}
	p := s.parent
	if p == nil || p.waiting.Load() == 0 && p.add() || lineUp && p.lineUp(s) {
		return true
	}
	s.state.Add(^uint64(0))
	if s.waiting.Load() > 0 && !lineUp {
		go s.grant(false) // who looked in between found none free
	}
	return false
}

func (s *Slots) add() bool {
	for {
		v := s.state.Load()
		if int64(uint32(v)) >= s.max {
			return false
		}
		if s.state.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

// lineUp takes a slot of p for child, or puts it in line.
func (p *Slots) lineUp(child *Slots) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting.Add(1)
	if len(p.line) == 0 && p.add() {
		p.waiting.Add(-1)
		return true
	}
	if child.lined {
		p.waiting.Add(-1)
		return false
	}
	child.lined = true
	p.line = append(p.line, child)
	return false
}

// next gives what is free in p to the children in line.
func (p *Slots) next() {
	for p.waiting.Load() > 0 && int64(p.Running()) < p.max {
		p.mu.Lock()
		if len(p.line) == 0 {
			p.mu.Unlock()
			return
		}
		child := p.line[0]
		p.line = slices.Delete(p.line, 0, 1)
		child.lined = false
		p.waiting.Add(-1)
		p.mu.Unlock()
		child.grant(true)
	}
}

// leave gives back the slot of c.
func (s *Slots) leave(c *Call) {
	c.slot = false
	if n := c.params.Size(); n > someBytes {
		s.bytes.Add(-n)
	}
	s.state.Add(oneEnded - 1)
	if p := s.parent; p != nil {
		p.state.Add(oneEnded - 1)
		if p.waiting.Load() > 0 {
			p.next()
		}
	}
	if s.waiting.Load() > 0 {
		s.grant(false)
	}
}

// grant starts calls that wait while there is room. The first may pass the line of the parent if s
// has just come to its head.
func (s *Slots) grant(first bool) {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		w := s.queue[0]
		s.mu.Unlock()
		w.o.mu.Lock()
		s.mu.Lock()
		if len(s.queue) == 0 || s.queue[0] != w {
			s.mu.Unlock()
			w.o.mu.Unlock()
			continue
		}
		over := w.c.Returned()
		if !over && !s.takeNext(first) {
			s.mu.Unlock()
			w.o.mu.Unlock()
			return
		}
		s.queue[0] = parked{}
		s.queue = s.queue[1:]
		s.waiting.Add(-1)
		s.mu.Unlock()
		start := false
		if over && w.c.claim() {
			w.o.life.release()
		}
		if !over {
			first = false
			s.hold(w.c)
			if start = w.o.turn == nil; start {
				w.o.turn = w.c
			} else {
				w.o.ready = append(w.o.ready, w.c)
			}
		}
		w.o.mu.Unlock()
		if start {
			go w.o.run(w.c)
		}
	}
}

func (s *Slots) takeNext(first bool) bool {
	if !first || s.parent == nil {
		return s.take(true)
	}
	if !s.add() {
		return false
	}
	if s.parent.add() || s.parent.lineUp(s) {
		return true
	}
	s.state.Add(^uint64(0))
	return false
}

// forget takes a call out of the queue that was cancelled while it waited. Mostly it came last.
func (s *Slots) forget(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.queue) - 1; i >= 0; i-- {
		if s.queue[i].c == c {
			s.queue = slices.Delete(s.queue, i, i+1)
			s.waiting.Add(-1)
			return
		}
	}
}
