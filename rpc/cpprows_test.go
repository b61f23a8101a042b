package rpc_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
	"lanyard.dev/rpc/internal/testnet"
)

// The cases of rpc-test.c++ about errors, rows of the tables and the end of connections.

// sendBadReturn makes Bob a connection and sends him the Return of a call that he did not make.
func sendBadReturn(s *scene, wrap func(io.ReadWriteCloser) io.ReadWriteCloser) (*testnet.End, *rpc.Conn) {
	mine, his := testnet.Pipe(0)
	bob := rpc.NewConn(wrap(his), &rpc.Options{Bootstrap: s.boot})
	b := capnp.NewMessage(nil)
	ret := wire.NewRootMessage(b).NewReturn()
	ret.SetAnswerId(1234)
	ret.SetCanceled()
	if _, err := mine.Write(frame.Marshal(b)); err != nil {
		s.Fatal(err)
	}
	return mine, bob
}

func abort(s *scene) {
	mine, bob := sendBadReturn(s, func(x io.ReadWriteCloser) io.ReadWriteCloser { return x })
	r := frame.NewReader(mine, nil)
	m, err := r.Read()
	if err != nil {
		s.Fatal(err)
	}
	if got := capnp.Root[wire.Message](m); got.Which() != wire.MessageWhichAbort {
		s.Errorf("got %v, want an abort", got.Which())
	} else {
		s.Log(got.Abort().Reason())
	}
	if _, err := r.Read(); err != io.EOF {
		s.Errorf("after the abort: %v, want EOF", err)
	}
	<-bob.Done()
}

// badCloser fails to close.
type badCloser struct{ io.ReadWriteCloser }

func (b badCloser) Close() error {
	b.ReadWriteCloser.Close()
	return errors.New("close failed")
}

func throwsOnDisconnect(s *scene) {
	_, bob := sendBadReturn(s, func(x io.ReadWriteCloser) io.ReadWriteCloser { return badCloser{x} })
	<-bob.Done()
	want(s, "rows", rows(bob), 0)
}

// loopback is a vat that is connected to itself.
func loopback(s *scene) {
	s.aliceOpt.Bootstrap = s.boot
	c := bootstrap[testcap.Worker](s)
	if err := testcap.CallFoo(s.Context(), c); err != nil {
		s.Error(err)
	}
	want(s, "calls", s.w.Calls.Load(), 1)
}

func fail(s *scene, lab testcap.Lab, how testcap.LabFailure) testcap.LabFailResultsPromise {
	return lab.Fail(s.Context(), func(p testcap.LabFailParamsBuilder) { p.SetHow(how) })
}

func throws(s *scene) {
	x := fails[testcap.LabFailResults](s, fail(s, s.lab(), testcap.LabFailurePlain), capnp.Failed, "remote exception: test exception")
	want(s, "trace", x.Trace, "")
}

func throwsRemote(s *scene) {
	fails[testcap.LabFailResults](s, fail(s, s.lab(), testcap.LabFailureRemote), capnp.Failed, "remote exception: test exception")
}

func throwsDetail(s *scene) {
	x := fails[testcap.LabFailResults](s, fail(s, s.lab(), testcap.LabFailureDetailed), capnp.Failed, "remote exception: test exception")
	if len(x.Details) != 1 || x.Details[0].ID != testcap.FailDetail || string(x.Details[0].Data) != "foo" {
		s.Errorf("details: %v", x.Details)
	}
}

// throwsTrace: a trace crosses when both ends say so, as the encoder made it.
func throwsTrace(s *scene) {
	s.aliceOpt.Traces = &rpc.Traces{}
	s.bobOpt.Traces = &rpc.Traces{Redact: func(stack string) string { return fmt.Sprintf("trace with %v lines", strings.Count(stack, "\n") > 1) }}
	p := s.lab().Fail(s.Context(), func(p testcap.LabFailParamsBuilder) { p.SetHow(testcap.LabFailurePanic) })
	x := fails[testcap.LabFailResults](s, p, capnp.Failed, "remote exception: the method panicked")
	want(s, "trace", x.Trace, "trace with true lines")
}

// disconnectDetail: the transport says more than that it has ended.
func disconnectDetail(s *scene) {
	c := bootstrap[testcap.Worker](s)
	if err := c.Resolve(s.Context()); err != nil {
		s.Fatal(err)
	}
	why := &capnp.Exception{Kind: capnp.Failed, Reason: "pulled the plug", Details: []capnp.Detail{{ID: testcap.FailDetail, Data: []byte("foo")}}}
	s.toAlice.Cut(why)
	s.poll()
	_, err := foo(s.Context(), c, 123, true).Wait()
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok || x.Kind != capnp.Disconnected || len(x.Details) != 1 || string(x.Details[0].Data) != "foo" {
		s.Errorf("got %#v", err)
	}
	if !errors.Is(err, error(why)) {
		s.Errorf("%v does not wrap the transport's error", err)
	}
}

// pointers calls Chain.pointers with a capability and so much text.
func pointers(s *scene, c testcap.Chain, w testcap.Worker, size int) testcap.ChainPointersResultsPromise {
	return c.Pointers(s.Context(), func(p testcap.ChainPointersParamsBuilder) {
		p.SetCap(w)
		p.NewAny().SetText(strings.Repeat("x", size))
	})
}

// callFooOf calls Lab.callFoo with c.
func callFooOf(s *scene, lab testcap.Lab, c testcap.Worker) testcap.LabCallFooResultsPromise {
	return lab.CallFoo(s.Context(), func(p testcap.LabCallFooParamsBuilder) { p.SetCap(c) })
}

