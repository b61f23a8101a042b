package rpc_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
	"weak"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc/internal/testcap"
)

// TestCapabilitySuite is capability-test.c++: objects in one process, no connection.
func TestCapabilitySuite(t *testing.T) {
	play(t, "Basic", localBasic)
	play(t, "CapabilityList", capabilityList)
	play(t, "Inheritance", inheritance)
	play(t, "Pipelining", localPipelining)
	play(t, "use pipeline after dropping response", pipelineAfterResponse)
	play(t, "context.setPipeline", localSetPipeline)
	play(t, "TailCall", localTailCall)
	play(t, "AsyncCancelation", localCancellation)
	play(t, "AnyPointersAndOrphans", anyPointers)
	play(t, "Lists", lists)
	play(t, "KeywordMethods", keywordMethods)
	play(t, "Generics", generics)
	play(t, "ImplicitParams", generics)
	play(t, "CapabilityServerSet", serverSet)
	t.Run("ThisCap", thisCap)
	play(t, "TransferCap", transferCap)
	play(t, "clone() with caps", cloneWithCaps)
	play(t, "Streaming calls block subsequent calls", streamsBlock)
	play(t, "Streaming calls can be canceled", streamsCanceled)
	play(t, "Streaming call throwing cascades to following calls", streamsCascade)
	play(t, "RevocableServer", revocable)
	play(t, "servers can be refcounted", serverTwice)
}

func localBasic(s *scene) {
	c := s.w.Worker()
	p1 := foo(s.Context(), c, 123, true)
	p2 := c.Baz(s.Context(), func(p testcap.WorkerBazParamsBuilder) { testcap.FillRecord(p.NewS()) })
	p3 := c.Bar(s.Context(), nil)
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "foo")
	must[testcap.WorkerBazResults](s, p2)
	if _, err := p3.Wait(); !errors.Is(err, capnp.Unimplemented) {
		s.Errorf("got %v, want unimplemented", err)
	}
	want(s, "calls", s.w.Calls.Load(), 2)
}

// works checks that c is the object that counts in w.
func (s *scene) works(c testcap.Worker, w *testcap.World) {
	s.Helper()
	n := w.Calls.Load()
	if err := testcap.CallFoo(s.Context(), c); err != nil {
		s.Error(err)
	}
	want(s, "calls", w.Calls.Load(), n+1)
}

// threeWorkers returns objects that count for themselves.
func threeWorkers() (ws [3]*testcap.World, cs []testcap.Worker) {
	for i := range ws {
		ws[i] = testcap.NewWorld()
		cs = append(cs, ws[i].Worker())
	}
	return ws, cs
}

func capabilityList(s *scene) {
	ws, cs := threeWorkers()
	b := capnp.NewMessage(nil)
	l := capnp.NewList[testcap.Worker](b.Root(), capnp.KindClient, 2)
	l.Set(0, cs[0])
	l.Set(1, cs[1])
	got := capnp.ListOf[testcap.Worker](b.Seal().Root(), capnp.KindClient)
	want(s, "length", got.Len(), 2)
	s.works(got.At(0), ws[0])
	s.works(got.At(1), ws[1])
}

func inheritance(s *scene) {
	boss := s.w.Boss()
	up := testcap.Worker(boss)
	down := testcap.Boss(up)
	p1 := foo(s.Context(), testcap.Worker(down), 321, false)
	p2 := down.Grault(s.Context(), nil)
	p3 := down.Foo(s.Context(), func(p testcap.WorkerFooParamsBuilder) { p.SetI(321) }) // of the super interface
	if err := testcap.CheckRecord(must[testcap.Record](s, p2)); err != nil {
		s.Error(err)
	}
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "bar")
	want(s, "x", must[testcap.WorkerFooResults](s, p3).X(), "bar")
	want(s, "calls", s.w.Calls.Load(), 3)
}

func give(s *scene, here *testcap.World) testcap.ChainGiveResultsPromise {
	with := here.Worker()
	return s.w.Chain().Give(s.Context(), func(p testcap.ChainGiveParamsBuilder) {
		p.SetN(234)
		p.SetWith(with)
	})
}

