package rpc_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
)

// TestMethods is what docs/rpc.md says of methods that do what they should not.
func TestMethods(t *testing.T) {
	play(t, "panics", func(s *scene) { failsAlone(s, func() { panic("a secret") }, "remote exception: the method panicked") })
	play(t, "calls Goexit", func(s *scene) { failsAlone(s, runtime.Goexit, "remote exception: the method ended its goroutine") })
	play(t, "blocks for ever", blocksForEver)
	play(t, "blocks for ever without the turn", blocksUnblocked)
	play(t, "blocks when the connection ends", blocksAtEnd)
	play(t, "ignores its context", ignoresContext)
	play(t, "returns a huge result", hugeResult)
	play(t, "keeps its params", keepsParams)
	play(t, "keeps its results", keepsResults)
	play(t, "releases twice", releasesTwice)
}

// rogue is a Worker whose foo does what it is told.
type rogue struct {
	testcap.UnimplementedWorker
	do    func(ctx context.Context, call testcap.WorkerFooCall) error
	calls int
}

func (r *rogue) Foo(ctx context.Context, call testcap.WorkerFooCall) error {
	r.calls++
	if r.calls > 1 {
		call.Results().SetX("fine")
		return nil
	}
	return r.do(ctx, call)
}

// rogueAt makes Bob offer a rogue.
func rogueAt(s *scene, do func(ctx context.Context, call testcap.WorkerFooCall) error) testcap.Worker {
	s.boot = testcap.NewWorker(&rogue{do: do}).Client
	return bootstrap[testcap.Worker](s)
}

// fine checks that the object answers.
func fine(s *scene, p testcap.WorkerFooResultsPromise) {
	s.Helper()
	want(s, "the next call", must[testcap.WorkerFooResults](s, p).X(), "fine")
}

func failsAlone(s *scene, do func(), reason string) {
	c := rogueAt(s, func(context.Context, testcap.WorkerFooCall) error { do(); return nil })
	p, q := foo(s.Context(), c, 0, false), foo(s.Context(), c, 0, false)
	fails[testcap.WorkerFooResults](s, p, capnp.Failed, reason)
	fine(s, q)
	fine(s, foo(s.Context(), c, 0, false))
}

// blocksForEver: the caller goes when it likes; the object is stuck, the connection is not.
func blocksForEver(s *scene) {
	leave, started := make(chan struct{}), make(chan context.Context, 1)
	s.aliceOpt.Bootstrap = testcap.NewWorld().Worker().Client
	c := rogueAt(s, func(ctx context.Context, _ testcap.WorkerFooCall) error { started <- ctx; <-leave; return nil })
	ctx, cancel := context.WithCancel(s.Context())
	p, q := foo(ctx, c, 0, false), foo(s.Context(), c, 0, false)
	method := <-started
	cancel()
	if _, err := p.Wait(); err != context.Canceled {
		s.Errorf("got %v, want %v", err, context.Canceled)
	}
	s.wantSettled(q, false)
	if method.Err() == nil {
		s.Error("the method's context goes on")
	}
	want(s, "calls of Alice's", s.alice.Stats().Questions, 1)
	// Objects of Alice's answer on the same connection.
	boot := rpc.Bootstrap[testcap.Worker](s.Context(), s.bob)
	if err := testcap.CallFoo(s.Context(), boot); err != nil {
		s.Errorf("another object: %v", err)
	}
	boot.Release()
	close(leave)
	fine(s, q)
}

// blocksUnblocked: a method that has called Unblock is in nobody's way.
func blocksUnblocked(s *scene) {
	leave := make(chan struct{})
	c := rogueAt(s, func(_ context.Context, call testcap.WorkerFooCall) error { call.Unblock(); <-leave; return nil })
	p := foo(s.Context(), c, 0, false)
	s.poll()
	fine(s, foo(s.Context(), c, 0, false))
	s.wantSettled(p, false)
	close(leave)
	must[testcap.WorkerFooResults](s, p)
}

// blocksAtEnd: Close does not wait for methods; they see the end of their contexts.
func blocksAtEnd(s *scene) {
	leave, started := make(chan struct{}), make(chan testcap.WorkerFooCall, 1)
	c := rogueAt(s, func(_ context.Context, call testcap.WorkerFooCall) error { started <- call; <-leave; return nil })
	p := foo(s.Context(), c, 0, false)
	method := <-started
	s.bob.Close()
	s.alice.Close()
	if _, err := p.Wait(); !errors.Is(err, capnp.Disconnected) {
		s.Errorf("got %v, want disconnected", err)
	}
	if method.Err() == nil || !errors.Is(method.Cause(), capnp.Disconnected) {
		s.Errorf("the method's context: %v, cause %v", method.Err(), method.Cause())
	}
	s.wantIdle()
	close(leave)
}

// ignoresContext: what comes of a call that was cancelled is dropped, and given back.
func ignoresContext(s *scene) {
	leave := make(chan struct{})
	live := &s.w.Handles
	s.boot = testcap.NewLab(&late{leave: leave, w: s.w}).Client
	c := bootstrap[testcap.Lab](s)
	p := c.Handle(s.Context(), nil)
	s.wantSettled(p, false)
	p.Release()
	s.wantSettled(p, true)
	close(leave)
	s.poll()
	want(s, "handles", live.Load(), 0)
	want(s, "handles made", s.w.Calls.Load(), 1)
}

