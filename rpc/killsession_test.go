package rpc_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
)

// A party is one side of a session: it calls the other's objects in every way there is, all at
// once, and keeps account of what must come to an end when the connection does.
type party struct {
	conn  *rpc.Conn
	w     *testcap.World // its objects that the other side calls
	live  atomic.Int64   // its objects that anybody refers to
	rnd   *rand.Rand
	boot  testcap.Worker
	lab   testcap.Lab
	steps []string

	others []*rpc.Conn // on the way to the other side

	calls   []promise // must settle
	waited  []promise // settle without a kill, too
	release []func()
	errs    []string
}

func newParty(seed uint64) *party {
	return &party{w: testcap.NewWorld(), rnd: rand.New(rand.NewPCG(seed, 1))}
}

func (p *party) options() *rpc.Options {
	return &rpc.Options{Bootstrap: p.w.Worker().Client, Limits: rpc.Limits{CloseTimeout: 5 * time.Second}}
}

func (p *party) keep(r interface{ Release() }) { p.release = append(p.release, r.Release) }

// ends notes a call that returns by itself.
func (p *party) ends(c promise) {
	p.calls, p.waited = append(p.calls, c), append(p.waited, c)
	p.keep(c)
}

// object makes an object of this side that is counted.
func (p *party) object() testcap.Worker {
	c := testcap.Counted(testcap.NewWorld().Worker(), &p.live)
	p.keep(c)
	return c
}

// play makes the calls.
func (p *party) play(ctx context.Context) {
	p.boot = rpc.Bootstrap[testcap.Worker](ctx, p.conn)
	p.keep(p.boot)
	lab := p.boot.Lab(ctx, nil)
	p.ends(lab)
	p.lab = lab.Cap()
	p.keep(p.lab)
	acts := []struct {
		name string
		do   func(ctx context.Context)
	}{
		{"simple", p.simple}, {"pipeline", p.pipeline}, {"echo", p.echo}, {"handles", p.handles}, {"hold", p.hold},
		{"promise", p.promise}, {"tail", p.tail}, {"never", p.never}, {"early", p.early}, {"stream", p.stream}, {"fail", p.fail},
		{"only", p.only}, {"hang", p.hang},
	}
	for range 8 {
		a := acts[p.rnd.IntN(len(acts))]
		p.steps = append(p.steps, a.name)
		a.do(ctx)
		if len(p.waited) > 0 && p.rnd.IntN(3) == 0 {
			<-p.waited[p.rnd.IntN(len(p.waited))].Done()
		}
	}
	for _, c := range p.waited {
		<-c.Done()
	}
}

func (p *party) simple(ctx context.Context) {
	p.ends(foo(ctx, p.boot, 123, true))
	p.ends(p.boot.Bar(ctx, nil))
	p.ends(p.boot.Baz(ctx, func(b testcap.WorkerBazParamsBuilder) { testcap.FillRecord(b.NewS()) }))
}

func (p *party) pipeline(ctx context.Context) {
	chain := p.boot.Chain(ctx, nil)
	p.keep(chain.Cap())
	p.ends(chain)
	with := p.object()
	g := chain.Cap().Give(ctx, func(b testcap.ChainGiveParamsBuilder) {
		b.SetN(234)
		b.SetWith(with)
	})
	box := g.Box().Cap()
	p.keep(box)
	p.ends(foo(ctx, box, 321, false))
	p.ends(testcap.Boss(box).Grault(ctx, nil))
	g.Release()
}

// inOrder is an object that knows what was delivered to it: whatever is lost, that must be the
// first calls that were made, in their order.
type inOrder struct {
	capnp.Hook
	mu  sync.Mutex
	got []uint32
}

func (o *inOrder) Deliver(c *capnp.Call, t *capnp.Turn) {
	o.mu.Lock()
	o.got = append(o.got, testcap.SequenceNextParams(c.Payload().Peek().Struct()).Expected())
	o.mu.Unlock()
	o.Hook.Deliver(c, t)
}