// usePipe calls what a call of give or giveEarly returns.
func usePipe(s *scene, box testcap.Worker) {
	s.Helper()
	p1 := foo(s.Context(), box, 321, false)
	p2 := testcap.Boss(box).Grault(s.Context(), nil)
	want(s, "x", must[testcap.WorkerFooResults](s, p1).X(), "bar")
	if err := testcap.CheckRecord(must[testcap.Record](s, p2)); err != nil {
		s.Error(err)
	}
}

func localPipelining(s *scene) {
	here := testcap.NewWorld()
	p := give(s, here)
	box := p.Box().Cap()
	p.Release()
	usePipe(s, box)
	want(s, "calls", s.w.Calls.Load(), 3)
	want(s, "calls of the parameter", here.Calls.Load(), 1)
}

func pipelineAfterResponse(s *scene) {
	here := testcap.NewWorld()
	p := give(s, here)
	want(s, "s", must[testcap.ChainGiveResults](s, p).S(), "bar")
	usePipe(s, p.Box().Cap())
	want(s, "calls", s.w.Calls.Load(), 3)
	want(s, "calls of the parameter", here.Calls.Load(), 1)
}

func localSetPipeline(s *scene) {
	p := s.w.Chain().GiveEarly(s.Context(), nil)
	box := p.Box().Cap()
	usePipe(s, box)
	want(s, "calls", s.w.Calls.Load(), 3)
	s.wantSettled(p, false)
	box.Release()
	p.Release()
	s.poll()
	want(s, "cancelled", s.w.Cancelled.Load(), 1)
}

func localTailCall(s *scene) {
	callee := &testcap.Callee{}
	p := s.w.TailCaller().Foo(s.Context(), func(p testcap.TailCallerFooParamsBuilder) {
		p.SetI(456)
		p.SetCallee(testcap.NewTailCallee(callee))
	})
	d0 := next(s.Context(), p.C(), 0)
	r := must[testcap.TailCalleeResult](s, p)
	want(s, "i", r.I(), 456)
	d1 := next(s.Context(), p.C(), 1)
	d2 := next(s.Context(), r.C(), 2)
	s.wantNext(0, d0, d1, d2)
	want(s, "calls of the callee", callee.Calls.Load(), 1)
	want(s, "calls of the caller", s.w.Calls.Load(), 1)
}

func localCancellation(s *scene) {
	c, live := counted(s)
	p := s.w.Lab().NeverReturn(s.Context(), func(p testcap.LabNeverReturnParamsBuilder) { p.SetCap(c) })
	c.Release()
	s.wantSettled(p, false)
	want(s, "capabilities held", live.Load(), 1)
	p.Release()
	s.poll()
	want(s, "capabilities held", live.Load(), 0)
	want(s, "cancelled", s.w.Cancelled.Load(), 1)
}

// anyPointers moves capabilities between a field of their type and one of any type. Go has no
// orphans: a capability that is taken out is a client, and clearing the field gives the message's
// own reference back.
func anyPointers(s *scene) {
	ws, cs := threeWorkers()
	b := capnp.NewMessage(nil)
	p := testcap.ChainPointersParamsBuilder(capnp.NewRootStruct(b, testcap.ChainPointersMethod.Spec().Params))
	p.SetCap(cs[0])
	view := capnp.View[testcap.ChainPointersParams](p)
	s.works(view.Cap(), ws[0])
	moved := view.Cap()
	p.SetCap(testcap.Worker{})
	want(s, "null cap", view.Cap().IsNull(), true)
	s.works(moved, ws[0])
	p.NewAny().SetClient(moved.Client)
	s.works(testcap.Worker{Client: view.Any().Client()}, ws[0])
	s.works(testcap.Worker{Client: p.EditAny().Client()}, ws[0])
	p.EditAny().Clear()
	want(s, "has any", p.HasAny(), false)
	p.EditAny().SetClient(cs[1].Client)
	s.works(testcap.Worker{Client: view.Any().Client()}, ws[1])
	p.SetCap(testcap.Worker{Client: p.EditAny().Client()})
	s.works(view.Cap(), ws[1])
}

