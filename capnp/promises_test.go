package capnp

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestLocalPromise(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var started record
		o := serve(func(_ context.Context, c *Call) error { started.add(number(c)); return nil })
		p, r := NewPromise[anyTyped]()
		var all []Promise[Struct]
		for n := range uint64(5) {
			all = append(all, call(t.Context(), p.Client, n))
		}
		all[2].Release()
		started.want(t)
		r.Resolve(anyTyped{o})
		r.Reject(errors.New("too late"))
		call(t.Context(), p.Client, 5)
		started.want(t, 0, 1, 3, 4, 5)
		if err := p.Resolve(t.Context()); err != nil || !Same(p.Client, o) {
			t.Errorf("resolved to %v, %v", p, err)
		}
		p.Release()
	})
}

func TestPromiseBreaks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, r := NewPromise[anyTyped]()
		why := errors.New("no such thing")
		c := call(t.Context(), p.Client, 0)
		x := call(t.Context(), PipelineClient(c, 0), 1)
		r.Reject(why)
		for _, q := range []Promise[Struct]{c, x, call(t.Context(), p.Client, 2)} {
			if _, err := q.Wait(); !errors.Is(err, why) {
				t.Errorf("got %v, want %v", err, why)
			}
		}
		if err := p.Resolve(t.Context()); !errors.Is(err, why) {
			t.Errorf("Resolve: %v", err)
		}
	})
}

// Promises that become each other break; nothing hangs.
func TestPromiseCycles(t *testing.T) {
	for n := 1; n <= 8; n++ {
		bubble(t, func(t *testing.T) {
			var ps []Client
			var rs []*Resolver[anyTyped]
			var calls []Promise[Struct]
			for range n {
				p, r := NewPromise[anyTyped]()
				ps, rs = append(ps, p.Client), append(rs, r)
				calls = append(calls, call(t.Context(), p.Client, 0))
			}
			for i := range n {
				go rs[i].Resolve(anyTyped{ps[(i+1)%n]})
			}
			for _, c := range calls {
				if _, err := c.Wait(); err == nil {
					t.Errorf("a cycle of %d promises is something", n)
				}
			}
		})
	}
}

// A call that would wait for its own result fails.
func TestCallOnItsOwnResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, r := NewPromise[anyTyped]()
		c := call(t.Context(), p.Client, 0)
		d := call(t.Context(), PipelineClient(c, 0), 0)
		r.Resolve(anyTyped{PipelineClient(d, 0)})
		if _, err := c.Wait(); err == nil {
			t.Error("it has results")
		}
		if _, err := d.Wait(); err == nil {
			t.Error("the other has results")
		}
	})
}

func TestNullBrokenReleased(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := serve(func(context.Context, *Call) error { return nil })
		var null Client
		if !null.IsNull() || o.IsNull() || null.Resolve(t.Context()) == nil {
			t.Error("IsNull")
		}
		null.Release()
		if _, err := call(t.Context(), null, 0).Wait(); err == nil {
			t.Error("a call on null succeeded")
		}
		if c := PipelineClient(Promise[Struct]{}, 0); !c.IsNull() {
			t.Error("a capability in no promise")
		}
		if _, err := (Promise[Struct]{}).Wait(); err == nil {
			t.Error("no promise has results")
		}
		why := NewError(Overloaded, "later")
		b := Broken(why)
		if _, err := call(t.Context(), PipelineClient(call(t.Context(), b, 0), 0), 0).Wait(); !errors.Is(err, Overloaded) {
			t.Errorf("broken: %v", err)
		}
		c := AddRef(anyTyped{o}).Client
		c.Release()
		c.Release()
		if _, err := call(t.Context(), c, 0).Wait(); err == nil {
			t.Error("a call on a released client succeeded")
		}
		if _, err := call(t.Context(), o, 0).Wait(); err != nil {
			t.Errorf("the other reference: %v", err)
		}
		for _, x := range []Client{null, o, b, c} {
			if x.String() == "" {
				t.Error("no description")
			}
		}
	})
}

