package capnp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// What a context says about calls does not change what becomes of them in one process, but for their
// results, which cannot be waited for.
func TestTailContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var ended record
		back := serve(func(ctx context.Context, c *Call) error {
			c.Unblock()
			if number(c) == 1 {
				<-ctx.Done()
				ended.add(1)
				return ctx.Err()
			}
			c.ResultsStruct().SetUint64(0, 42)
			return nil
		})
		var other *Call
		front := serve(func(ctx context.Context, c *Call) error {
			c.Unblock()
			switch number(c) {
			case 1: // ends otherwise
				call(c.TailContext(), back, 1)
				synctest.Wait()
				return nil
			case 2:
				_, err := call(c.TailContext(), back, 0).Wait()
				return err
			case 3:
				other = c
				<-ctx.Done()
				return nil
			case 4:
				return c.Tail(call(other.TailContext(), back, 0))
			}
			return c.Tail(call(c.TailContext(), back, 0))
		})
		if res, err := call(t.Context(), front, 0).Wait(); err != nil || res.Uint64(0) != 42 {
			t.Errorf("got %v, %v", res.Uint64(0), err)
		}
		if _, err := call(t.Context(), front, 1).Wait(); err != nil {
			t.Error(err)
		}
		ended.want(t, 1)
		if _, err := call(t.Context(), front, 2).Wait(); !errors.Is(err, errTailResults) {
			t.Errorf("got %v, want %v", err, errTailResults)
		}
		p := call(t.Context(), front, 3)
		synctest.Wait()
		if _, err := call(t.Context(), front, 4).Wait(); !errors.Is(err, errNotTheTail) {
			t.Errorf("got %v, want %v", err, errNotTheTail)
		}
		p.Release()
	})
}

func TestPipelineOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ended := &record{}
		leaf := serve(func(_ context.Context, c *Call) error { c.ResultsStruct().SetUint64(0, number(c)); return nil })
		maker := serve(func(ctx context.Context, c *Call) error {
			if number(c) == 1 {
				<-ctx.Done()
				ended.add(1)
				return ctx.Err()
			}
			c.ResultsStruct().SetClient(0, leaf)
			return nil
		})
		p := call(PipelineOnly(t.Context()), maker, 0)
		x := PipelineClient(p, 0)
		if res, err := call(t.Context(), x, 7).Wait(); err != nil || res.Uint64(0) != 7 {
			t.Errorf("got %v, %v", res.Uint64(0), err)
		}
		for _, wait := range []func() (Struct, error){p.Wait, func() (Struct, error) { return p.WaitContext(t.Context()) }} {
			if _, err := wait(); !errors.Is(err, errPipelineOnly) {
				t.Errorf("got %v, want %v", err, errPipelineOnly)
			}
		}
		front := serve(func(_ context.Context, c *Call) error { return c.Tail(call(PipelineOnly(t.Context()), maker, 0)) })
		if _, err := call(t.Context(), front, 0).Wait(); !errors.Is(err, errPipelineOnly) {
			t.Errorf("as a tail: got %v, want %v", err, errPipelineOnly)
		}

		// Nobody needs it any more; and the context that it was made with ends.
		for _, cancelled := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			p := call(PipelineOnly(ctx), maker, 1)
			x := PipelineClient(p, 0)
			synctest.Wait()
			if ended.want(t); cancelled {
				cancel()
			} else {
				p.Release()
				ended.want(t)
				x.Release()
			}
			ended.want(t, 1)
			ended = &record{}
			cancel()
		}
	})
}

// Methods that end as each other, wherever the circle is closed, fail; nothing hangs or deadlocks.
func TestTailCycles(t *testing.T) {
	leaf := serve(func(_ context.Context, c *Call) error { return nil })
	for n := 1; n <= 4; n++ {
		for round := range 50 {
			early := round%3 == 0 // what is pipelined goes elsewhere
			bubble(t, func(t *testing.T) {
				calls := make([]Promise[Struct], n)
				ready := make(chan struct{})
				o := serve(func(_ context.Context, c *Call) error {
					c.Unblock()
					if early {
						c.SetPipeline(call(t.Context(), leaf, 0))
					}
					<-ready
					return c.Tail(calls[(number(c)+1)%uint64(n)])
				})
				for i := range n {
					calls[i] = call(t.Context(), o, uint64(i))
					PipelineClient(calls[i], 0)
				}
				close(ready)
				for i := range n {
					x := PipelineClient(calls[i], 1)
					if _, err := call(t.Context(), x, 0).Wait(); err == nil {
						t.Errorf("a call on what %d calls in a circle return has a result", n)
					}
					if _, err := calls[i].Wait(); err == nil {
						t.Errorf("call %d of %d in a circle has a result", i, n)
					}
				}
			})
		}
	}
}
