package rpc_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
	"lanyard.dev/rpc/internal/testnet"
)

// TestTwoPartySuite is rpc-twoparty-test.c++.
func TestTwoPartySuite(t *testing.T) {
	play(t, "Basic", twoPartyBasic)
	play(t, "Pipelining", twoPartyPipelining)
	play(t, "Release", releaseCapability)
	play(t, "Abort", abort)
	t.Run("ConvenienceClasses", convenience)
	play(t, "HugeMessage", hugeMessage)
	t.Run("BootstrapFactory", bootstrapFactory)
	play(t, "Streaming over RPC", streaming)
	play(t, "Streaming over a chain of local and remote RPC calls", streamChain)
	play(t, "Streaming over RPC then unwrap with CapabilitySet", streamUnwrap)
	play(t, "promise cap resolves between starting request and sending it", resolvesInFill)
	play(t, "write error propagates to read error", writeError)
	play(t, "Streaming over RPC no premature cancellation when client dropped", streamDropped)
	t.Run("Dropping capability during call doesn't destroy server", droppedDuringCall)
	play(t, "Two-hop embargo", func(s *scene) { twoHop(s, testcap.NewSequence(&testcap.Counter{})) })
	play(t, "Two-hop embargo with a promise at the end", func(s *scene) { twoHop(s, eternalPromise()) })
}

// twoPartyBasic is basics on a transport that takes nothing for a while, with an eye on the queue.
func twoPartyBasic(s *scene) {
	s.capacity = 64
	s.connect()
	want(s, "queued at first", s.alice.Stats().QueuedBytes, 0)
	s.toBob.Hold()
	done := make(chan struct{})
	go func() {
		defer close(done)
		basics(s)
	}()
	s.poll()
	n := s.alice.Stats().QueuedBytes
	if n == 0 || n%8 != 0 {
		s.Errorf("queued while the peer takes nothing: %d", n)
	}
	s.toBob.Resume()
	<-done
	s.poll()
	want(s, "queued at last", s.alice.Stats().QueuedBytes, 0)
}

func twoPartyPipelining(s *scene) {
	pipelining(s)
	chain := s.chain()
	if err := chain.Resolve(s.Context()); err != nil {
		s.Fatal(err)
	}
	select {
	case <-s.alice.Done():
		s.Fatal("disconnected already")
	default:
	}
	s.toBob.Cut(nil) // Alice cannot write any more
	s.poll()
	calls := s.w.Calls.Load()
	here := testcap.NewWorld()
	with := here.Worker()
	s.later(with)
	p := chain.Give(s.Context(), func(p testcap.ChainGiveParamsBuilder) {
		p.SetN(234)
		p.SetWith(with)
	})
	s.later(p)
	box := p.Box().Cap()
	s.later(box)
	p1 := foo(s.Context(), box, 321, false)
	p2 := testcap.Boss(box).Grault(s.Context(), nil)
	p.Release()
	if _, err := p1.Wait(); !errors.Is(err, capnp.Disconnected) {
		s.Errorf("got %v, want disconnected", err)
	}
	if _, err := p2.Wait(); !errors.Is(err, capnp.Disconnected) {
		s.Errorf("got %v, want disconnected", err)
	}
	<-s.alice.Done()
	want(s, "calls at Bob", s.w.Calls.Load(), calls)
	want(s, "calls at Alice", here.Calls.Load(), 0)
	want(s, "rows", rows(s.alice), 0)
}

// convenience serves and dials over TCP.
func convenience(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := testcap.NewWorld()
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(ctx, l, w.Worker(), nil) }()
	c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := testcap.CallFoo(ctx, rpc.Bootstrap[testcap.Worker](ctx, c)); err != nil {
		t.Error(err)
	}
	if n := w.Calls.Load(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-c.Done()
	c.Close()
}

func hugeMessage(s *scene) {
	lab := s.lab()
	p := lab.Describe(s.Context(), func(p testcap.LabDescribeParamsBuilder) { p.SetA(strings.Repeat("x", 9<<20)) })
	_, err := p.Wait()
	s.wantTooLarge("a request of 9 MB", err)
	_, err = lab.Enormous(s.Context(), nil).Wait()
	s.wantTooLarge("a response of 9 MB", err)
	p = lab.Describe(s.Context(), nil)
	want(s, "d", must[testcap.LabDescribeResults](s, p).D(), "foo")
	s.alive(testcap.Sequence(lab))
}

func (s *scene) wantTooLarge(what string, err error) {
	s.Helper()
	if x, ok := errors.AsType[*capnp.Exception](err); !ok || x.Kind != capnp.Failed || !strings.HasSuffix(x.Reason, " bytes, more than the limit of 8388608") {
		s.Errorf("%s: %v", what, err)
	}
}

