package rpc_test

import (
	"context"
	"sync/atomic"
	"testing"

	"lanyard.dev/capnp"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc/internal/testcap"
)

// TestRPCSuite is rpc-test.c++.
func TestRPCSuite(t *testing.T) {
	play(t, "basics", basics)
	play(t, "pipelining", pipelining)
	play(t, "sendForPipeline()", sendForPipeline)
	play(t, "context.setPipeline", setPipeline)
	play(t, "release capability", releaseCapability)
	play(t, "release capabilities when canceled during return", canceledDuringReturn)
	play(t, "tail call", tailCall)
	play(t, "cancel tail call", cancelTailCall)
	play(t, "tail call cancellation race", tailCallRace)
	play(t, "cancellation", cancellation)
	play(t, "resolve promise", resolvePromise)
	play(t, "retain and release", retainAndRelease)
	play(t, "cancel releases params", cancelReleasesParams)
	play(t, "send same cap twice", sameCapTwice)
	play(t, "embargo", embargo)
	play(t, "embargos block CapabilityServerSet", embargoBlocksUnwrap)
	play(t, "RequireEmbargoWrapper shouldn't block CapabilityServerSet unwrap (RECEIVER_HOSTED)", unwrapReceiverHosted)
	play(t, "RequireEmbargoWrapper shouldn't block CapabilityServerSet unwrap (RECEIVER_ANSWER)", unwrapReceiverAnswer)
	play(t, "RequireEmbargoWrapper has its intended effect (RECEIVER_HOSTED)", tribble)
	play(t, "embargo error", embargoError)
	play(t, "don't embargo null capability", embargoNull)
	play(t, "call promise that later rejects", laterRejected)
	play(t, "abort", abort)
	play(t, "handles exceptions thrown during disconnect", throwsOnDisconnect)
	play(t, "loopback bootstrap()", loopback)
	play(t, "method throws exception", throws)
	play(t, "method throws exception won't redundantly add remote exception prefix", throwsRemote)
	play(t, "method throws exception with trace encoder", throwsTrace)
	play(t, "method throws exception with detail", throwsDetail)
	play(t, "disconnection exception retains details", disconnectDetail)
	play(t, "when OutgoingRpcMessage::send() throws, we don't leak exports", sendFails)
	play(t, "export the same promise twice", exportTwice)
	play(t, "connections set idle when appropriate", idle)
	play(t, "clean connection shutdown", cleanShutdown)
	play(t, "AdaptiveFlowController: destroying with blocked senders fulfills them", blockedThenClosed)
	play(t, "WindowFlowController: destroying with blocked senders fulfills them", blockedThenGivenUp)
}

func basics(s *scene) {
	c := bootstrap[testcap.Worker](s)
	p1 := foo(s.Context(), c, 123, true)
	p3 := c.Bar(s.Context(), nil)
	p2 := c.Baz(s.Context(), func(p testcap.WorkerBazParamsBuilder) { testcap.FillRecord(p.NewS()) })
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "foo")
	must[testcap.WorkerBazResults](s, p2)
	fails[testcap.WorkerBarResults](s, p3, capnp.Unimplemented, "remote exception: not implemented: testcap.capnp:Worker.bar")
	want(s, "calls", s.w.Calls.Load(), 2)
	if err := testcap.CallFoo(s.Context(), c); err != nil {
		s.Errorf("after the failure: %v", err)
	}
}

// pipelining calls a capability within the result of a call that has not returned, and gives the
// result itself up.
func pipelining(s *scene) { pipelineOn(s, s.Context()) }

// sendForPipeline is pipelining with a call that wants no results.
func sendForPipeline(s *scene) {
	asked, returns := 0, 0
	s.listen = func(m wire.Message) {
		if m.Which() == wire.MessageWhichCall && m.Call().OnlyPromisePipeline() {
			asked++
		}
	}
	s.listenBack = func(m wire.Message) {
		if m.Which() == wire.MessageWhichReturn && m.Return().AnswerId()>>31 != 0 {
			returns++
		}
	}
	pipelineOn(s, capnp.PipelineOnly(s.Context()))
	want(s, "calls that want no results", asked, 1)
	want(s, "returns of calls that want none", returns, 0)
}

func pipelineOn(s *scene, ctx context.Context) {
	chain := s.chain()
	here := testcap.NewWorld()
	with := here.Worker()
	s.later(with)
	p := chain.Give(ctx, func(p testcap.ChainGiveParamsBuilder) {
		p.SetN(234)
		p.SetWith(with)
	})
	got := p.Box().Cap()
	s.later(got)
	p1 := foo(s.Context(), got, 321, false)
	p2 := testcap.Boss(got).Grault(s.Context(), nil)
	p.Release()
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "bar")
	if err := testcap.CheckRecord(must[testcap.Record](s, p2)); err != nil {
		s.Error(err)
	}
	s.poll()
	want(s, "calls at Bob", s.w.Calls.Load(), 4) // chain, give, foo, grault
	want(s, "calls at Alice", here.Calls.Load(), 1)
}