func lists(s *scene) {
	ws, cs := threeWorkers()
	b := capnp.NewMessage(nil)
	p := testcap.ChainPointersParamsBuilder(capnp.NewRootStruct(b, testcap.ChainPointersMethod.Spec().Params))
	p.SetList(cs)
	for i, c := range p.EditList().All() {
		s.works(c, ws[i])
	}
	for i, c := range capnp.View[testcap.ChainPointersParams](p).List().All() {
		s.works(c, ws[i])
	}
}

type names struct {
	testcap.UnimplementedNames
	called []string
}

func (n *names) call(name string) error { n.called = append(n.called, name); return nil }

func (n *names) Delete(context.Context, testcap.NamesDeleteCall) error { return n.call("delete") }
func (n *names) Return(context.Context, testcap.NamesReturnCall) error { return n.call("return") }
func (n *names) Func(_ context.Context, c testcap.NamesFuncCall) error {
	c.Results().SetType("type")
	return n.call("func")
}
func (n *names) ReleaseMethod(context.Context, testcap.NamesReleaseCall) error {
	return n.call("release")
}

func keywordMethods(s *scene) {
	n := &names{}
	c := testcap.NewNames(n)
	must[testcap.NamesDeleteResults](s, c.Delete(s.Context(), nil))
	must[testcap.NamesReturnResults](s, c.Return(s.Context(), nil))
	want(s, "type", must[testcap.NamesFuncResults](s, c.Func(s.Context(), nil)).Type(), "type")
	must[testcap.NamesReleaseResults](s, c.ReleaseMethod(s.Context(), nil))
	c.Release() // the capability's own
	want(s, "methods called", len(n.called), 4)
}

type genericSwapper struct{ testcap.UnimplementedGeneric }

func (genericSwapper) Swap(_ context.Context, call testcap.GenericSwapCall) error {
	call.Results().SetT(call.Params().U())
	call.Results().SetU(call.Params().T())
	return nil
}

// generics: parameters of type are pointers of any type in Go, those of a method, too.
func generics(s *scene) {
	c := testcap.NewGeneric(genericSwapper{})
	r := must[testcap.GenericSwapResults](s, c.Swap(s.Context(), func(p testcap.GenericSwapParamsBuilder) {
		p.NewT().SetText("a text")
		testcap.FillRecord(testcap.RecordBuilder(p.NewU().NewStruct(testcap.RecordSize)))
	}))
	want(s, "u", r.U().Text(), "a text")
	if err := testcap.CheckRecord(capnp.PtrAs[testcap.Record](r.T())); err != nil {
		s.Error(err)
	}
}

type workerOne struct{ testcap.UnimplementedWorker }

// serverSet: a type of Go's is what a set is in C++.
func serverSet(s *scene) {
	one := &workerOne{}
	two := &aloof{}
	c1, c2 := testcap.NewWorker(one), testcap.NewWorker(two)
	if impl, ok, err := capnp.Local[*workerOne](s.Context(), c1.Client); impl != one || !ok || err != nil {
		s.Errorf("own object: %v, %v, %v", impl, ok, err)
	}
	if impl, ok, err := capnp.Local[*aloof](s.Context(), c2.Client); impl != two || !ok || err != nil {
		s.Errorf("own object: %v, %v, %v", impl, ok, err)
	}
	if _, ok, err := capnp.Local[*workerOne](s.Context(), c2.Client); ok || err != nil {
		s.Errorf("another type: %v, %v", ok, err)
	}
	if _, ok, _ := capnp.Local[*workerOne](s.Context(), capnp.Client{}); ok {
		s.Error("a null capability has an object")
	}
	sync := func(c testcap.Worker, want any) {
		s.Helper()
		if impl, ok := capnp.LocalImpl(c.Client); ok != (want != nil) || ok && impl != want {
			s.Errorf("at once: %v, %v", impl, ok)
		}
	}
	sync(c1, one)

	promise, r := capnp.NewPromise[testcap.Worker]()
	bad, rBad := capnp.NewPromise[testcap.Worker]()
	sync(promise, nil)
	sync(bad, nil)
	type found struct {
		ok  bool
		err error
	}
	got := make([]chan found, 3)
	for i, find := range []func() (bool, error){
		func() (bool, error) {
			_, ok, err := capnp.Local[*workerOne](s.Context(), promise.Client)
			return ok, err
		},
		func() (bool, error) {
			_, ok, err := capnp.Local[*aloof](s.Context(), promise.Client)
			return ok, err
		},
		func() (bool, error) {
			_, ok, err := capnp.Local[*workerOne](s.Context(), bad.Client)
			return ok, err
		},
	} {
		got[i] = make(chan found, 1)
		go func() {
			ok, err := find()
			got[i] <- found{ok, err}
		}()
	}
	s.poll()
	want(s, "found before the promises are known", len(got[0])+len(got[1])+len(got[2]), 0)
	why := errors.New("no such thing")
	r.Resolve(c1)
	rBad.Reject(why)
	want(s, "right type", <-got[0], found{true, nil})
	want(s, "wrong type", <-got[1], found{false, nil})
	if f := <-got[2]; f.ok || !errors.Is(f.err, why) {
		s.Errorf("rejected: %v", f)
	}
	sync(promise, one)
	sync(bad, nil)
}

