package rpc_test

import (
	"context"
	"errors"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/testcap"
)

// The cases of rpc-test.c++ about the order of calls on promises.

func echo(s *scene, lab testcap.Lab, c testcap.Sequence) testcap.LabEchoResultsPromise {
	p := lab.Echo(s.Context(), func(p testcap.LabEchoParamsBuilder) { p.SetCap(c) })
	s.later(p)
	s.later(p.Cap())
	return p
}

// sixCalls makes calls on an echo of c before and after the echo has returned.
func sixCalls(s *scene, lab testcap.Lab, c testcap.Sequence) []testcap.SequenceNextResultsPromise {
	early := next(s.Context(), testcap.Sequence(lab), 0)
	e := echo(s, lab, c)
	pipe := e.Cap()
	calls := []testcap.SequenceNextResultsPromise{next(s.Context(), pipe, 0), next(s.Context(), pipe, 1)}
	must[testcap.SequenceNextResults](s, early)
	calls = append(calls, next(s.Context(), pipe, 2))
	must[testcap.LabEchoResults](s, e)
	for i := range uint32(3) {
		calls = append(calls, next(s.Context(), pipe, 3+i))
	}
	return calls
}

func embargo(s *scene) {
	lab := s.lab()
	c := testcap.NewSequence(&testcap.Counter{})
	s.later(c)
	s.wantNext(0, sixCalls(s, lab, c)...)
}

// embargoBlocksUnwrap: who asks for the object behind a capability gets it after the calls that
// were made on the capability before.
func embargoBlocksUnwrap(s *scene) {
	lab := s.lab()
	counter := &testcap.Counter{}
	c := testcap.NewSequence(counter)
	s.later(c)
	s.poll()
	s.toAlice.Hold()
	e := echo(s, lab, c)
	pipe := e.Cap()
	calls := []testcap.SequenceNextResultsPromise{next(s.Context(), pipe, 0), next(s.Context(), pipe, 1), next(s.Context(), pipe, 2)}
	got := make(chan uint32, 1)
	go func() {
		impl, ok, err := capnp.Local[*testcap.Counter](s.Context(), pipe.Client)
		if !ok || err != nil || impl != counter {
			s.Errorf("got %v, %v, %v", impl, ok, err)
		}
		got <- counter.Count()
	}()
	s.poll()
	s.toBob.Hold() // the Disembargo
	s.toAlice.Resume()
	must[testcap.LabEchoResults](s, e)
	s.poll()
	want(s, "embargoes", s.alice.Stats().Embargoes, 1)
	if len(got) != 0 {
		s.Error("got at the object while the embargo was on")
	}
	s.toBob.Resume()
	s.wantNext(0, calls...)
	if at := <-got; at < 3 {
		s.Errorf("got at the object after %d calls, want 3", at)
	}
}

// promiseEchoer first returns a promise for its parameter, then its parameters.
type promiseEchoer struct {
	testcap.UnimplementedLab
	resolver *capnp.Resolver[testcap.Sequence]
	first    testcap.Sequence
}

func (p *promiseEchoer) Echo(_ context.Context, call testcap.LabEchoCall) error {
	c := call.Params().Cap()
	if p.resolver != nil {
		call.Results().SetCap(c)
		c.Release()
		return nil
	}
	p.first = c
	promise, r := capnp.NewPromise[testcap.Sequence]()
	p.resolver = r
	call.Results().SetCap(promise)
	promise.Release()
	return nil
}

// unwrapReceiverHosted sends a promise back to where it came from, which has resolved it to the
// sender's own object meanwhile.
func unwrapReceiverHosted(s *scene) {
	server := &promiseEchoer{}
	s.boot = testcap.NewLab(server).Client
	lab := bootstrap[testcap.Lab](s)
	counter := &testcap.Counter{}
	c := testcap.NewSequence(counter)
	s.later(c)
	e := echo(s, lab, c)
	must[testcap.LabEchoResults](s, e)
	reflected := e.Cap()
	s.toAlice.Hold()
	server.resolver.Resolve(server.first)
	server.first.Release()
	s.poll()
	again := echo(s, lab, reflected)
	s.poll()
	s.toAlice.Resume()
	must[testcap.LabEchoResults](s, again)
	s.wantUnwrap(again.Cap(), counter)
}

func (s *scene) wantUnwrap(c testcap.Sequence, counter *testcap.Counter) {
	s.Helper()
	impl, ok, err := capnp.Local[*testcap.Counter](s.Context(), c.Client)
	if !ok || err != nil || impl != counter {
		s.Errorf("the capability leads to %v: %v, %v, %v", c, impl, ok, err)
	}
}