func setPipeline(s *scene) {
	chain := s.chain()
	p := chain.GiveEarly(s.Context(), nil)
	s.later(p)
	got := p.Box().Cap()
	s.later(got)
	p1 := foo(s.Context(), got, 321, false)
	p2 := testcap.Boss(got).Grault(s.Context(), nil)
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "bar")
	if err := testcap.CheckRecord(must[testcap.Record](s, p2)); err != nil {
		s.Error(err)
	}
	s.wantSettled(p, false)
	want(s, "calls", s.w.Calls.Load(), 4)
	got.Release()
	p.Release()
	s.poll()
	want(s, "cancelled", s.w.Cancelled.Load(), 1)
}

func releaseCapability(s *scene) {
	lab := s.lab()
	p1, p2 := lab.Handle(s.Context(), nil), lab.Handle(s.Context(), nil)
	h1 := must[testcap.LabHandleResults](s, p1).Handle()
	h2 := must[testcap.LabHandleResults](s, p2).Handle()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 2)
	h1.Release()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 1)
	ref := capnp.AddRef(h2)
	h2.Release()
	s.poll()
	want(s, "handles while one reference is left", s.w.Handles.Load(), 1)
	ref.Release()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 0)
	// What nobody takes out of the results goes with the promise.
	p := lab.Handle(s.Context(), nil)
	must[testcap.LabHandleResults](s, p)
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 1)
	p.Release()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 0)
}

func canceledDuringReturn(s *scene) {
	lab := s.lab()
	if err := lab.Resolve(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.toAlice.Hold()
	p := lab.Handle(s.Context(), nil)
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 1) // the Return is on its way
	p.Release()
	s.poll() // and the Finish passes it
	s.toAlice.Resume()
	s.poll()
	want(s, "handles", s.w.Handles.Load(), 0)
	s.alive(testcap.Sequence(lab))
}

func tailCall(s *scene) {
	var left, taken int // results that stay where they are
	s.listenBack = func(m wire.Message) {
		switch {
		case m.Which() == wire.MessageWhichCall && m.Call().SendResultsTo().Which() == wire.CallSendResultsToWhichYourself:
			left++
		case m.Which() == wire.MessageWhichReturn && m.Return().Which() == wire.ReturnWhichTakeFromOtherQuestion:
			taken++
		}
	}
	caller := s.tailCaller()
	callee := &testcap.Callee{}
	c := testcap.NewTailCallee(callee)
	s.later(c)
	p := caller.Foo(s.Context(), func(p testcap.TailCallerFooParamsBuilder) {
		p.SetI(456)
		p.SetCallee(c)
	})
	s.later(p)
	s.later(p.C())
	d0 := next(s.Context(), p.C(), 0)
	r := must[testcap.TailCalleeResult](s, p)
	want(s, "i", r.I(), 456)
	want(s, "t", r.T(), "from the tail caller")
	d1 := next(s.Context(), p.C(), 1)
	d2 := next(s.Context(), r.C(), 2) // C++ promises no order between this and p.C(); here they are one reference
	s.wantNext(0, d0, d1, d2)
	want(s, "calls of the callee", callee.Calls.Load(), 1)
	want(s, "calls of the caller", s.w.Calls.Load(), 1)
	want(s, "calls whose results stay at Alice", left, 1)
	want(s, "results that Alice is told to take", taken, 1)
}

// tailCallOf makes a call that is passed on: with an even number, by asking that the results stay.
func tailCallOf(s *scene, c testcap.TailCaller, callee testcap.TailCallee, i uint32) testcap.TailCalleeResultPromise {
	return c.Foo(s.Context(), func(p testcap.TailCallerFooParamsBuilder) {
		p.SetI(i)
		p.SetCallee(callee)
	})
}

func cancelTailCall(s *scene) {
	caller := s.tailCaller()
	callee := &testcap.HangingCallee{}
	c := testcap.NewTailCallee(callee)
	s.later(c)
	for i := range int64(2) {
		p := tailCallOf(s, caller, c, uint32(i))
		s.wantSettled(p, false)
		want(s, "calls", callee.Calls.Load(), i+1)
		want(s, "cancels", callee.Cancels.Load(), i)
		p.Release()
		s.poll()
		want(s, "calls", callee.Calls.Load(), i+1)
		want(s, "cancels", callee.Cancels.Load(), i+1)
	}
}

