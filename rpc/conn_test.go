package rpc_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// The test interface: self() -> (self), add(n, cb) -> (n), fail().
var (
	size       = capnp.StructSize{DataWords: 1, Pointers: 1}
	selfMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 0, InterfaceName: "t.capnp:T", MethodName: "self", Params: size, Results: size, ResultsHaveCaps: true})
	addMethod  = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 1, InterfaceName: "t.capnp:T", MethodName: "add", Params: size, Results: size})
	callMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 2, InterfaceName: "t.capnp:T", MethodName: "call", Params: size, Results: size})
	failMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 3, InterfaceName: "t.capnp:T", MethodName: "fail", Params: size, Results: size})
)

type T struct{ capnp.Client }

type server struct {
	calls atomic.Int64
	sum   atomic.Uint64
}

func (s *server) Impl() any { return s }
func (s *server) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != 0xabc || m > 3 {
		return nil
	}
	return []*capnp.Method{selfMethod, addMethod, callMethod, failMethod}[m]
}
func (s *server) Invoke(ctx context.Context, c *capnp.Call) error {
	s.calls.Add(1)
	switch c.Method() {
	case selfMethod:
		self := c.Self()
		c.ResultsStruct().SetClient(0, self)
		self.Release()
	case addMethod:
		c.ResultsStruct().SetUint64(0, s.sum.Add(c.ParamsStruct().Uint64(0)))
	case callMethod: // calls its parameter's add and returns the result
		cb := T{c.ParamsStruct().Client(0)}
		defer cb.Release()
		r, err := add(ctx, cb, c.ParamsStruct().Uint64(0)).Wait()
		if err != nil {
			return err
		}
		c.ResultsStruct().SetUint64(0, r.Uint64(0))
	case failMethod:
		return capnp.NewError(capnp.Overloaded, "no more")
	}
	return nil
}

func self(ctx context.Context, c T) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct, capnp.StructBuilder](ctx, c.Client, selfMethod, nil)
}
func add(ctx context.Context, c T, n uint64) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c.Client, addMethod, func(b capnp.StructBuilder) { b.SetUint64(0, n) })
}

func connect(t testing.TB, s *server) (*rpc.Conn, T, *rpc.Conn) {
	t.Helper()
	boot := capnp.NewServer(s)
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: boot})
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, rpc.Bootstrap[T](t.Context(), a), b
}

func TestCallOverPipe(t *testing.T) {
	s := &server{}
	a, c, b := connect(t, s)
	ctx := context.Background()
	r, err := add(ctx, c, 5).Wait()
	if err != nil || r.Uint64(0) != 5 {
		t.Fatal(r.Uint64(0), err)
	}
	x := c
	var all []capnp.Client
	for range 64 {
		x = T{capnp.PipelineClient(self(ctx, x), 0)}
		all = append(all, x.Client)
	}
	if r, err = add(ctx, x, 6).Wait(); err != nil || r.Uint64(0) != 11 {
		t.Fatal(r.Uint64(0), err)
	}
	for _, c := range all {
		c.Release()
	}
	local := &server{}
	cb := capnp.NewServer(local)
	r, err = capnp.Send[capnp.Struct](ctx, c.Client, callMethod, func(b capnp.StructBuilder) { b.SetUint64(0, 9); b.SetClient(0, cb) }).Wait()
	if err != nil || r.Uint64(0) != 9 || local.calls.Load() != 1 {
		t.Fatal(r.Uint64(0), err, local.calls.Load())
	}
	_, err = capnp.Send[capnp.Struct, capnp.StructBuilder](ctx, c.Client, failMethod, nil).Wait()
	t.Log(err)
	c.Release()
	waitEmpty(t, a)
	waitEmpty(t, b)
}

func waitEmpty(t testing.TB, c *rpc.Conn) {
	t.Helper()
	end := time.Now().Add(5 * time.Second)
	for {
		s := c.Stats()
		if s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("tables not empty: %+v", s)
		}
		<-time.After(time.Millisecond) // the peer, too, has to notice
	}
}

func TestCallOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{}
	done := make(chan error, 1)
	go func() { done <- rpc.Serve(ctx, l, T{capnp.NewServer(s)}, nil) }()
	c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	boot := rpc.Bootstrap[T](ctx, c)
	for range 1000 {
		if _, err := add(ctx, boot, 1).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	var ps []capnp.Promise[capnp.Struct]
	for range 1000 {
		ps = append(ps, add(ctx, boot, 1))
	}
	for _, p := range ps {
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%+v", c.Stats())
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	t.Log(c.Err())
}

func BenchmarkCall(b *testing.B) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	ctx := b.Context()
	go rpc.Serve(ctx, l, T{capnp.NewServer(&server{})}, nil)
	c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
	if err != nil {
		b.Fatal(err)
	}
	boot := rpc.Bootstrap[T](context.Background(), c)
	b.Run("sequential", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := add(context.Background(), boot, 1).Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("window64", func(b *testing.B) {
		b.ReportAllocs()
		var q []capnp.Promise[capnp.Struct]
		for b.Loop() {
			q = append(q, add(context.Background(), boot, 1))
			if len(q) == 64 {
				if _, err := q[0].Wait(); err != nil {
					b.Fatal(err)
				}
				q = q[1:]
			}
		}
	})
}
