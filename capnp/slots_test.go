package capnp

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// through is a reference to an object, as a connection with slots has one.
func through(c Client, s *Slots) Client { return NewClient(&slotted{HookOf(c), s}) }

type slotted struct {
	Hook
	s *Slots
}

func (h *slotted) Deliver(c *Call, t *Turn) {
	c.Through(h.s)
	h.Hook.Deliver(c, t)
}

// One method less than there are slots, as many, and one more.
func TestSlotsAtTheirLimit(t *testing.T) {
	for _, parent := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			waits := 0
			s := NewSlots(2, nil, func() { waits++ })
			if parent {
				s = NewSlots(9, NewSlots(2, nil, nil), func() { waits++ })
			}
			var started record
			stop := make(chan struct{})
			var os []Client
			for range 4 {
				os = append(os, through(serve(func(_ context.Context, c *Call) error { started.add(number(c)); <-stop; return nil }), s))
			}
			call(t.Context(), os[0], 0)
			started.want(t, 0)
			call(t.Context(), os[1], 1)
			started.want(t, 0, 1)
			if waits != 0 || s.Waiting() != 0 || s.Running() != 2 {
				t.Errorf("at the limit: %d waits, %d waiting, %d running", waits, s.Waiting(), s.Running())
			}
			call(t.Context(), os[2], 2)
			call(t.Context(), os[3], 3)
			call(t.Context(), os[2], 4)
			started.want(t, 0, 1)
			if waits != 3 || s.Waiting() != 3 || s.Running() != 2 {
				t.Errorf("over the limit: %d waits, %d waiting, %d running", waits, s.Waiting(), s.Running())
			}
			stop <- struct{}{}
			started.want(t, 0, 1, 2)
			stop <- struct{}{}
			started.want(t, 0, 1, 2, 3)
			close(stop)
			started.want(t, 0, 1, 2, 3, 4)
			if s.Running() != 0 || s.Ended() != 5 || s.Waiting() != 0 {
				t.Errorf("at the end: %d running, %d ended, %d waiting", s.Running(), s.Ended(), s.Waiting())
			}
		})
	}
}

// A connection whose slots are taken keeps nobody else from an object.
func TestFullSlotsKeepNobodyFromAnObject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		full, free := NewSlots(1, nil, nil), NewSlots(1, nil, nil)
		var started record
		stop := make(chan struct{})
		busy := through(serve(func(context.Context, *Call) error { <-stop; return nil }), full)
		o := serve(func(_ context.Context, c *Call) error { started.add(number(c)); return nil })
		call(t.Context(), busy, 0)
		call(t.Context(), through(o, full), 1)
		call(t.Context(), through(o, full), 2)
		call(t.Context(), through(o, free), 3)
		call(t.Context(), o, 4)
		started.want(t, 3, 4)
		close(stop)
		started.want(t, 3, 4, 1, 2)
	})
}

// Children of one parent get its slots in turn.
func TestSlotsOfAParentAreShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := NewSlots(1, nil, nil)
		a, b := NewSlots(8, p, nil), NewSlots(8, p, nil)
		var started record
		stop := make(chan struct{})
		on := func(s *Slots, n uint64) {
			call(t.Context(), through(serve(func(_ context.Context, c *Call) error { started.add(number(c)); <-stop; return nil }), s), n)
		}
		for n := range uint64(4) {
			on(a, n)
		}
		on(b, 10)
		on(b, 11)
		for range 6 {
			synctest.Wait()
			stop <- struct{}{}
		}
		started.want(t, 0, 1, 10, 2, 11, 3)
		if p.Running() != 0 || p.Waiting() != 0 {
			t.Errorf("%d running, %d waiting", p.Running(), p.Waiting())
		}
	})
}

