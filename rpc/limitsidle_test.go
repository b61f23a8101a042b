package rpc_test

import (
	"context"
	"net"
	"runtime"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// What idle connections take is no more than the computation of the worst case takes them for. An
// attacker's end is a bare socket, so all that is measured is the server's.
func TestIdleConnections(t *testing.T) {
	const n, most = 200, 256 << 10
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(ctx, l, T{capnp.NewServer(newVictim())}, nil) }()
	before, goroutines := liveBytes(), runtime.NumGoroutine()
	var conns []net.Conn
	for range n {
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		c.Write(bootstrapMessage(0))
		c.Read(make([]byte, 1<<10)) // the answer has come
	}
	each := (liveBytes() - before) / n
	t.Logf("%d bytes and %.1f goroutines each", each, float64(runtime.NumGoroutine()-goroutines)/n)
	if each > most {
		t.Errorf("%d bytes each, want at most %d", each, most)
	}
	for _, c := range conns {
		c.Close()
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