// unwrapReceiverAnswer echoes what is itself an echo that has not come back.
func unwrapReceiverAnswer(s *scene) {
	lab := s.lab()
	counter := &testcap.Counter{}
	c := testcap.NewSequence(counter)
	s.later(c)
	e := echo(s, lab, c)
	again := echo(s, lab, e.Cap())
	must[testcap.LabEchoResults](s, e)
	must[testcap.LabEchoResults](s, again)
	s.wantUnwrap(again.Cap(), counter)
}

// tribble is the reflected form of the four-way race: Alice's promise becomes Bob's object while
// Bob's echo of the promise is on its way.
func tribble(s *scene) {
	lab := s.lab()
	if err := lab.Resolve(s.Context()); err != nil {
		s.Fatal(err)
	}
	c, r := capnp.NewPromise[testcap.Sequence]()
	e := echo(s, lab, c)
	c.Release()
	s.toAlice.Hold()
	s.poll()
	s.toBob.Hold()
	r.Resolve(testcap.Sequence(lab))
	s.poll()
	pipe := e.Cap()
	call0 := next(s.Context(), pipe, 0)
	s.toAlice.Resume()
	must[testcap.LabEchoResults](s, e)
	s.toAlice.Hold()
	s.toBob.Resume()
	call1 := next(s.Context(), pipe, 1)
	s.wantSettled(call0, false)
	s.wantSettled(call1, false)
	s.toAlice.Resume()
	s.wantNext(0, call0, call1)
}

func embargoError(s *scene) {
	lab := s.lab()
	c, r := capnp.NewPromise[testcap.Sequence]()
	calls := sixCalls(s, lab, c)
	c.Release()
	s.poll()
	r.Reject(errors.New("no such thing"))
	for i, p := range calls {
		if _, err := p.Wait(); err == nil {
			s.Errorf("call %d succeeded", i)
		}
	}
	s.alive(testcap.Sequence(lab))
}

func embargoNull(s *scene) {
	lab := s.lab()
	p := lab.Null(s.Context(), nil)
	s.later(p)
	c := p.Nothing()
	s.later(c)
	call0 := next(s.Context(), testcap.Sequence(c), 0)
	must[testcap.LabNullResults](s, p)
	call1 := next(s.Context(), testcap.Sequence(c), 1)
	for i, p := range []testcap.SequenceNextResultsPromise{call0, call1} {
		if _, err := p.Wait(); err == nil {
			s.Errorf("call %d on a null capability succeeded", i)
		}
	}
	s.alive(testcap.Sequence(lab))
	want(s, "embargoes", s.alice.Stats().Embargoes, 0)
}

func laterRejected(s *scene) {
	lab := s.lab()
	c, r := capnp.NewPromise[testcap.Worker]()
	must[testcap.LabHoldResults](s, lab.Hold(s.Context(), func(p testcap.LabHoldParamsBuilder) { p.SetCap(c) }))
	c.Release()
	p := lab.CallHeld(s.Context(), nil)
	s.wantSettled(p, false)
	r.Reject(errors.New("no such thing"))
	if _, err := p.Wait(); err == nil {
		s.Error("the call succeeded")
	}
	s.poll()
	s.alive(testcap.Sequence(lab))
	s.letGo(lab)
}

// letGo makes the lab hold nothing any more.
func (s *scene) letGo(lab testcap.Lab) {
	s.Helper()
	must[testcap.LabHoldResults](s, lab.Hold(s.Context(), nil))
}

func retainAndRelease(s *scene) {
	lab := s.lab()
	c, live := counted(s)
	must[testcap.LabHoldResults](s, lab.Hold(s.Context(), func(p testcap.LabHoldParamsBuilder) { p.SetCap(c) }))
	c.Release()
	s.wantNext(0, next(s.Context(), testcap.Sequence(lab), 0))
	want(s, "capabilities held", live.Load(), 1)
	want(s, "s", must[testcap.LabCallHeldResults](s, lab.CallHeld(s.Context(), nil)).S(), "bar")

	p := lab.Held(s.Context(), nil)
	back := must[testcap.LabHeldResults](s, p).Cap()
	s.poll()
	sent := s.alice.Stats().MessagesSent
	if err := testcap.CallFoo(s.Context(), back); err != nil {
		s.Error(err)
	}
	want(s, "messages sent for a call of one's own object", s.alice.Stats().MessagesSent-sent, 0)
	q := lab.CallFoo(s.Context(), func(p testcap.LabCallFooParamsBuilder) { p.SetCap(back) })
	want(s, "s", must[testcap.LabCallFooResults](s, q).S(), "bar")
	back.Release()
	p.Release()
	for i := range uint32(3) {
		s.wantNext(1+i, next(s.Context(), testcap.Sequence(lab), 1+i))
	}
	s.poll()
	want(s, "capabilities held", live.Load(), 1)
	s.letGo(lab)
	s.poll()
	want(s, "capabilities held", live.Load(), 0)
}