// The same path gives the same client, before the results and in them.
func TestSamePathSameClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newCounted("result")
		x := NewClient(h)
		hold := make(chan struct{})
		o := serve(func(_ context.Context, c *Call) error {
			<-hold
			c.ResultsStruct().SetClient(0, x)
			c.ResultsStruct().SetClient(1, x)
			return nil
		})
		p := call(t.Context(), o, 0)
		before := PipelineClient(p, 0)
		if before != PipelineClient(p, 0) || before == PipelineClient(p, 1) {
			t.Error("the clients of paths are not as they should be")
		}
		close(hold)
		res, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if before != res.Client(0) || before != PipelineClient(p, 0) {
			t.Error("the results have another client")
		}
		h.want(t, 3)
		p.Release()
		h.want(t, 3) // both were taken out
		before.Release()
		PipelineClient(p, 1).Release()
		h.want(t, 1)
		x.Release()
	})
}

func TestReferenceCounting(t *testing.T) {
	h := newCounted("it")
	a := NewClient(h)
	b := AddRef(anyTyped{a})
	h.want(t, 2)
	a.Release()
	a.Release()
	h.want(t, 1)
	p, r := NewPromise[anyTyped]()
	q := AddRef(p)
	r.Resolve(b)
	h.want(t, 2)
	b.Release()
	p.Release()
	h.want(t, 1)
	q.Release()
	h.want(t, 0)
	pl, root := NewPayload(StructSize{Pointers: 2})
	a = NewClient(h)
	root.SetClient(0, a)
	root.SetClient(1, a)
	h.want(t, 3)
	turn := BeginTurn()
	pl.Release(turn)
	turn.End()
	h.want(t, 1)
	a.Release()
	h.want(t, 0)
}

// gcHook tells when it is released.
type gcHook struct {
	brokenHook
	released chan struct{}
}

func (g *gcHook) Broken() error { return nil }
func (g *gcHook) Release(*Turn) { g.released <- struct{}{} }

// What nobody released goes when the collector finds it: clients, results, parameters, resolvers.
func TestCollectorIsTheBackstop(t *testing.T) {
	collected := func(t *testing.T, what string, done <-chan struct{}) {
		t.Helper()
		for range 200 {
			runtime.GC()
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		t.Errorf("%s was not released", what)
	}
	g := &gcHook{released: make(chan struct{}, 10)}
	func() { NewClient(g) }()
	collected(t, "a client", g.released)

	o := serve(func(_ context.Context, c *Call) error {
		x := NewClient(g)
		c.ResultsStruct().SetClient(0, x)
		x.Release()
		return nil
	})
	func() { call(t.Context(), o, 0).Wait() }()
	<-g.released
	collected(t, "a result nobody took", g.released)
	func() {
		res, _ := call(t.Context(), o, 0).Wait()
		res.Client(0)
	}()
	<-g.released
	collected(t, "a result somebody took", g.released)
	func() { call(t.Context(), o, 0) }()
	<-g.released
	collected(t, "a result nobody waited for", g.released)

	p := func() Client { p, _ := NewPromise[anyTyped](); return p.Client }()
	broken := make(chan struct{})
	go func() {
		p.Resolve(context.Background())
		close(broken)
	}()
	collected(t, "an abandoned promise", broken)
}

// Nothing is left running when everybody is done.
func TestNoGoroutineIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := serve(func(ctx context.Context, c *Call) error {
			if number(c) == 0 {
				<-ctx.Done()
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		for n := range uint64(10) {
			call(ctx, o, n)
		}
		cancel()
		synctest.Wait()
	}) // synctest fails if goroutines are blocked
}

// TestLocalCallAllocs holds a call within the process to its budget.
func TestLocalCallAllocs(t *testing.T) {
	o := serve(func(_ context.Context, c *Call) error {
		c.ResultsStruct().SetUint64(0, number(c))
		return nil
	})
	ctx := context.Background()
	fill := func(b StructBuilder) { b.SetUint64(0, 1) }
	got := testing.AllocsPerRun(1000, func() {
		if _, err := Send[Struct](ctx, o, testMethod, fill).Wait(); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%.1f allocations a call", got)
	if got > 10 {
		t.Errorf("%.1f allocations a local call, want at most 10", got)
	}
}

func BenchmarkLocalCall(b *testing.B) {
	o := serve(func(_ context.Context, c *Call) error {
		c.ResultsStruct().SetUint64(0, number(c))
		return nil
	})
	fill := func(b StructBuilder) { b.SetUint64(0, 1) }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Send[Struct](context.Background(), o, testMethod, fill).Wait(); err != nil {
			b.Fatal(err)
		}
	}
}