// echo checks the order, too.
func (p *party) echo(ctx context.Context) {
	c := testcap.Counted(testcap.NewSequence(&testcap.Counter{}), &p.live)
	p.keep(c)
	o := &inOrder{Hook: capnp.HookOf(c.Client)}
	c = testcap.Sequence{Client: capnp.NewClient(o)}
	p.keep(c)
	e := p.lab.Echo(ctx, func(b testcap.LabEchoParamsBuilder) { b.SetCap(c) })
	back := e.Cap()
	p.keep(back)
	p.ends(e)
	for i := range uint32(6) {
		p.ends(next(ctx, back, i))
		if i == 2 && p.rnd.IntN(2) == 0 {
			<-e.Done()
		}
	}
	p.release = append(p.release, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		for i, x := range o.got {
			if x != uint32(i) {
				p.errs = append(p.errs, fmt.Sprintf("calls on an echo came as %v", o.got))
				return
			}
		}
	})
}

func (p *party) handles(ctx context.Context) {
	a, b, c := p.lab.Handle(ctx, nil), p.lab.Handle(ctx, nil), p.lab.Handle(ctx, nil)
	p.ends(a)
	p.keep(a.Handle())
	p.ends(b) // nobody takes the capability out
	c.Release()
	p.calls = append(p.calls, c)
}

func (p *party) hold(ctx context.Context) {
	c := p.object()
	p.ends(p.lab.Hold(ctx, func(b testcap.LabHoldParamsBuilder) { b.SetCap(c) }))
	p.ends(p.lab.CallHeld(ctx, nil))
	h := p.lab.Held(ctx, nil)
	p.keep(h.Cap())
	p.ends(foo(ctx, h.Cap(), 123, true))
	p.ends(h)
}

func (p *party) promise(ctx context.Context) {
	c, r := capnp.NewPromise[testcap.Worker]()
	p.keep(c)
	q := p.lab.CallFooWhenResolved(ctx, func(b testcap.LabCallFooWhenResolvedParamsBuilder) { b.SetCap(c) })
	p.keep(q)
	p.calls = append(p.calls, q)
	switch p.rnd.IntN(4) {
	case 0:
		r.Resolve(p.object())
	case 1:
		r.Resolve(p.boot)
	case 2:
		r.Reject(capnp.NewError(capnp.Overloaded, "not today"))
	default:
		p.release = append(p.release, func() { r.Resolve(testcap.Worker{}) })
	}
}

func (p *party) tail(ctx context.Context) {
	t := p.boot.TailCaller(ctx, nil)
	p.keep(t.Cap())
	p.ends(t)
	callee := testcap.Counted(testcap.NewTailCallee(&testcap.Callee{}), &p.live)
	p.keep(callee)
	q := t.Cap().Foo(ctx, func(b testcap.TailCallerFooParamsBuilder) {
		b.SetI(p.rnd.Uint32())
		b.SetCallee(callee)
	})
	p.keep(q.C())
	p.ends(next(ctx, q.C(), 0))
	p.ends(q)
}

// only wants what a call leads to, not its results.
func (p *party) only(ctx context.Context) {
	chain := p.boot.Chain(capnp.PipelineOnly(ctx), nil)
	p.keep(chain.Cap())
	p.release = append(p.release, chain.Release)
	with := p.object()
	g := chain.Cap().Give(capnp.PipelineOnly(ctx), func(b testcap.ChainGiveParamsBuilder) {
		b.SetN(234)
		b.SetWith(with)
	})
	p.keep(g.Box().Cap())
	p.ends(foo(ctx, g.Box().Cap(), 321, false))
	p.release = append(p.release, g.Release)
}

// hang is a tail call that does not return.
func (p *party) hang(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	p.release = append(p.release, cancel)
	t := p.boot.TailCaller(ctx, nil)
	p.keep(t.Cap())
	p.keep(t)
	callee := testcap.Counted(testcap.NewTailCallee(&testcap.HangingCallee{}), &p.live)
	p.keep(callee)
	q := t.Cap().Foo(ctx, func(b testcap.TailCallerFooParamsBuilder) {
		b.SetI(p.rnd.Uint32())
		b.SetCallee(callee)
	})
	p.keep(q)
	p.calls = append(p.calls, q)
	if p.rnd.IntN(2) == 0 {
		cancel()
	}
}

func (p *party) never(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	p.release = append(p.release, cancel)
	c := p.object()
	q := p.lab.NeverReturn(ctx, func(b testcap.LabNeverReturnParamsBuilder) { b.SetCap(c) })
	p.calls = append(p.calls, q)
	p.keep(q)
	if p.rnd.IntN(2) == 0 {
		cancel()
	}
}