type late struct {
	testcap.UnimplementedLab
	leave chan struct{}
	w     *testcap.World
}

func (l *late) Handle(_ context.Context, call testcap.LabHandleCall) error {
	<-l.leave
	l.w.Calls.Add(1)
	h := testcap.Counted(testcap.NewHandle(struct{}{}), &l.w.Handles)
	defer h.Release()
	call.Results().SetHandle(h)
	return nil
}

func hugeResult(s *scene) {
	c := rogueAt(s, func(_ context.Context, call testcap.WorkerFooCall) error {
		call.Results().SetX(strings.Repeat("x", 9<<20))
		return nil
	})
	_, err := foo(s.Context(), c, 0, false).Wait()
	s.wantTooLarge("a result of 9 MB", err)
	fine(s, foo(s.Context(), c, 0, false))
}

// keeper keeps what it is called with.
type keeper struct {
	testcap.UnimplementedLab
	kept  []testcap.LabHoldParams
	taken testcap.Worker
	texts []testcap.LabDescribeParams
}

func (k *keeper) Hold(_ context.Context, call testcap.LabHoldCall) error {
	k.kept = append(k.kept, call.Params())
	if len(k.kept) == 2 {
		k.taken = call.Params().Cap()
	}
	return nil
}

func (k *keeper) Describe(_ context.Context, call testcap.LabDescribeCall) error {
	k.texts = append(k.texts, call.Params())
	return nil
}

// keepsParams: data stays as it was; a capability does if it was taken out before the method
// returned.
func keepsParams(s *scene) {
	k := &keeper{}
	s.boot = testcap.NewLab(k).Client
	lab := bootstrap[testcap.Lab](s)
	for _, a := range []string{"one", "two", "three"} {
		must[testcap.LabDescribeResults](s, lab.Describe(s.Context(), func(p testcap.LabDescribeParamsBuilder) { p.SetA(a) }))
	}
	for i, a := range []string{"one", "two", "three"} {
		want(s, "a kept parameter", k.texts[i].A(), a)
	}
	c, live := counted(s)
	for range 2 {
		must[testcap.LabHoldResults](s, lab.Hold(s.Context(), func(p testcap.LabHoldParamsBuilder) { p.SetCap(c) }))
	}
	c.Release()
	s.poll()
	want(s, "objects referred to", live.Load(), 1)
	if err := testcap.CallFoo(s.Context(), k.taken); err != nil {
		s.Errorf("the capability that was taken out: %v", err)
	}
	if err := testcap.CallFoo(s.Context(), k.kept[0].Cap()); err == nil {
		s.Error("the capability that was not taken out works")
	}
	k.taken.Release()
	s.poll()
	want(s, "objects referred to", live.Load(), 0)
}

// keepsResults: what is written to results after the method has returned goes nowhere.
func keepsResults(s *scene) {
	var kept testcap.WorkerFooResultsBuilder
	c := rogueAt(s, func(_ context.Context, call testcap.WorkerFooCall) error {
		kept = call.Results()
		kept.SetX("in time")
		return nil
	})
	s.poll()
	s.toAlice.Hold()
	p := foo(s.Context(), c, 0, false)
	s.poll()
	kept.SetX("too late")
	s.toAlice.Resume()
	want(s, "x", must[testcap.WorkerFooResults](s, p).X(), "in time")
}

// releasesTwice: a Release counts once, however often it is called and on whatever copy.
func releasesTwice(s *scene) {
	lab := s.lab()
	c, live := counted(s)
	ref := capnp.AddRef(c)
	copied := c
	c.Release()
	copied.Release()
	c.Release()
	want(s, "objects referred to", live.Load(), 1)
	if _, err := foo(s.Context(), c, 123, true).Wait(); err == nil {
		s.Error("a released capability works")
	}
	p := lab.CallFoo(s.Context(), func(p testcap.LabCallFooParamsBuilder) { p.SetCap(ref) })
	want(s, "s", must[testcap.LabCallFooResults](s, p).S(), "bar")
	p.Release()
	p.Release()
	ref.Release()
	h := lab.Handle(s.Context(), nil)
	handle := must[testcap.LabHandleResults](s, h).Handle()
	again := capnp.AddRef(handle)
	handle.Release()
	handle.Release()
	h.Release()
	h.Release()
	s.poll()
	want(s, "objects referred to", live.Load(), 0)
	want(s, "handles", s.w.Handles.Load(), 1)
	again.Release()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 0)
}

// A caller waits for a peer that takes nothing no longer than its context lasts.
func TestSendingEndsWithContext(t *testing.T) {
	x, silent, err := newKillSockets(t).pair()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := rpc.NewConn(x, &rpc.Options{Limits: rpc.Limits{CloseTimeout: time.Millisecond}})
	defer c.Close()
	boot := rpc.Bootstrap[testcap.Lab](t.Context(), c)
	text := strings.Repeat("x", 60<<10)
	for i := range 20 { // more than socket and queue take
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		start := time.Now()
		_, err := boot.Describe(ctx, func(p testcap.LabDescribeParamsBuilder) { p.SetA(text) }).Wait()
		cancel()
		if took := time.Since(start); err != context.DeadlineExceeded || took > 10*time.Second {
			t.Fatalf("call %d: %v after %v", i, err, took)
		}
	}
}
