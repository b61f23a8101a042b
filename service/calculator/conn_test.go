package calculator

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// connect gives a client a calculator at the other end of a connection, and the
// session behind it.
func connect(t *testing.T, limits *Limits) (desk, *rpc.Conn, *session) {
	t.Helper()
	s := &server{session: newSession(limits)}
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: NewCalculator(s).Client})
	t.Cleanup(func() {
		near.Close()
		far.Close()
		<-near.Done()
		<-far.Done()
	})
	return desk{t, t.Context(), rpc.Bootstrap[Calculator](t.Context(), near)}, near, s.session
}

// TestSamplesOverConnection does what the sample clients do, many clients at a
// time.
func TestSamplesOverConnection(t *testing.T) {
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			d, conn, s := connect(t, nil)
			samples(d)
			conn.Close()
			<-conn.Done()
			if s.running != 0 {
				t.Errorf("%d evaluations still run", s.running)
			}
		})
	}
	clients.Wait()
}

// TestDisconnectEndsEvaluations: an evaluation that waits for a client's
// function ends when the client goes, long before the deadline.
func TestDisconnectEndsEvaluations(t *testing.T) {
	d, conn, s := connect(t, &Limits{Wait: time.Hour})
	started := make(chan struct{}, 3)
	stuck := hosted(func(ctx context.Context, call CalculatorFunctionCallCall) (float64, error) {
		call.Unblock()
		started <- struct{}{}
		<-ctx.Done()
		return 0, ctx.Err()
	})
	var values []CalculatorValue
	for range 3 {
		values = append(values, d.evaluate(invoke(stuck)))
	}
	for range 3 {
		<-started
	}
	if s.count() != 3 {
		t.Fatalf("%d evaluations run, want 3", s.count())
	}
	conn.Close()
	for _, v := range values {
		if _, err := d.read(v); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("read after the connection closed: %v", err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); s.count() != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d evaluations still run", s.count())
		}
		<-time.After(time.Millisecond)
	}
	if n := len(s.calls); n != 0 {
		t.Errorf("%d calls are still counted", n)
	}
}

func (s *session) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// TestFuelOverConnection: the sixteen definitions of TestSixteenDefinitions
// from a distance.
func TestFuelOverConnection(t *testing.T) {
	d, _, _ := connect(t, nil)
	d.wantError(d.evaluate(invoke(d.chained(16), number(1))), capnp.Overloaded, "out of fuel")
	d.want(d.evaluate(number(1)), 1)
}

// TestRecursionThroughClient: server and client call each other in turn. The
// client pays for each call with one of its own, and a limit ends it.
func TestRecursionThroughClient(t *testing.T) {
	d, _, _ := connect(t, &Limits{Evaluations: 20})
	deepest := 0
	var f CalculatorFunction
	down := hosted(func(ctx context.Context, call CalculatorFunctionCallCall) (float64, error) {
		call.Unblock()
		deepest++
		return desk{t, ctx, d.c}.call(f, call.Params().Params().At(0)+1)
	})
	f = d.define(1, invoke(down, param(0)))
	if _, err := d.call(f, 0); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("endless recursion: %v", err)
	}
	if deepest != 20 {
		t.Errorf("%d levels deep, want 20", deepest)
	}
	d.want(d.evaluate(number(1)), 1)
}
