package rpc_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// BenchmarkChain makes chains of 16 pipelined calls, over a unix socket.
func BenchmarkChain(b *testing.B) {
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	go rpc.Serve(ctx, l, T{capnp.NewServer(&server{})}, nil)
	c, err := rpc.Dial(ctx, "unix", l.Addr().String(), nil)
	if err != nil {
		b.Fatal(err)
	}
	boot := rpc.Bootstrap[T](ctx, c)
	b.ReportAllocs()
	used := processorTime()
	writes := c.Stats().Writes
	for b.Loop() {
		link := boot
		for range 15 {
			link = T{capnp.PipelineClient(self(context.Background(), link), 0)}
		}
		if _, err := self(context.Background(), link).Wait(); err != nil {
			b.Fatal(err)
		}
	}
	used(b)
	b.ReportMetric(float64(c.Stats().Writes-writes)/float64(b.N), "writes/op")
}
