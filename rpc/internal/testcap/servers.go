package testcap

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// World counts what happens to the objects made by its methods.
type World struct {
	Calls     atomic.Int64 // of foo, baz, grault and the methods that return other objects
	Waiting   atomic.Int64 // methods that waited to be cancelled
	Cancelled atomic.Int64 // and were
	Handles   atomic.Int64 // objects of Lab.handle that somebody refers to
	Go        chan struct{}
}

// NewWorld makes a world. Stubborn methods wait for its channel Go.
func NewWorld() *World { return &World{Go: make(chan struct{})} }

// wait waits until ctx ends.
func (w *World) wait(ctx context.Context, call *capnp.Call) error {
	w.Waiting.Add(1)
	call.Unblock()
	<-ctx.Done()
	w.Cancelled.Add(1)
	return context.Cause(ctx)
}

// Worker makes the object to start with.
func (w *World) Worker() Worker { return NewWorker(&worker{w: w}) }

// Boss makes a Boss.
func (w *World) Boss() Boss { return NewBoss(&boss{w: w}) }

// Chain makes a Chain.
func (w *World) Chain() Chain { return NewChain(&chain{w: w}) }

// TailCaller makes an object that passes its calls on.
func (w *World) TailCaller() TailCaller { return NewTailCaller(&tailCaller{w: w}) }

// Lab makes a Lab.
func (w *World) Lab() Lab { return NewLab(&lab{w: w}) }

type worker struct {
	UnimplementedWorker
	w *World
}

// Foo implements WorkerServer.
func (s *worker) Foo(_ context.Context, call WorkerFooCall) error {
	s.w.Calls.Add(1)
	if p := call.Params(); p.I() != 123 || !p.J() {
		return capnp.Errorf(capnp.Failed, "foo(%d, %v)", p.I(), p.J())
	}
	call.Results().SetX("foo")
	return nil
}

// Baz implements WorkerServer.
func (s *worker) Baz(_ context.Context, call WorkerBazCall) error {
	s.w.Calls.Add(1)
	return CheckRecord(call.Params().S())
}

// Chain implements WorkerServer.
func (s *worker) Chain(_ context.Context, call WorkerChainCall) error {
	s.w.Calls.Add(1)
	call.Results().SetCap(s.w.Chain())
	return nil
}

// TailCaller implements WorkerServer.
func (s *worker) TailCaller(_ context.Context, call WorkerTailCallerCall) error {
	call.Results().SetCap(s.w.TailCaller())
	return nil
}

// Lab implements WorkerServer.
func (s *worker) Lab(_ context.Context, call WorkerLabCall) error {
	s.w.Calls.Add(1)
	call.Results().SetCap(s.w.Lab())
	return nil
}

// Streamer implements WorkerServer.
func (s *worker) Streamer(_ context.Context, call WorkerStreamerCall) error {
	call.Results().SetCap(NewStreamer(&Adder{}))
	return nil
}

type boss struct {
	UnimplementedBoss
	w *World
}

// Foo implements WorkerServer.
func (s *boss) Foo(_ context.Context, call WorkerFooCall) error {
	s.w.Calls.Add(1)
	if p := call.Params(); p.I() != 321 || p.J() {
		return capnp.Errorf(capnp.Failed, "foo(%d, %v)", p.I(), p.J())
	}
	call.Results().SetX("bar")
	return nil
}

// Grault implements BossServer.
func (s *boss) Grault(_ context.Context, call BossGraultCall) error {
	s.w.Calls.Add(1)
	FillRecord(call.Results())
	return nil
}

type chain struct {
	UnimplementedChain
	w *World
}

// Give implements ChainServer.
func (s *chain) Give(ctx context.Context, call ChainGiveCall) error {
	s.w.Calls.Add(1)
	p := call.Params()
	if p.N() != 234 {
		return capnp.Errorf(capnp.Failed, "give(%d)", p.N())
	}
	with := p.With()
	defer with.Release()
	if err := CallFoo(ctx, with); err != nil {
		return err
	}
	r := call.Results()
	r.SetS("bar")
	r.NewBox().SetCap(s.w.Boss().asWorker())
	return nil
}

func (b Boss) asWorker() Worker { return Worker(b) }

