package rpc_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// worker is a server whose methods wait until they are let go. self gives a capability on which
// add counts, call calls back first.
type worker struct {
	server
	begun, ended atomic.Int64
	gate         chan struct{}
}

func newWorker() *worker { return &worker{gate: make(chan struct{})} }

func (w *worker) Invoke(ctx context.Context, c *capnp.Call) error {
	if c.Method() == addMethod && c.ParamsStruct().Uint64(0) == 0 {
		return nil // a ping
	}
	w.begun.Add(1)
	c.Unblock()
	select {
	case <-w.gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer w.ended.Add(1)
	return w.server.Invoke(ctx, c)
}

func shutdown(c *rpc.Conn, atMost time.Duration) chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), atMost)
		defer cancel()
		done <- c.Shutdown(ctx)
	}()
	return done
}

// What is under way ends well, what is pipelined on it too, what is new is turned away; then the
// connection ends.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker()
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(w)})
		c := rpc.Bootstrap[T](t.Context(), near)
		running := add(t.Context(), c, 5)
		object := self(t.Context(), c)
		synctest.Wait()
		done := shutdown(far, time.Hour)
		synctest.Wait()
		if _, err := add(t.Context(), c, 6).Wait(); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("a new call: %v", err)
		}
		again := rpc.Bootstrap[T](t.Context(), near)
		if _, err := add(t.Context(), again, 6).Wait(); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("a new bootstrap: %v", err)
		}
		pipelined := add(t.Context(), T{capnp.PipelineClient(object, 0)}, 7)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("shut down with calls under way: %v", err)
		default:
		}
		close(w.gate)
		if _, err := running.Wait(); err != nil {
			t.Errorf("the call under way: %v", err)
		}
		if _, err := object.Wait(); err != nil {
			t.Errorf("the call that is pipelined on: %v", err)
		}
		if _, err := pipelined.Wait(); err != nil {
			t.Errorf("the pipelined call: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-near.Done()
		if got := w.ended.Load(); got != 3 {
			t.Errorf("%d methods ended, want 3", got)
		}
	})
}

// A call that comes while the server waits for its client may be part of what the client does.
func TestShutdownLetsCallbacksThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker()
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(w)})
		c := rpc.Bootstrap[T](t.Context(), near)
		cb := T{capnp.NewServer(&callback{to: c})}
		p := capnp.Send[capnp.Struct](t.Context(), c.Client, callMethod, func(b capnp.StructBuilder) { b.SetUint64(0, 9); b.SetClient(0, cb.Client) })
		synctest.Wait()
		done := shutdown(far, time.Hour)
		synctest.Wait()
		close(w.gate)
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-near.Done()
	})
}

// callback calls to from its add.
type callback struct {
	server
	to T
}

func (c *callback) Invoke(ctx context.Context, call *capnp.Call) error {
	_, err := add(ctx, c.to, 0).Wait()
	return err
}

// When the time is up methods get their contexts ended.
func TestShutdownDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker()
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(w)})
		c := rpc.Bootstrap[T](t.Context(), near)
		p := add(t.Context(), c, 5)
		synctest.Wait()
		begin := time.Now()
		if err := <-shutdown(far, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		if _, err := p.Wait(); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("the call: %v", err)
		}
		<-near.Done()
	})
}

// C++: rpc-test, "connections set idle when appropriate" and "clean connection shutdown". The
// connection is idle when nothing refers to the other side, and closes without another message.
func TestCloseIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker()
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(w)})
		c := rpc.Bootstrap[T](t.Context(), near)
		near.CloseIdle()
		open := func(why string) {
			t.Helper()
			synctest.Wait()
			select {
			case <-near.Done():
				t.Fatalf("closed although %s: %v", why, near.Err())
			default:
			}
		}
		c.Resolve(t.Context())
		open("there is a capability")
		p := add(t.Context(), c, 5)
		c.Release()
		open("a call is under way")
		close(w.gate)
		p.Wait()
		<-near.Done()
		<-far.Done()
		sent, got := near.Stats(), far.Stats()
		// Bootstrap, Finish, Call, Finish if needed, Release.
		if sent.MessagesSent > 5 || got.MessagesReceived != sent.MessagesSent {
			t.Errorf("near sent %d messages, far received %d; want 5 at most, and none lost", sent.MessagesSent, got.MessagesReceived)
		}
		if got.MessagesSent != 2 || sent.MessagesReceived != 2 { // two Returns
			t.Errorf("far sent %d messages, near received %d; want 2", got.MessagesSent, sent.MessagesReceived)
		}
	})
}

// Serve lets calls under way end when its context does, refuses new connections at once, and
// results arrive although the sockets are closed right after them.
func TestServeDrains(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorker()
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() {
				served <- rpc.Serve(ctx, l, T{capnp.NewServer(w)}, &rpc.Options{DrainTimeout: time.Minute})
			}()
			var calls []capnp.Promise[capnp.Struct]
			var conns []*rpc.Conn
			for range 20 {
				conn, err := rpc.Dial(t.Context(), network, l.Addr().String(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conns = append(conns, conn)
				c := rpc.Bootstrap[T](t.Context(), conn)
				if _, err := add(t.Context(), c, 0).Wait(); err != nil {
					t.Fatal(err)
				}
				calls = append(calls, add(t.Context(), c, 5))
			}
			for end := time.Now().Add(20 * time.Second); w.begun.Load() < 20; <-time.After(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d of 20 calls arrived", w.begun.Load())
				}
			}
			stop()
			for { // until the listener is closed
				conn, err := net.Dial(network, l.Addr().String())
				if err != nil {
					break
				}
				conn.Close()
			}
			close(w.gate)
			for i, p := range calls {
				if _, err := p.Wait(); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			for _, c := range conns {
				<-c.Done()
			}
		})
	}
}