// bootstrapFactory gives each connection an object of its own.
func bootstrapFactory(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- rpc.ServeEach(ctx, l, func(context.Context) testcap.Sequence { return testcap.NewSequence(&testcap.Counter{}) }, nil)
	}()
	for range 2 {
		c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := next(ctx, rpc.Bootstrap[testcap.Sequence](ctx, c), 0).Wait()
		if err != nil || r.N() != 0 {
			t.Errorf("got %d, %v, want an object that nobody has called", r.N(), err)
		}
		c.Close()
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// resolvesInFill: the promise that a call is made on resolves while its parameters are filled in.
func resolvesInFill(s *scene) {
	here := testcap.NewSequence(&testcap.Counter{})
	s.aliceOpt.Bootstrap = here.Client
	boot, r := capnp.NewPromise[testcap.Sequence]()
	s.boot = boot.Client
	c := bootstrap[testcap.Sequence](s)
	back := rpc.Bootstrap[testcap.Sequence](s.Context(), s.bob)
	p1 := c.Next(s.Context(), func(testcap.SequenceNextParamsBuilder) {
		r.Resolve(back)
		if err := c.Resolve(s.Context()); err != nil {
			s.Error(err)
		}
	})
	p2 := next(s.Context(), c, 1)
	s.wantNext(0, p1, p2)
	back.Release()
	boot.Release()
	s.leaves = true // Bob's bootstrap leads to Alice's object
}

// writeError: Alice cannot write any more, and nobody tells her when she reads.
func writeError(s *scene) {
	c := bootstrap[testcap.Worker](s)
	if err := testcap.CallFoo(s.Context(), c); err != nil {
		s.Fatal(err)
	}
	s.poll()
	s.toBob.Hold() // Bob does not see the end
	s.toBob.Cut(nil)
	p := foo(s.Context(), c, 123, true)
	s.wantSettled(p, true)
	if _, err := p.Wait(); !errors.Is(err, capnp.Disconnected) {
		s.Errorf("got %v, want disconnected", err)
	}
	<-s.alice.Done()
}

// aloof is a Worker whose method waits, whatever its context says.
type aloof struct {
	testcap.UnimplementedWorker
	started chan context.Context
	leave   chan struct{}
}

func (a *aloof) Foo(ctx context.Context, call testcap.WorkerFooCall) error {
	a.started <- ctx
	<-a.leave
	return nil
}

// vendor hands out a Worker and does not keep it.
type vendor struct {
	testcap.UnimplementedLab
	started chan context.Context
	leave   chan struct{}
	made    chan weak.Pointer[aloof]
}

func (v *vendor) Held(_ context.Context, call testcap.LabHeldCall) error {
	a := &aloof{started: v.started, leave: v.leave}
	v.made <- weak.Make(a)
	call.Results().SetCap(testcap.NewWorker(a))
	return nil
}

// droppedDuringCall: an object lives as long as a method of it runs, though nobody refers to it or
// waits for the method any more. This one needs the collector.
func droppedDuringCall(t *testing.T) {
	v := &vendor{started: make(chan context.Context, 1), leave: make(chan struct{}), made: make(chan weak.Pointer[aloof], 1)}
	a, b := testnet.Pipe(0)
	bob := rpc.NewConn(b, &rpc.Options{Bootstrap: testcap.NewLab(v).Client})
	alice := rpc.NewConn(a, nil)
	defer bob.Close()
	defer alice.Close()
	boot := rpc.Bootstrap[testcap.Lab](t.Context(), alice)
	held := boot.Held(t.Context(), nil)
	boot.Release()
	c := held.Cap()
	held.Release()
	p := c.Foo(t.Context(), nil)
	object, ctx := <-v.made, <-v.started
	c.Release()
	runtime.GC()
	if ctx.Err() != nil || settled(p) || object.Value() == nil {
		t.Errorf("after the capability was dropped: %v, settled %v, object %v", ctx.Err(), settled(p), object.Value())
	}
	p.Release()
	<-ctx.Done() // the method is told, but goes on
	runtime.GC()
	if object.Value() == nil {
		t.Error("the object has gone before its method returned")
	}
	close(v.leave)
	waitEmpty(t, bob)
	waitEmpty(t, alice)
	ctx = nil
	for end := time.Now().Add(10 * time.Second); object.Value() != nil; runtime.GC() {
		if time.Now().After(end) {
			t.Fatal("the object is still there")
		}
	}
}

// twoHop is embargo with a proxy between the two.
func twoHop(s *scene, c testcap.Sequence) {
	backA, backB := testnet.Pipe(0)
	server := rpc.NewConn(backB, &rpc.Options{Bootstrap: s.w.Lab().Client})
	proxy := rpc.NewConn(backA, nil)
	s.boot = rpc.Bootstrap[testcap.Lab](s.Context(), proxy).Client
	lab := bootstrap[testcap.Lab](s)
	s.wantNext(0, sixCalls(s, lab, c)...)
	s.released = append(s.released, func() {
		c.Release()
		s.poll()
		want(s, "rows of the server", rows(server), 1) // what the proxy offers
		proxy.Close()
		server.Close()
	})
}

// eternalPromise returns a Sequence that looks like a promise and never becomes anything else.
func eternalPromise() testcap.Sequence {
	keep := testcap.NewSequence(&testcap.Counter{})
	return testcap.Sequence{Client: capnp.NewClient(&eternal{Hook: capnp.HookOf(keep.Client), keep: keep.Client})}
}

type eternal struct {
	capnp.Hook
	keep capnp.Client
}

func (e *eternal) Promise() bool                         { return true }
func (e *eternal) Watch(capnp.Watcher, *capnp.Turn) bool { return true }