// GiveEarly implements ChainServer.
func (s *chain) GiveEarly(ctx context.Context, call ChainGiveEarlyCall) error {
	s.w.Calls.Add(1)
	ready := NewChain(&readyChain{w: s.w})
	defer ready.Release()
	p := ready.GiveEarly(ctx, nil)
	defer p.Release()
	call.SetPipeline(p)
	return s.w.wait(ctx, call.Call)
}

// readyChain returns at once what giveEarly only promises.
type readyChain struct {
	UnimplementedChain
	w *World
}

// GiveEarly implements ChainServer.
func (s *readyChain) GiveEarly(_ context.Context, call ChainGiveEarlyCall) error {
	call.Results().NewBox().SetCap(s.w.Boss().asWorker())
	return nil
}

// Counter implements Sequence.
type Counter struct {
	UnimplementedSequence
	n atomic.Uint32
}

// Next implements SequenceServer.
func (s *Counter) Next(_ context.Context, call SequenceNextCall) error {
	call.Results().SetN(s.n.Add(1) - 1)
	return nil
}

// Count returns how many calls there were.
func (s *Counter) Count() uint32 { return s.n.Load() }

// Callee implements TailCallee and counts.
type Callee struct {
	UnimplementedTailCallee
	Calls atomic.Int64
}

// Foo implements TailCalleeServer.
func (s *Callee) Foo(_ context.Context, call TailCalleeFooCall) error {
	s.Calls.Add(1)
	r := call.Results()
	r.SetI(call.Params().I())
	r.SetT(call.Params().T())
	r.SetC(NewSequence(&Counter{}))
	return nil
}

// HangingCallee implements TailCallee and returns only when it is cancelled.
type HangingCallee struct {
	UnimplementedTailCallee
	Calls, Cancels atomic.Int64
}

// Foo implements TailCalleeServer.
func (s *HangingCallee) Foo(ctx context.Context, call TailCalleeFooCall) error {
	s.Calls.Add(1)
	call.Unblock()
	<-ctx.Done()
	s.Cancels.Add(1)
	return context.Cause(ctx)
}

type tailCaller struct {
	UnimplementedTailCaller
	w *World
}

// Foo implements TailCallerServer.
func (s *tailCaller) Foo(ctx context.Context, call TailCallerFooCall) error {
	s.w.Calls.Add(1)
	return passOn(ctx, call)
}

// passOn ends a call as another one. With an even number the results never come here.
func passOn(ctx context.Context, call TailCallerFooCall) error {
	callee := call.Params().Callee()
	defer callee.Release()
	if call.Params().I()%2 == 0 {
		ctx = call.TailContext()
	}
	return call.Tail(callee.Foo(ctx, func(p TailCalleeFooParamsBuilder) {
		p.SetI(call.Params().I())
		p.SetT("from the tail caller")
	}))
}

// LateTailCaller implements TailCaller and passes a call on once Go is closed, whatever its
// context says.
type LateTailCaller struct {
	UnimplementedTailCaller
	Go chan struct{}
}

// Foo implements TailCallerServer.
func (s *LateTailCaller) Foo(ctx context.Context, call TailCallerFooCall) error {
	call.Unblock()
	<-s.Go
	return passOn(ctx, call)
}

// Adder implements Streamer. Its streaming methods take effect at once and return when they get
// something from Go, or always if that is nil.
type Adder struct {
	UnimplementedStreamer
	Go      chan struct{}
	I, J    atomic.Uint32
	Bytes   atomic.Int64
	FailJ   bool
	Started atomic.Int64
}

