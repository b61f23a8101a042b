package rpc_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// Giving a call up just when its results come leaves a promised capability that may be used: what
// is called on it runs or fails, but must not go to an id that was given back.
func TestGivingUpAsResultsCome(t *testing.T) {
	s := &server{}
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(s)})
	defer near.Close()
	defer far.Close()
	sink := &server{}
	mine := T{capnp.NewServer(sink)}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 3000 {
				ctx, cancel := context.WithCancel(context.Background())
				var c T
				if n%2 == 0 {
					c = rpc.Bootstrap[T](ctx, near)
				} else {
					boot := rpc.Bootstrap[T](context.Background(), near)
					p := self(ctx, boot)
					c = T{capnp.PipelineClient(p, 0)}
					boot.Release()
				}
				go func() {
					for range (n*7 + i) % 50 {
						runtime.Gosched()
					}
					cancel()
				}()
				for range n % 20 {
					runtime.Gosched()
				}
				for range 3 {
					_, err := add(context.Background(), c, 1).Wait()
					if errors.Is(err, capnp.Disconnected) {
						t.Error(err)
						return
					}
					runtime.Gosched()
				}
				// Passed on, it must not name what it does not lead to, either.
				q := capnp.Send[capnp.Struct](context.Background(), mine.Client, callMethod, func(b capnp.StructBuilder) { b.SetClient(0, c.Client) })
				if _, err := q.Wait(); errors.Is(err, capnp.Disconnected) {
					t.Error(err)
					return
				}
				q.Release()
				c.Release()
			}
		})
	}
	wg.Wait()
	if _, err := add(t.Context(), rpc.Bootstrap[T](t.Context(), near), 1).Wait(); err != nil {
		t.Errorf("the connection is no good any more: %v", err)
	}
}
