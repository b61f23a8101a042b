package capnp

import "sync"

// A Turn collects the inboxes that were fed while something was decided under a lock. Feeding an
// inbox is done at once, inside that lock, so that the order of deciding is the order of
// delivery; draining it is done by Run, after the lock is gone. Without this split calls overtake
// each other (ARCHITECTURE.md, "Order").
type Turn struct {
	kicks      []Inbox
	drained    int // of kicks
	drops      []Hook
	background bool

	lazy      bool    // what is to be written may wait until somebody waits for it
	unflushed Flusher // where such a thing is

	inline bool // the goroutine that runs the turn may run one method itself, afterwards
	start  Start
}

// Start is a call whose method is about to run.
type Start struct {
	o *object
	c *Call
}

// A Yielder is told that a method it runs on its own goroutine is about to wait.
type Yielder interface{ Yield(run uint64) }

// BeginInline returns an empty background turn for a goroutine that will run one of the methods
// that start in the turn itself: it takes it with TakeStart.
func BeginInline() *Turn {
	t := BeginBackground()
	t.inline = true
	return t
}

// TakeStart returns the call to run, if there is one.
func (t *Turn) TakeStart() (s Start, ok bool) {
	s, t.start, t.inline = t.start, Start{}, false
	return s, s.c != nil
}

// Run runs the method on this goroutine, and then those of the calls that get the object's turn
// from it. When one of them is about to wait, y is told, with the given number.
func (s Start) Run(y Yielder, run uint64) {
	for c := s.c; c != nil; c = s.o.pass(c) {
		c.yielder, c.run = y, run
		s.o.start(c)
	}
}

// Inbox is a queue of commands with one drainer at a time: a connection's engine, for example.
type Inbox interface {
	// Drain works off what is queued, unless somebody is doing so already: then they take the
	// rest along. It is called with no lock held.
	Drain(t *Turn)
}

// Kick notes that in has work.
func (t *Turn) Kick(in Inbox) {
	if n := len(t.kicks); n > t.drained && t.kicks[n-1] == in {
		return
	}
	t.kicks = append(t.kicks, in)
}

// Drop takes over a reference to h and gives it up when no lock is held any more: giving up the
// last one may need the lock of a promise that is just handing on its calls.
func (t *Turn) Drop(h Hook) { t.drops = append(t.drops, h) }

// Run drains every noted inbox and gives up what was dropped, and what that leads to in turn: a
// loop, never recursion.
func (t *Turn) Run() {
	for j := 0; t.drained < len(t.kicks) || j < len(t.drops); {
		if j < len(t.drops) {
			j++
			t.drops[j-1].Release(t)
			continue
		}
		t.drained++
		t.kicks[t.drained-1].Drain(t)
	}
	t.drained = 0
	clear(t.kicks)
	clear(t.drops)
	t.kicks, t.drops = t.kicks[:0], t.drops[:0]
}

// idle reports whether there is nothing for Run to do.
func (t *Turn) idle() bool { return len(t.kicks) == 0 && len(t.drops) == 0 }

var turns = sync.Pool{New: func() any { return &Turn{kicks: make([]Inbox, 0, 8)} }}

// BeginTurn returns an empty turn. End it with End.
func BeginTurn() *Turn { return turns.Get().(*Turn) }

// BeginBackground returns an empty turn for a goroutine that must not wait for a peer: whatever
// is to be written while it runs is left to somebody else.
func BeginBackground() *Turn {
	t := BeginTurn()
	t.background = true
	return t
}

// A Flusher has something that waits to be written.
type Flusher interface{ Hasten() }

// beginLazy returns an empty turn for calls whose answer is going to be waited for: then is the time
// to write them, together with those made meanwhile. End it with endLazy.
func beginLazy() *Turn {
	t := BeginTurn()
	t.lazy = true
	return t
}

// endLazy is End. It returns where something has been left to be written, or nil.
func (t *Turn) endLazy() Flusher {
	t.Run()
	f := t.unflushed
	t.unflushed, t.lazy = nil, false
	t.End()
	return f
}

// Lazy reports whether what the turn led to may be written later: by Hasten, or when it has waited
// for too long.
func (t *Turn) Lazy() bool { return t.lazy }

// LeaveUnflushed notes that f has something to write. Only one can be noted; others are hastened.
func (t *Turn) LeaveUnflushed(f Flusher) {
	if t.unflushed != nil && t.unflushed != f {
		t.unflushed.Hasten()
	}
	t.unflushed = f
}

// Background reports whether the goroutine that runs the turn must not wait for a peer.
func (t *Turn) Background() bool { return t.background }

// End runs the turn and gives it back.
func (t *Turn) End() {
	t.Run()
	t.background = false
	if s, ok := t.TakeStart(); ok {
		go s.o.run(s.c)
	}
	turns.Put(t)
}
