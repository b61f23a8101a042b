package rpc_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// BenchmarkLanes makes calls on as many goroutines as calls are in flight, over a unix socket.
func BenchmarkLanes(b *testing.B) {
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
	for _, lanes := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(lanes), func(b *testing.B) {
			b.ReportAllocs()
			used := processorTime()
			writes := c.Stats().Writes
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range lanes {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := add(context.Background(), boot, 1).Wait(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			used(b)
			b.ReportMetric(float64(c.Stats().Writes-writes)/float64(b.N), "writes/op")
		})
	}
}

// processorTime returns what reports how much processor time, and how many times of giving the
// processor up, an operation took in this process.
func processorTime() func(*testing.B) {
	var was syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &was)
	return func(b *testing.B) {
		var is syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &is)
		cpu := is.Utime.Nano() + is.Stime.Nano() - was.Utime.Nano() - was.Stime.Nano()
		b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(is.Nvcsw-was.Nvcsw)/float64(b.N), "switches/op")
	}
}
