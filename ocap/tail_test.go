package ocap_test

import (
	"context"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// fn is an object whose every method is self.
type fn func(c *capnp.Call) error

func (f fn) Impl() any                                        { return f }
func (f fn) FindMethod(uint64, uint16) *capnp.Method          { return self }
func (f fn) Invoke(_ context.Context, call *capnp.Call) error { return f(call) }

// Two methods behind membranes end as each other: their calls fail, nothing deadlocks.
func TestTailCycleThroughMembranes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var calls [2]capnp.Promise[capnp.Struct]
	ready := make(chan struct{})
	for i := range calls {
		o := capnp.NewServer(fn(func(c *capnp.Call) error {
			c.Unblock()
			<-ready
			return c.Tail(calls[1-i])
		}))
		w, _ := ocap.Revocable(T{o})
		calls[i] = send(ctx, w.Client, self, 0)
		capnp.PipelineClient(calls[i], 0)
	}
	close(ready)
	for i := range calls {
		if _, err := send(ctx, capnp.PipelineClient(calls[i], 1), self, 0).Wait(); err == nil {
			t.Errorf("a call on what call %d returns has a result", i)
		}
		if _, err := calls[i].Wait(); err == nil || ctx.Err() != nil {
			t.Errorf("call %d ended with %v", i, err)
		}
	}
}
