package rpc_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// relay ends each call as a call of its parameter, or of an object of its own.
type relay struct {
	server
	own          T
	begun, ended chan struct{} // of fail without a parameter: it waits for the end of its context
}

func (s *relay) Invoke(ctx context.Context, c *capnp.Call) error {
	s.calls.Add(1)
	to := T{c.ParamsStruct().Client(0)}
	switch c.Method() {
	case selfMethod:
		if to.IsNull() {
			c.ResultsStruct().SetClient(0, c.Self())
			return nil
		}
		return c.Tail(self(c.TailContext(), to))
	case addMethod:
		if to.IsNull() {
			to = s.own
		}
		return c.Tail(add(c.TailContext(), to, c.ParamsStruct().Uint64(0)))
	case failMethod:
		if to.IsNull() {
			close(s.begun)
			<-ctx.Done()
			close(s.ended)
			return nil
		}
		return c.Tail(capnp.Send[capnp.Struct, capnp.StructBuilder](c.TailContext(), to.Client, failMethod, nil))
	}
	return nil
}

func with(ctx context.Context, c T, m *capnp.Method, n uint64, param T) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c.Client, m, func(b capnp.StructBuilder) {
		b.SetUint64(0, n)
		b.SetClient(0, param.Client)
	})
}

// A method ends as a call of the peer's object: the results do not cross the wire, calls made on
// them before and after arrive in order, and who gives the first call up cancels the second.
func TestTailToCaller(t *testing.T) {
	ctx := t.Context()
	far := &relay{own: T{capnp.NewServer(&server{})}}
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(far)})
	defer b.Close()
	defer a.Close()
	c := rpc.Bootstrap[T](ctx, a)
	here := &relay{begun: make(chan struct{}), ended: make(chan struct{})}
	mine := T{capnp.NewServer(here)}
	if r, err := with(ctx, c, addMethod, 5, T{}).Wait(); err != nil || r.Uint64(0) != 5 {
		t.Fatalf("to an object of the method's: %d, %v", r.Uint64(0), err)
	}

	p := with(ctx, c, selfMethod, 0, mine)
	x := T{capnp.PipelineClient(p, 0)}
	var last capnp.Promise[capnp.Struct]
	for n := range uint64(10) {
		if n == 5 {
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		last = with(ctx, x, callMethod, n, T{})
	}
	if _, err := last.Wait(); err != nil {
		t.Error(err)
	}
	if err := x.Resolve(ctx); err != nil {
		t.Error(err)
	}
	if !capnp.Same(x.Client, mine.Client) {
		t.Errorf("self of what is here, by way of the peer, is %v", x)
	}
	h := with(ctx, c, failMethod, 0, mine)
	<-here.begun
	h.Release()
	<-here.ended
	x.Release()
	p.Release()
	c.Release()
	eventually(t, "rows are left", func() bool {
		return b.Stats().Questions+b.Stats().Answers+b.Stats().Imports+b.Stats().Exports == 0
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		runtime.GC()
		<-time.After(time.Millisecond)
	}
}

// Of a call made for its pipeline only nothing is left once the promise has been collected.
func TestPipelineOnlyCollected(t *testing.T) {
	s := &server{}
	a, c, b := connect(t, s)
	ctx, cancel := context.WithCancel(t.Context()) // long-lived, and watched
	defer cancel()
	func() {
		for range 20 {
			x := T{capnp.PipelineClient(self(capnp.PipelineOnly(ctx), c), 0)}
			if _, err := add(ctx, x, 1).Wait(); err != nil {
				t.Error(err)
			}
		}
	}()
	eventually(t, "the calls are still there", func() bool { return a.Stats().Questions+b.Stats().Answers == 0 })
	if n := s.sum.Load(); n != 20 {
		t.Errorf("%d calls arrived, want 20", n)
	}
	runtime.KeepAlive(c.Client)
}