func (p *party) early(ctx context.Context) {
	chain := p.boot.Chain(ctx, nil)
	p.keep(chain.Cap())
	p.ends(chain)
	q := chain.Cap().GiveEarly(ctx, nil)
	box := q.Box().Cap()
	p.keep(box)
	p.ends(foo(ctx, box, 321, false))
	p.calls = append(p.calls, q)
	p.keep(q)
}

func (p *party) stream(ctx context.Context) {
	s := p.boot.Streamer(ctx, nil)
	c := s.Cap()
	p.keep(c)
	p.ends(s)
	chunk := make([]byte, 1+p.rnd.IntN(4<<10))
	var sent int
	for range 8 {
		if c.Fill(ctx, func(b testcap.StreamerFillParamsBuilder) { b.SetData(chunk) }) != nil {
			break
		}
		sent++
	}
	p.ends(c.Finish(ctx, nil))
}

func (p *party) fail(ctx context.Context) {
	for _, how := range []testcap.LabFailure{testcap.LabFailurePlain, testcap.LabFailureDetailed, testcap.LabFailurePanic, testcap.LabFailureGoexit} {
		p.ends(p.lab.Fail(ctx, func(b testcap.LabFailParamsBuilder) { b.SetHow(how) }))
	}
}

// proxy connects two ends by a third vat that offers each the other's bootstrap capability.
func (p *party) proxy(front, back io.ReadWriteCloser) {
	boot, r := capnp.NewPromise[testcap.Worker]()
	b := rpc.NewConn(back, &rpc.Options{Bootstrap: boot.Client})
	there := rpc.Bootstrap[testcap.Worker](context.Background(), b)
	f := rpc.NewConn(front, &rpc.Options{Bootstrap: there.Client})
	here := rpc.Bootstrap[testcap.Worker](context.Background(), f)
	r.Resolve(here)
	p.others = append(p.others, f, b)
	for _, c := range []testcap.Worker{boot, there, here} {
		p.keep(c)
	}
}

// session plays both sides until every call has returned or the connection is gone, closes what is
// left of it, and says what is missing then.
func session(a, b *party) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	within := func(what string, done <-chan struct{}) error {
		select {
		case <-done:
			return nil
		case <-late.C:
			return fmt.Errorf("%s: waited a minute\n%+v %v\n%+v %v", what, a.conn.Stats(), a.conn.Err(), b.conn.Stats(), b.conn.Err())
		}
	}
	var playing sync.WaitGroup
	playing.Go(func() { a.play(ctx) })
	playing.Go(func() { b.play(ctx) })
	played := make(chan struct{})
	go func() { playing.Wait(); close(played) }()
	if err := within("playing", played); err != nil {
		return err
	}
	a.conn.Close() // if it still is there
	conns := append([]*rpc.Conn{a.conn, b.conn}, a.others...)
	if len(a.others) > 0 {
		b.conn.Close() // it may not have noticed
	}
	for _, c := range conns {
		if err := within("the end of the connection", c.Done()); err != nil {
			return err
		}
		if n := rows(c); n != 0 {
			return fmt.Errorf("rows are left: %+v", c.Stats())
		}
	}
	for _, p := range []*party{a, b} {
		for _, c := range p.calls {
			if err := within("a call", c.Done()); err != nil {
				return err
			}
		}
	}
	for _, p := range []*party{a, b} {
		for _, f := range p.release {
			f()
		}
		for _, e := range p.errs {
			return fmt.Errorf("%s", e)
		}
	}
	// Methods see the end of their contexts a little later.
	for end := time.Now().Add(time.Minute); ; {
		var left strings.Builder
		for _, p := range []*party{a, b} {
			if n := p.w.Waiting.Load() - p.w.Cancelled.Load(); n != 0 {
				left.WriteString(fmt.Sprintf("%d methods still wait; ", n))
			}
			if n, m := p.live.Load(), p.w.Handles.Load(); n != 0 || m != 0 {
				left.WriteString(fmt.Sprintf("%d objects and %d handles are still referred to; ", n, m))
			}
		}
		if left.String() == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s", left.String())
		}
		<-time.After(100 * time.Microsecond)
	}
}
