package rpc_test

import (
	"context"
	"net"
	"runtime"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

var (
	blockMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabe, MethodID: 0, InterfaceName: "t.capnp:B", MethodName: "block", Params: size, Results: size})
	freeMethod  = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabe, MethodID: 1, InterfaceName: "t.capnp:B", MethodName: "free", Params: size, Results: size})
	exitMethod  = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabe, MethodID: 2, InterfaceName: "t.capnp:B", MethodName: "exit", Params: size, Results: size})
)

// blocker is an object whose block waits for its free.
type blocker struct{ gate chan struct{} }

func (b *blocker) Impl() any { return b }
func (b *blocker) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != 0xabe || m > 2 {
		return nil
	}
	return []*capnp.Method{blockMethod, freeMethod, exitMethod}[m]
}
func (b *blocker) Invoke(ctx context.Context, c *capnp.Call) error {
	switch c.Method() {
	case blockMethod:
		go c.Unblock() // from elsewhere: the reader does not hear of it in time
		<-b.gate
	case freeMethod:
		b.gate <- struct{}{}
	case exitMethod:
		runtime.Goexit()
	}
	return nil
}

func dialBlocker(t *testing.T) T {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- rpc.Serve(ctx, l, T{capnp.NewServer(&blocker{make(chan struct{})})}, nil)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return rpc.Bootstrap[T](context.Background(), c)
}

func call(c T, m *capnp.Method) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct, capnp.StructBuilder](context.Background(), c.Client, m, nil)
}

// A method that ends its goroutine ends no more than its call.
func TestMethodEndsItsGoroutine(t *testing.T) {
	c := dialBlocker(t)
	for range 20 {
		if _, err := call(c, exitMethod).Wait(); err == nil {
			t.Fatal("no error")
		}
	}
}

// A method that waits for a later message of its own connection does not keep it from being read.
func TestSlowMethodGivesTheReaderUp(t *testing.T) {
	c := dialBlocker(t)
	for range 20 {
		blocked := call(c, blockMethod)
		if _, err := call(c, freeMethod).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := blocked.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}
