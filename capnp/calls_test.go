package capnp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestPanicFailsThatCallOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := serve(func(_ context.Context, c *Call) error {
			if number(c) == 0 {
				panic("secret")
			}
			return nil
		})
		_, err := call(t.Context(), o, 0).Wait()
		p, ok := errors.AsType[*PanicError](err)
		if !ok || p.Value != "secret" || AsException(err).Reason != "the method panicked" {
			t.Errorf("got %v", err)
		}
		if _, err := call(t.Context(), o, 1).Wait(); err != nil {
			t.Errorf("the next call: %v", err)
		}
	})
}

func TestUnknownMethod(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := serve(func(_ context.Context, c *Call) error { return nil })
		_, err := Send[Struct, StructBuilder](t.Context(), o, testOther, nil).Wait()
		if !errors.Is(err, Unimplemented) {
			t.Errorf("got %v, want unimplemented", err)
		}
	})
}

// The end of the caller's context ends the call, whether it is waited for or not, running or not.
func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var ended record
		stop := make(chan struct{})
		o := serve(func(ctx context.Context, c *Call) error {
			if number(c) == 2 {
				<-stop
				return nil
			}
			<-ctx.Done()
			ended.add(number(c))
			return ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("bored")
		running := call(ctx, o, 0) // nobody waits for it
		early, cancelEarly := context.WithCancelCause(t.Context())
		queued := call(early, o, 1)
		synctest.Wait()
		cancelEarly(why)
		synctest.Wait()
		cancel(why)
		ended.want(t, 0) // 1 never started
		for _, p := range []Promise[Struct]{running, queued} {
			if _, err := p.Wait(); !errors.Is(err, why) {
				t.Errorf("got %v, want %v", err, why)
			}
		}
		if _, err := call(ctx, o, 3).Wait(); !errors.Is(err, why) {
			t.Errorf("a call with an ended context: %v", err)
		}
		// WaitContext gives up waiting, not the call.
		p := call(t.Context(), o, 2)
		if _, err := p.WaitContext(ctx); !errors.Is(err, why) {
			t.Errorf("WaitContext: %v", err)
		}
		close(stop)
		if _, err := p.Wait(); err != nil {
			t.Errorf("after WaitContext gave up: %v", err)
		}
	})
}

// Release cancels a call, unless somebody holds a capability of its results.
func TestReleaseCancels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var ended record
		hold := make(chan struct{})
		o := serve(func(ctx context.Context, c *Call) error {
			c.Unblock()
			select {
			case <-ctx.Done():
				ended.add(number(c))
			case <-hold:
			}
			return nil
		})
		p := call(t.Context(), o, 1)
		synctest.Wait()
		p.Release()
		ended.want(t, 1)
		p = call(t.Context(), o, 2)
		synctest.Wait()
		x := PipelineClient(p, 0)
		p.Release()
		ended.want(t, 1)
		x.Release()
		ended.want(t, 1, 2)
		p = call(t.Context(), o, 3)
		q := call(t.Context(), PipelineClient(p, 1), 0)
		PipelineClient(p, 1).Release()
		p.Release()
		ended.want(t, 1, 2)
		q.Release()
		ended.want(t, 1, 2, 3)
		close(hold)
	})
}

func TestContextOfMethod(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		var kept context.Context
		derived := make(chan error, 1)
		o := serve(func(ctx context.Context, c *Call) error {
			kept = ctx
			if _, ok := ctx.Deadline(); ok || ctx.Err() != nil || ctx.Value(key{}) != nil {
				t.Error("the context has something of its own")
			}
			sub, cancel := context.WithCancel(ctx)
			go func() { <-sub.Done(); derived <- context.Cause(sub); cancel() }()
			stopped := context.AfterFunc(ctx, func() { t.Error("a stopped function ran") })
			if !stopped() {
				t.Error("stop was too late")
			}
			return nil
		})
		if _, err := call(context.WithValue(t.Context(), key{}, 1), o, 0).Wait(); err != nil {
			t.Fatal(err)
		}
		if err := <-derived; err == nil {
			t.Error("a derived context did not end")
		}
		if kept.Err() == nil {
			t.Error("the context goes on after the method has returned")
		}
	})
}

