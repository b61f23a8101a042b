package rpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// A question may name the object it asks for, with whatever bytes.
func TestBootstrapObject(t *testing.T) {
	boot, found := &server{}, &server{}
	binary := string([]byte{0, 255, 0, 1, 0})
	asked := make(chan string, 9)
	object := func(_ context.Context, id []byte) (capnp.Client, error) {
		asked <- string(id)
		if string(id) == "bad" {
			return capnp.Client{}, capnp.NewError(capnp.Overloaded, "not now")
		}
		return capnp.NewServer(found), nil
	}
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(boot), Object: object})
	defer a.Close()
	defer b.Close()
	for _, id := range []string{binary, "x", string(make([]byte, 3000))} {
		c := rpc.BootstrapObject[T](t.Context(), a, []byte(id))
		n := found.calls.Load()
		if _, err := add(t.Context(), c, 1).Wait(); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != id || found.calls.Load() != n+1 {
			t.Errorf("asked for %q, got %q", id, got)
		}
		c.Release()
	}
	c := rpc.BootstrapObject[T](t.Context(), a, nil)
	if _, err := add(t.Context(), c, 1).Wait(); err != nil || boot.calls.Load() != 1 {
		t.Errorf("no name is not the bootstrap capability: %v", err)
	}
	c.Release()
	c = rpc.BootstrapObject[T](t.Context(), a, []byte("bad"))
	if err := c.Resolve(t.Context()); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("got %v", err)
	}
	c.Release()
	waitEmpty(t, a)
	waitEmpty(t, b)
}

// Without Object nobody gets something else than what it asked for.
func TestBootstrapObjectUnknown(t *testing.T) {
	a, _, b := connect(t, &server{})
	c := rpc.BootstrapObject[T](t.Context(), a, []byte("x"))
	if err := c.Resolve(t.Context()); !errors.Is(err, capnp.Failed) {
		t.Errorf("got %v", err)
	}
	c.Release()
	_ = b
}

// The search ends when the connection does.
func TestBootstrapObjectCanceled(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	a, b := rpc.Pipe(nil, &rpc.Options{Object: func(ctx context.Context, id []byte) (capnp.Client, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return capnp.Client{}, context.Cause(ctx)
	}})
	defer b.Close()
	c := rpc.BootstrapObject[T](t.Context(), a, []byte("x"))
	<-began
	a.Close()
	<-ended
	c.Release()
}

// The name is text, with a zero behind it, as the OCaml implementation has it.
func TestBootstrapObjectIsText(t *testing.T) {
	x, y := net.Pipe()
	defer y.Close()
	conn := rpc.NewConn(x, nil)
	defer conn.Close()
	asked := make(chan capnp.Client)
	go func() { asked <- rpc.BootstrapObject[T](t.Context(), conn, []byte("a\x00b")).Client }()
	m, err := frame.NewReader(y, nil).Read()
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, y)
	defer (<-asked).Release()
	id := capnp.Root[schema.Message](m).Bootstrap().DeprecatedObjectId()
	if got := string(id.Data()); got != "a\x00b\x00" || id.Text() != "a\x00b" {
		t.Errorf("sent %q", got)
	}
}

// A server decides about every connection before it speaks.
func TestServeConns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	var contexts []context.Context
	conns := make(chan *rpc.Conn, 3)
	served := make(chan error)
	held := make(chan struct{})
	go func() {
		served <- rpc.ServeConns(ctx, l, func(ctx context.Context, nc net.Conn, o *rpc.Options) (net.Conn, func(*rpc.Conn), error) {
			n++
			contexts = append(contexts, ctx)
			switch n {
			case 1:
				return nil, nil, errors.New("not you")
			case 2:
				o.Bootstrap = capnp.NewServer(&server{})
				return nc, func(c *rpc.Conn) { conns <- c }, nil
			}
			close(held)
			<-ctx.Done() // a handshake that takes for ever
			return nc, nil, nil
		}, nil)
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("refused: %v", err)
	}
	conn, err := rpc.Dial(t.Context(), "tcp", l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := add(t.Context(), rpc.Bootstrap[T](t.Context(), conn), 1).Wait(); err != nil {
		t.Fatal(err)
	}
	<-conns
	third, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	<-held
	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve does not end")
	}
	for _, ctx := range contexts {
		if ctx.Err() == nil {
			t.Error("a connection's context goes on")
		}
	}
}