// tailCallRace cancels a call and lets its method pass it on at the same time, with the Finish
// before and after that, and whichever way it falls.
func tailCallRace(s *scene) {
	late := &testcap.LateTailCaller{}
	s.boot = testcap.NewTailCaller(late).Client
	caller := bootstrap[testcap.TailCaller](s)
	var seen [2]int
	for i := range 60 {
		late.Go = make(chan struct{})
		callee := &testcap.HangingCallee{}
		c := testcap.NewTailCallee(callee)
		p := tailCallOf(s, caller, c, uint32(i/3))
		s.wantSettled(p, false)
		want(s, "calls", callee.Calls.Load(), 0)
		switch i % 3 {
		case 0: // the tail call goes out while the Finish is under way
			s.toBob.Hold()
			p.Release()
			close(late.Go)
			s.poll()
			s.toBob.Resume()
		case 1: // the Finish is there first
			p.Release()
			s.poll()
			close(late.Go)
		default:
			go close(late.Go)
			p.Release()
		}
		s.poll()
		calls := callee.Calls.Load()
		seen[min(calls, 1)]++
		if calls > 1 || callee.Cancels.Load() != calls {
			s.Fatalf("round %d: %d calls, %d cancelled", i, calls, callee.Cancels.Load())
		}
		if i%3 == 0 {
			want(s, "calls when the Finish is late", calls, 1)
		}
		c.Release()
	}
	s.Logf("passed on %d times, not %d times", seen[1], seen[0])
}

// counted returns a worker at Alice and the number of objects of hers that are referred to.
func counted(s *scene) (testcap.Worker, *atomic.Int64) {
	live := new(atomic.Int64)
	return testcap.Counted(testcap.NewWorld().Worker(), live), live
}

func cancellation(s *scene) {
	lab := s.lab()
	c, live := counted(s)
	ctx, cancel := context.WithCancel(s.Context())
	p := lab.NeverReturn(ctx, func(p testcap.LabNeverReturnParamsBuilder) { p.SetCap(c) })
	c.Release()
	s.wantSettled(p, false)
	want(s, "capabilities held", live.Load(), 1)
	want(s, "cancelled", s.w.Cancelled.Load(), 0)
	cancel()
	s.poll()
	want(s, "capabilities held", live.Load(), 0)
	want(s, "cancelled", s.w.Cancelled.Load(), 1)
	if _, err := p.Wait(); err != context.Canceled {
		s.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func resolvePromise(s *scene) {
	lab := s.lab()
	c, r := capnp.NewPromise[testcap.Worker]()
	p1 := lab.CallFoo(s.Context(), func(p testcap.LabCallFooParamsBuilder) { p.SetCap(c) })
	p2 := lab.CallFooWhenResolved(s.Context(), func(p testcap.LabCallFooWhenResolvedParamsBuilder) { p.SetCap(c) })
	c.Release()
	s.alive(testcap.Sequence(lab)) // the methods have begun
	s.wantSettled(p1, false)
	s.wantSettled(p2, false)
	here := testcap.NewWorld()
	real := here.Worker()
	r.Resolve(real)
	real.Release()
	want(s, "s", must[testcap.LabCallFooResults](s, p1).S(), "bar")
	want(s, "s", must[testcap.LabCallFooWhenResolvedResults](s, p2).S(), "bar")
	want(s, "calls here", here.Calls.Load(), 2)
	want(s, "calls there", s.w.Calls.Load(), 1)
}

func cancelReleasesParams(s *scene) {
	lab := s.lab()
	c, live := counted(s)
	p := lab.NeverReturn(s.Context(), func(p testcap.LabNeverReturnParamsBuilder) { p.SetCap(c) })
	c.Release()
	s.wantNext(0, next(s.Context(), testcap.Sequence(lab), 0), next(s.Context(), testcap.Sequence(lab), 1))
	want(s, "capabilities held", live.Load(), 1)
	p.Release()
	s.poll()
	want(s, "capabilities held", live.Load(), 0)
}

func sameCapTwice(s *scene) {
	lab := s.lab()
	c, live := counted(s)
	callFoo := func() testcap.LabCallFooResultsPromise {
		return lab.CallFoo(s.Context(), func(p testcap.LabCallFooParamsBuilder) { p.SetCap(c) })
	}
	want(s, "s", must[testcap.LabCallFooResults](s, callFoo()).S(), "bar")
	s.poll()
	want(s, "exports after the call", s.alice.Stats().Exports, 0)
	s.toBob.Hold()
	p1, p2 := callFoo(), callFoo()
	s.poll()
	want(s, "exports for two calls", s.alice.Stats().Exports, 1)
	c.Release()
	s.toBob.Resume()
	want(s, "s", must[testcap.LabCallFooResults](s, p1).S(), "bar")
	want(s, "s", must[testcap.LabCallFooResults](s, p2).S(), "bar")
	s.poll()
	want(s, "capabilities held", live.Load(), 0)
}