func (s *Adder) wait(ctx context.Context) error {
	s.Started.Add(1)
	if s.Go == nil {
		return nil
	}
	select {
	case <-s.Go:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// AddI implements StreamerServer.
func (s *Adder) AddI(ctx context.Context, call StreamerAddICall) error {
	s.I.Add(call.Params().I())
	return s.wait(ctx)
}

// AddJ implements StreamerServer.
func (s *Adder) AddJ(ctx context.Context, call StreamerAddJCall) error {
	s.J.Add(call.Params().J())
	if s.FailJ {
		return errors.New("failing as told")
	}
	return s.wait(ctx)
}

// Fill implements StreamerServer.
func (s *Adder) Fill(ctx context.Context, call StreamerFillCall) error {
	s.Bytes.Add(int64(len(call.Params().Data())))
	return s.wait(ctx)
}

// Finish implements StreamerServer.
func (s *Adder) Finish(_ context.Context, call StreamerFinishCall) error {
	call.Results().SetTotalI(s.I.Load())
	call.Results().SetTotalJ(s.J.Load())
	return nil
}

type handle struct{ UnimplementedHandle }

type lab struct {
	UnimplementedLab
	w     *World
	count Counter

	mu   sync.Mutex
	held Worker
}

// Next implements SequenceServer.
func (s *lab) Next(ctx context.Context, call SequenceNextCall) error { return s.count.Next(ctx, call) }

// CallFoo implements LabServer.
func (s *lab) CallFoo(ctx context.Context, call LabCallFooCall) error {
	c := call.Params().Cap()
	defer c.Release()
	if err := CallFoo(ctx, c); err != nil {
		return err
	}
	call.Results().SetS("bar")
	return nil
}

// CallFooWhenResolved implements LabServer.
func (s *lab) CallFooWhenResolved(ctx context.Context, call LabCallFooWhenResolvedCall) error {
	c := call.Params().Cap()
	defer c.Release()
	if err := c.Resolve(ctx); err != nil {
		return err
	}
	if err := CallFoo(ctx, c); err != nil {
		return err
	}
	call.Results().SetS("bar")
	return nil
}

// NeverReturn implements LabServer.
func (s *lab) NeverReturn(ctx context.Context, call LabNeverReturnCall) error {
	return s.w.wait(ctx, call.Call)
}

// Hold implements LabServer.
func (s *lab) Hold(_ context.Context, call LabHoldCall) error {
	c := call.Params().Cap()
	s.mu.Lock()
	c, s.held = s.held, c
	s.mu.Unlock()
	c.Release()
	return nil
}

func (s *lab) heldRef() Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return capnp.AddRef(s.held)
}

// CallHeld implements LabServer.
func (s *lab) CallHeld(ctx context.Context, call LabCallHeldCall) error {
	c := s.heldRef()
	defer c.Release()
	if err := CallFoo(ctx, c); err != nil {
		return err
	}
	call.Results().SetS("bar")
	return nil
}

// Held implements LabServer.
func (s *lab) Held(_ context.Context, call LabHeldCall) error {
	c := s.heldRef()
	defer c.Release()
	call.Results().SetCap(c)
	return nil
}

// Echo implements LabServer.
func (s *lab) Echo(_ context.Context, call LabEchoCall) error {
	c := call.Params().Cap()
	defer c.Release()
	call.Results().SetCap(c)
	return nil
}

// Describe implements LabServer.
func (s *lab) Describe(_ context.Context, call LabDescribeCall) error {
	call.Results().SetD(call.Params().C())
	return nil
}

// Handle implements LabServer.
func (s *lab) Handle(_ context.Context, call LabHandleCall) error {
	h := Counted(NewHandle(handle{}), &s.w.Handles)
	defer h.Release()
	call.Results().SetHandle(h)
	return nil
}

// Null implements LabServer.
func (s *lab) Null(_ context.Context, call LabNullCall) error {
	call.Results().SetNothing(Lab{})
	return nil
}

// Enormous implements LabServer.
func (s *lab) Enormous(_ context.Context, call LabEnormousCall) error {
	call.Results().SetS(strings.Repeat("x", 9<<20))
	return nil
}

// FailDetail is the id of the detail that Lab.fail sends.
const FailDetail = 0xc0ffee

// Fail implements LabServer.
func (s *lab) Fail(_ context.Context, call LabFailCall) error {
	switch call.Params().How() {
	case LabFailureRemote:
		return &capnp.Exception{Reason: "test exception", Remote: true}
	case LabFailureDetailed:
		return &capnp.Exception{Reason: "test exception", Details: []capnp.Detail{{ID: FailDetail, Data: []byte("foo")}}}
	case LabFailurePanic:
		panic("a secret")
	case LabFailureGoexit:
		runtime.Goexit()
	}
	return errors.New("test exception")
}

// Stubborn implements LabServer.
func (s *lab) Stubborn(_ context.Context, call LabStubbornCall) error {
	call.Unblock()
	s.w.Calls.Add(1)
	<-s.w.Go
	return nil
}