func TestTail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		var ended record
		leaf := serve(func(_ context.Context, c *Call) error {
			c.ResultsStruct().SetUint64(0, 77)
			return nil
		})
		back := serve(func(ctx context.Context, c *Call) error {
			c.Unblock()
			switch number(c) {
			case 0: // the context of the method that made this call is over, but not the call
				select {
				case <-hold:
				case <-ctx.Done():
					return ctx.Err()
				}
			case 1:
				return NewError(Overloaded, "busy")
			case 2:
				<-ctx.Done()
				ended.add(2)
				return ctx.Err()
			}
			r := c.ResultsStruct()
			r.SetUint64(0, 42)
			r.SetClient(0, leaf)
			return nil
		})
		front := serve(func(ctx context.Context, c *Call) error {
			c.Unblock()
			return c.Tail(call(ctx, back, number(c)))
		})
		p := call(t.Context(), front, 0)
		q := call(t.Context(), PipelineClient(p, 0), 0)
		synctest.Wait()
		close(hold)
		if res, err := p.Wait(); err != nil || res.Uint64(0) != 42 {
			t.Errorf("got %v, %v", res.Uint64(0), err)
		}
		if res, err := q.Wait(); err != nil || res.Uint64(0) != 77 {
			t.Errorf("pipelined: got %v, %v", res.Uint64(0), err)
		}
		if _, err := call(t.Context(), front, 1).Wait(); !errors.Is(err, Overloaded) {
			t.Errorf("got %v, want overloaded", err)
		}
		c := call(t.Context(), front, 2)
		synctest.Wait()
		c.Release() // cancels the call at the end of the tail
		ended.want(t, 2)
		if err := (&Call{}).Tail(Promise[Struct]{}); err == nil {
			t.Error("Tail of nothing succeeded")
		}
	})
}

func TestSetPipeline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		leaf := serve(func(_ context.Context, c *Call) error { return nil })
		maker := serve(func(_ context.Context, c *Call) error { c.ResultsStruct().SetClient(0, leaf); return nil })
		o := serve(func(ctx context.Context, c *Call) error {
			c.SetPipeline(call(context.Background(), maker, 0))
			<-hold
			c.ResultsStruct().SetClient(0, leaf)
			return nil
		})
		p := call(t.Context(), o, 0)
		if _, err := call(t.Context(), PipelineClient(p, 0), 1).Wait(); err != nil {
			t.Error(err)
		}
		select {
		case <-p.Done():
			t.Error("the call has returned already")
		default:
		}
		close(hold)
		res, err := p.Wait()
		if err != nil || !Same(res.Client(0), leaf) || res.Client(0) != PipelineClient(p, 0) {
			t.Errorf("the results have another capability: %v", err)
		}
	})
}

// A method that fails, or tail-calls, gives back what it had put into its results.
func TestFailedResultsAreReleased(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newCounted("result")
		x := NewClient(h)
		o := serve(func(_ context.Context, c *Call) error {
			c.ResultsStruct().SetClient(0, x)
			switch number(c) {
			case 0:
				return errors.New("no")
			case 1:
				panic("no")
			}
			return nil
		})
		for n := range uint64(3) {
			p := call(t.Context(), o, n)
			p.Wait()
			p.Release()
			synctest.Wait()
			h.want(t, 1)
		}
		x.Release()
		h.want(t, 0)
	})
}

// What a method takes out of its parameters is its own; the rest goes when it returns.
func TestParams(t *testing.T) {
	bubble(t, func(t *testing.T) {
		kept, left := newCounted("kept"), newCounted("left")
		a, b := NewClient(kept), NewClient(left)
		var got Client
		o := serve(func(_ context.Context, c *Call) error {
			got = c.ParamsStruct().Client(0)
			if got != c.ParamsStruct().Client(0) {
				t.Error("the same field gave another client")
			}
			return nil
		})
		call(t.Context(), o, 0, a, b).Wait()
		synctest.Wait()
		kept.want(t, 2)
		left.want(t, 1)
		got.Release()
		got.Release()
		kept.want(t, 1)
		// A call that never arrives gives them back as well.
		for name, c := range map[string]Client{"null": {}, "broken": Broken(errors.New("no"))} {
			if _, err := call(t.Context(), c, 0, a, b).Wait(); err == nil {
				t.Errorf("a call on a %s capability succeeded", name)
			}
			kept.want(t, 1)
			left.want(t, 1)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		call(done, o, 0, a, b)
		kept.want(t, 1)
		a.Release()
		b.Release()
		kept.want(t, 0)
		left.want(t, 0)
	})
}