// An export is a descriptor that Alice sent.
type export struct {
	promise bool
	id      uint32
}

// exportsOf makes s record the capabilities in the parameters of Alice's calls.
func exportsOf(s *scene) *[]export {
	var got []export
	s.listen = func(m wire.Message) {
		if m.Which() != wire.MessageWhichCall {
			return
		}
		for _, d := range m.Call().Params().CapTable().All() {
			switch d.Which() {
			case wire.CapDescriptorWhichSenderHosted:
				got = append(got, export{false, d.SenderHosted()})
			case wire.CapDescriptorWhichSenderPromise:
				got = append(got, export{true, d.SenderPromise()})
			}
		}
	}
	return &got
}

func (s *scene) wantExports(got *[]export, want ...export) {
	s.Helper()
	s.poll()
	if len(*got) != len(want) {
		s.Fatalf("exports: got %v, want %v", *got, want)
	}
	for i, x := range want {
		if (*got)[i] != x {
			s.Fatalf("exports: got %v, want %v", *got, want)
		}
	}
	*got = nil
}

// sendFails: a call that cannot be sent leaves no export behind. Here it is too large.
func sendFails(s *scene) {
	got := exportsOf(s)
	lab := s.lab()
	chain := s.chain()
	newPromise := func() (testcap.Worker, *capnp.Resolver[testcap.Worker]) {
		c, r := capnp.NewPromise[testcap.Worker]()
		s.later(c)
		return c, r
	}
	for range 2 {
		c, _ := newPromise()
		if _, err := pointers(s, chain, c, 9<<20).Wait(); err == nil {
			s.Fatal("a message of 9 MB was sent")
		}
		s.wantExports(got)
		want(s, "exports", s.alice.Stats().Exports, 0)
	}
	// The next one gets the first number, and keeps it while Bob holds the capability.
	held, _ := newPromise()
	must[testcap.LabHoldResults](s, lab.Hold(s.Context(), func(p testcap.LabHoldParamsBuilder) { p.SetCap(held) }))
	s.wantExports(got, export{true, 0})
	c, r := newPromise()
	p := callFooOf(s, lab, c)
	s.wantSettled(p, false)
	s.wantExports(got, export{true, 1})
	here := testcap.NewWorld()
	real := here.Worker()
	s.later(real)
	r.Resolve(real)
	want(s, "s", must[testcap.LabCallFooResults](s, p).S(), "bar")
	want(s, "calls", here.Calls.Load(), 1)
	s.poll()
	// That number is free again.
	c, _ = newPromise()
	p = callFooOf(s, lab, c)
	s.wantSettled(p, false)
	s.wantExports(got, export{true, 1})
	p.Release()
	s.letGo(lab)
}

func exportTwice(s *scene) {
	got := exportsOf(s)
	lab := s.lab()
	never, r1 := capnp.NewPromise[testcap.Worker]()
	other, r2 := capnp.NewPromise[testcap.Worker]()
	p1 := callFooOf(s, lab, never)
	s.wantSettled(p1, false)
	p2 := callFooOf(s, lab, never)
	s.wantSettled(p2, false)
	s.wantExports(got, export{true, 0}, export{true, 0})
	p3 := callFooOf(s, lab, other)
	s.wantSettled(p3, false)
	s.wantExports(got, export{true, 1})
	here := testcap.NewWorld()
	a, b := here.Worker(), here.Worker()
	s.toBob.Hold()
	p4, p5, p6 := callFooOf(s, lab, a), callFooOf(s, lab, a), callFooOf(s, lab, b)
	s.wantExports(got, export{false, 2}, export{false, 2}, export{false, 3})
	s.toBob.Resume()
	for _, p := range []testcap.LabCallFooResultsPromise{p4, p5, p6} {
		want(s, "s", must[testcap.LabCallFooResults](s, p).S(), "bar")
	}
	want(s, "calls", here.Calls.Load(), 3)
	r1.Resolve(a)
	r2.Resolve(b)
	for _, p := range []testcap.LabCallFooResultsPromise{p1, p2, p3} {
		want(s, "s", must[testcap.LabCallFooResults](s, p).S(), "bar")
	}
	for _, c := range []testcap.Worker{never, other, a, b} {
		c.Release()
	}
}

func idle(s *scene) {
	s.connect()
	s.wantIdle()
	busy := func() bool { s.poll(); return rows(s.alice) > 0 && rows(s.bob) > 0 }
	for range 2 {
		c := rpc.Bootstrap[testcap.Worker](s.Context(), s.alice)
		p := c.Lab(s.Context(), nil)
		c.Release()
		lab := p.Cap()
		p.Release()
		want(s, "busy with a capability", busy(), true)
		call := lab.NeverReturn(s.Context(), nil)
		lab.Release()
		want(s, "busy with a call", busy(), true)
		call.Release()
		s.poll()
		s.wantIdle()
	}
}

func cleanShutdown(s *scene) {
	s.connect()
	c := rpc.Bootstrap[testcap.Worker](s.Context(), s.alice)
	if err := c.Resolve(s.Context()); err != nil {
		s.Error(err)
	}
	c.Release()
	s.poll()
	s.wantIdle()
	a, b := s.alice.Stats(), s.bob.Stats()
	s.alice.Close()
	<-s.bob.Done()
	want(s, "messages sent by Alice", s.alice.Stats().MessagesSent-a.MessagesSent, 0)
	want(s, "messages sent by Bob", s.bob.Stats().MessagesSent-b.MessagesSent, 0)
	s.wantIdle()
}