// selfish hands out its own capability.
type selfish struct {
	testcap.UnimplementedLab
	calls int
	self  capnp.Client
}

func (o *selfish) Null(_ context.Context, call testcap.LabNullCall) error {
	o.calls++
	if o.self.IsNull() {
		o.self = call.Self()
	}
	return nil
}

// thisCap: a capability that a method got of its own object keeps the object, and when it is gone
// so is the object.
func thisCap(t *testing.T) {
	o := &selfish{}
	gone := weak.Make(o)
	c := testcap.NewLab(o)
	call := func(c testcap.Lab, n int) {
		t.Helper()
		if _, err := c.Null(t.Context(), nil).Wait(); err != nil || o.calls != n {
			t.Fatalf("%v, %d calls, want %d", err, o.calls, n)
		}
	}
	call(c, 1)
	self := testcap.Lab{Client: o.self}
	call(self, 2)
	if !capnp.Same(c.Client, self.Client) {
		t.Error("the object's own capability is another one")
	}
	c.Release()
	call(self, 3)
	self.Release()
	o.self = capnp.Client{}
	o, c, self = nil, testcap.Lab{}, testcap.Lab{}
	for end := time.Now().Add(10 * time.Second); gone.Value() != nil; runtime.GC() {
		if time.Now().After(end) {
			t.Fatal("the object is still there")
		}
	}
}

// transferCap copies a broken capability from one message to another.
func transferCap(s *scene) {
	why := errors.New("whatever")
	from, to := capnp.NewMessage(nil), capnp.NewMessage(nil)
	b := testcap.NewRootChainBox(from)
	b.SetCap(testcap.Worker{Client: capnp.Broken(why)})
	to.Root().Set(from.Seal().Root())
	c := capnp.Root[testcap.ChainBox](to.Seal()).Cap()
	if err := c.Resolve(s.Context()); !errors.Is(err, why) {
		s.Errorf("got %v, want %v", err, why)
	}
}

func cloneWithCaps(s *scene) {
	_, cs := threeWorkers()
	from, to := capnp.NewMessage(nil), capnp.NewMessage(nil)
	l := capnp.NewList[testcap.Worker](from.Root(), capnp.KindClient, 3)
	for i, c := range cs {
		l.Set(i, c)
	}
	to.Root().Set(from.Seal().Root())
	copied := capnp.ListOf[testcap.Worker](to.Seal().Root(), capnp.KindClient)
	want(s, "length", copied.Len(), 3)
	for i, c := range copied.All() {
		for j, o := range cs {
			want(s, "the same", capnp.Same(c.Client, o.Client), i == j)
		}
	}
}

