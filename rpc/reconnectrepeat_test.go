package rpc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// onlyAdd lets add be repeated, and nothing else.
func onlyAdd(interfaceID uint64, methodID uint16) bool { return interfaceID == 0xabc && methodID == 1 }

// fickle ends so many calls as lost before it answers.
type fickle struct {
	server
	losses int
	tries  int
	gate   chan struct{}
}

func (f *fickle) Invoke(ctx context.Context, c *capnp.Call) error {
	f.tries++
	if f.gate != nil {
		<-f.gate
	}
	if f.losses--; f.losses >= 0 {
		return capnp.NewError(capnp.Disconnected, "lost")
	}
	return f.server.Invoke(ctx, c)
}

// A call that may be repeated is made again after a loss, twice at most, with the same parameters.
func TestReconnectRepeats(t *testing.T) {
	for _, test := range []struct {
		name   string
		losses int
		method *capnp.Method
		calls  int
		ok     bool
	}{
		{"none", 0, addMethod, 1, true},
		{"once", 1, addMethod, 2, true},
		{"twice", 2, addMethod, 3, true},
		{"thrice", 3, addMethod, 3, false},
		{"another method", 1, callMethod, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fickle{losses: test.losses}
				c, _ := rpc.Reconnect(func(context.Context) (T, *rpc.Conn, error) {
					return T{capnp.NewServer(f)}, nil, nil
				}, &rpc.ReconnectOptions{Repeat: onlyAdd})
				got, err := capnp.Send[capnp.Struct](t.Context(), c.Client, test.method, func(b capnp.StructBuilder) {
					b.SetUint64(0, 7)
				}).Wait()
				switch {
				case f.tries != test.calls:
					t.Errorf("called %d times, want %d", f.tries, test.calls)
				case test.ok && (err != nil || got.Uint64(0) != 7):
					t.Errorf("got %d, %v", got.Uint64(0), err)
				case !test.ok && !errors.Is(err, capnp.Disconnected):
					t.Errorf("got %v, want a lost connection", err)
				}
				c.Release()
				synctest.Wait()
			})
		})
	}
}

// What is pipelined on a call cannot be repeated with it, so then nothing is.
func TestReconnectRepeatsNothingPipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fickle{gate: make(chan struct{})}
		boot := capnp.NewServer(f)
		var far *rpc.Conn
		c, _ := rpc.Reconnect(func(ctx context.Context) (c T, near *rpc.Conn, err error) {
			near, far = rpc.Pipe(nil, &rpc.Options{Bootstrap: boot})
			return rpc.Bootstrap[T](ctx, near), near, nil
		}, &rpc.ReconnectOptions{Repeat: func(uint64, uint16) bool { return true }})
		p := self(t.Context(), c)
		next := T{capnp.PipelineClient(p, 0)}
		q := add(t.Context(), next, 1)
		synctest.Wait()
		far.Close()
		_, err := p.Wait()
		_, err2 := q.Wait()
		if !errors.Is(err, capnp.Disconnected) || !errors.Is(err2, capnp.Disconnected) || f.tries != 1 {
			t.Errorf("got %v and %v after %d calls", err, err2, f.tries)
		}
		close(f.gate)
		next.Release()
		c.Release()
		synctest.Wait()
	})
}

// An error may end it for ever: then calls fail at once and nobody tries again.
func TestReconnectGivesUpForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := capnp.NewError(capnp.Failed, "gone for good")
		attempts := 0
		c, r := rpc.Reconnect(func(context.Context) (T, *rpc.Conn, error) {
			attempts++
			return T{}, nil, gone
		}, &rpc.ReconnectOptions{Judge: func(error, int) rpc.Verdict { return rpc.GiveUpForever }})
		for range 3 {
			if _, err := add(t.Context(), c, 1).Wait(); !errors.Is(err, gone) {
				t.Errorf("got %v", err)
			}
		}
		r.Reset()
		time.Sleep(time.Hour)
		if err := c.Resolve(t.Context()); !errors.Is(err, gone) || attempts != 1 {
			t.Errorf("%v after %d attempts", err, attempts)
		}
		c.Release()
		synctest.Wait()
	})
}

// A second loss while calls wait ends those as overloaded; trying goes on.
func TestReconnectOverloadedWhileHealing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		attempts := 0
		c, _ := rpc.Reconnect(func(context.Context) (T, *rpc.Conn, error) {
			if attempts++; attempts < 3 {
				time.Sleep(time.Second)
				return T{}, nil, capnp.NewError(capnp.Disconnected, "again")
			}
			return T{capnp.NewServer(s)}, nil, nil
		}, &rpc.ReconnectOptions{Judge: func(error, int) rpc.Verdict { return rpc.TryAgainOverloaded }})
		if _, err := add(t.Context(), c, 1).Wait(); !errors.Is(err, capnp.Overloaded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := add(t.Context(), c, 1).Wait(); err != nil || attempts != 3 {
			t.Errorf("got %v after %d attempts", err, attempts)
		}
		c.Release()
		synctest.Wait()
	})
}

// Connections that belong to somebody else are watched, and never closed.
func TestReconnectShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{remote: true}
		var near *rpc.Conn
		c, r := rpc.Reconnect(func(ctx context.Context) (T, *rpc.Conn, error) {
			c, conn, err := d.dial(ctx)
			near = conn
			return c, conn, err
		}, &rpc.ReconnectOptions{Shared: true})
		reached(t, c)
		first := near
		r.Reset()
		synctest.Wait()
		if reached(t, c); first == near || first.Err() != nil {
			t.Errorf("the connection was closed: %v", first.Err())
		}
		near.Close() // is noticed without a call
		time.Sleep(time.Minute)
		if d.count() != 3 {
			t.Errorf("connected %d times", d.count())
		}
		c.Release()
		synctest.Wait()
		first.Close()
		near.Close()
	})
}