// What waits for a slot can be cancelled and refused; it is forgotten then.
func TestWaitingCallsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := NewSlots(1, nil, nil)
		stop := make(chan struct{})
		o := through(serve(func(context.Context, *Call) error { <-stop; return nil }), s)
		x := through(serve(func(context.Context, *Call) error { t.Error("ran"); return nil }), s)
		running := call(t.Context(), o, 0)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		first, second := call(ctx, x, 1), call(t.Context(), x, 2)
		synctest.Wait()
		cancel()
		if _, err := first.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled call: %v", err)
		}
		synctest.Wait()
		if n := s.Waiting(); n != 1 {
			t.Errorf("%d wait, want 1", n)
		}
		s.Refuse(NewError(Overloaded, "no room"))
		if _, err := second.Wait(); !errors.Is(err, Overloaded) {
			t.Errorf("the refused call: %v", err)
		}
		close(stop)
		if _, err := running.Wait(); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the slot is given back after the answer
		if s.Waiting() != 0 || s.Running() != 0 {
			t.Errorf("%d wait, %d run", s.Waiting(), s.Running())
		}
	})
}

// The parameters of a method count while it runs, even if its call has been given up.
func TestSlotsCountWhatMethodsHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := NewSlots(9, nil, nil)
		stop := make(chan struct{})
		send := func(ctx context.Context, bytes int) {
			o := through(serve(func(context.Context, *Call) error { <-stop; return nil }), s)
			m, b := ReceiveMessage(bytes, nil)
			clear(b)
			b[4] = 1 // the root: a struct of one word
			t := BeginTurn()
			c := NewCall(testMethod, testMethod.InterfaceID(), testMethod.MethodID(), ReceivedPayload(m.Root()), &Answer{}, Hints{}, nil)
			HookOf(o).Deliver(c, t)
			t.End()
			synctest.Wait()
			t = BeginTurn()
			c.Cancel(context.Canceled, t)
			t.End()
		}
		send(t.Context(), someBytes)
		if n := s.Bytes(); n != 0 {
			t.Errorf("holds %d bytes, want 0 of small ones", n)
		}
		send(t.Context(), someBytes+8)
		if n := s.Bytes(); n != someBytes+8 {
			t.Errorf("holds %d bytes, want %d", n, someBytes+8)
		}
		close(stop)
		synctest.Wait()
		if n := s.Bytes(); n != 0 {
			t.Errorf("holds %d bytes in the end", n)
		}
	})
}

// Many connections, few slots, objects in common: every call runs, in the order of its reference.
func TestSlotsKeepOrder(t *testing.T) {
	p := NewSlots(3, nil, nil)
	last := make([][]uint64, 4) // of each connection at each object
	var os []Client
	var running, most atomic.Int64
	for i := range 3 {
		os = append(os, serve(func(_ context.Context, c *Call) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			n := number(c)
			if from := &last[n%4][i]; *from >= n {
				t.Errorf("object %d: call %d after %d", i, n, *from)
			} else {
				*from = n
			}
			if n%3 == 0 {
				c.Unblock()
			}
			return nil
		}))
	}
	done := make(chan struct{})
	for i := range 4 {
		last[i] = make([]uint64, 3)
		s := NewSlots(2, p, nil)
		r := rand.New(rand.NewPCG(1, uint64(i)))
		go func() {
			var all []Promise[Struct]
			for n := range uint64(2000) {
				all = append(all, call(t.Context(), through(os[r.IntN(3)], s), (n+1)*4+uint64(i)))
			}
			for _, p := range all {
				if _, err := p.Wait(); err != nil {
					t.Error(err)
				}
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d methods ran at a time", n)
	}
}

// A connection that has a call ready whenever one ends keeps nobody else from an object.
func TestReadyCallsKeepNobodyFromAnObject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := NewSlots(1, nil, nil)
		stop, hold := make(chan struct{}), make(chan struct{})
		busy := through(serve(func(context.Context, *Call) error { <-stop; return nil }), s)
		var started record
		o := serve(func(_ context.Context, c *Call) error {
			started.add(number(c))
			if number(c) == 0 {
				<-hold
			}
			return nil
		})
		call(t.Context(), busy, 0) // takes the slot
		greedy := through(o, s)
		for n := range uint64(3) {
			call(t.Context(), greedy, 10+n) // wait for it
		}
		call(t.Context(), o, 0) // has the turn when the slot becomes free
		call(t.Context(), o, 1)
		started.want(t, 0)
		close(stop)
		started.want(t, 0)
		close(hold)
		started.want(t, 0, 10, 1, 11, 12)
	})
}