func streamsBlock(s *scene) {
	o := &testcap.Adder{Go: make(chan struct{})}
	c := testcap.NewStreamer(o)
	addI(s, c, 123)
	addJ(s, c, 321)
	addI(s, c, 456)
	finished := c.Finish(s.Context(), nil)
	for _, sums := range [][2]uint32{{123, 0}, {123, 321}, {579, 321}} {
		s.wantSettled(finished, false)
		want(s, "sums", [2]uint32{o.I.Load(), o.J.Load()}, sums)
		o.Go <- struct{}{}
	}
	r := must[testcap.StreamerFinishResults](s, finished)
	want(s, "totals", [2]uint32{r.TotalI(), r.TotalJ()}, [2]uint32{579, 321})
}

// streamsCanceled gives a streaming call up before its turn.
func streamsCanceled(s *scene) {
	o := &testcap.Adder{Go: make(chan struct{})}
	c := testcap.NewStreamer(o)
	addI(s, c, 123)
	ctx, cancel := context.WithCancel(s.Context())
	if err := c.AddJ(ctx, func(p testcap.StreamerAddJParamsBuilder) { p.SetJ(321) }); err != nil {
		s.Error(err)
	}
	addI(s, c, 456)
	finished := c.Finish(s.Context(), nil)
	s.poll()
	cancel()
	s.wantSettled(finished, false)
	want(s, "sums", [2]uint32{o.I.Load(), o.J.Load()}, [2]uint32{123, 0})
	o.Go <- struct{}{}
	s.wantSettled(finished, false)
	want(s, "sums", [2]uint32{o.I.Load(), o.J.Load()}, [2]uint32{579, 0})
	o.Go <- struct{}{}
	r := must[testcap.StreamerFinishResults](s, finished)
	want(s, "totals", [2]uint32{r.TotalI(), r.TotalJ()}, [2]uint32{579, 0})
}

func streamsCascade(s *scene) {
	o := &testcap.Adder{Go: make(chan struct{}), FailJ: true}
	c := testcap.NewStreamer(o)
	addI(s, c, 123)
	addJ(s, c, 321)
	addI(s, c, 456)
	finished := c.Finish(s.Context(), nil)
	s.wantSettled(finished, false)
	want(s, "sums", [2]uint32{o.I.Load(), o.J.Load()}, [2]uint32{123, 0})
	o.Go <- struct{}{}
	s.wantSettled(finished, true)
	want(s, "sums", [2]uint32{o.I.Load(), o.J.Load()}, [2]uint32{123, 321})
	if _, err := finished.Wait(); err == nil || err.Error() != "failing as told" {
		s.Errorf("the call after it: %v", err)
	}
	err := c.AddI(s.Context(), nil)
	if err == nil || err.Error() != "failing as told" {
		s.Errorf("the next write: %v", err)
	}
}

// revocable: here it is the capability that is revoked, not the object.
func revocable(s *scene) {
	live := &s.w.Handles
	lab := testcap.Counted(s.w.Lab(), live)
	c, revoke := ocap.Revocable(lab)
	lab.Release()
	want(s, "in use", live.Load(), 1)
	p := c.NeverReturn(s.Context(), nil)
	s.wantSettled(p, false)
	revoke()
	if _, err := p.Wait(); !errors.Is(err, ocap.Revoked) {
		s.Errorf("the call under way: %v", err)
	}
	if _, err := c.NeverReturn(s.Context(), nil).Wait(); !errors.Is(err, ocap.Revoked) {
		s.Errorf("a later call: %v", err)
	}
	s.poll()
	want(s, "in use", live.Load(), 0)
	want(s, "cancelled", s.w.Cancelled.Load(), 1)
	c.Release()
}

// serverTwice: each New makes an object of its own of the same implementation; references to one
// object are made with AddRef.
func serverTwice(s *scene) {
	counter := &testcap.Counter{}
	c := testcap.NewSequence(counter)
	ref := capnp.AddRef(c)
	want(s, "the same", capnp.Same(c.Client, ref.Client), true)
	s.wantNext(0, next(s.Context(), c, 0), next(s.Context(), ref, 1))
	c.Release()
	s.wantNext(2, next(s.Context(), ref, 2))
	again := testcap.NewSequence(counter)
	want(s, "the same", capnp.Same(again.Client, ref.Client), false)
	s.wantNext(3, next(s.Context(), again, 3))
}
