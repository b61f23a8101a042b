package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
)

// TestReconnectSuite is reconnect-test.c++; TestReconnect and its neighbours have what C++ has not.
func TestReconnectSuite(t *testing.T) {
	play(t, "autoReconnect() direct call (exercises newCall() / RequestHook)",
		func(s *scene) { reconnects(s, false, false, false) })
	play(t, "autoReconnect() through RPC (exercises call() / CallContextHook)",
		func(s *scene) { reconnects(s, false, false, true) })
	play(t, "lazyAutoReconnect() direct call (exercises newCall() / RequestHook)",
		func(s *scene) { reconnects(s, true, false, false) })
	play(t, "lazyAutoReconnect() through RPC (exercises call() / CallContextHook)",
		func(s *scene) { reconnects(s, true, false, true) })
	play(t, "lazyAutoReconnectWithController() direct call (exercises newCall() / RequestHook)",
		func(s *scene) { reconnects(s, true, true, false) })
	play(t, "lazyAutoReconnectWithController() through RPC (exercises call() / CallContextHook)",
		func(s *scene) { reconnects(s, true, true, true) })
}

// generation is a Worker that says which it is.
type generation struct {
	testcap.UnimplementedWorker
	number int

	mu    sync.Mutex
	err   error         // of calls from now on
	block chan struct{} // if not nil, calls wait for it and then return late
	late  error
}

func (g *generation) Foo(_ context.Context, call testcap.WorkerFooCall) error {
	g.mu.Lock()
	err, block := g.err, g.block
	g.mu.Unlock()
	if err != nil {
		return err
	}
	call.Results().SetX(fmt.Sprint(call.Params().I(), call.Params().J(), g.number))
	if block != nil {
		call.Unblock()
		<-block
		return g.late
	}
	return nil
}

func (g *generation) set(err error, block chan struct{}, late error) {
	g.mu.Lock()
	g.err, g.block, g.late = err, block, late
	g.mu.Unlock()
}

// reconnects: the calls that fail because their server has gone are not repeated, the next ones go
// to the next server, and several that fail at a time make one new connection.
func reconnects(s *scene, lazy, reset, remote bool) {
	var made []*generation
	count := func() int { s.poll(); return len(made) }
	c, r := rpc.Reconnect(func(context.Context) (testcap.Worker, *rpc.Conn, error) {
		g := &generation{number: len(made) + 1}
		made = append(made, g)
		return testcap.NewWorker(g), nil, nil
	}, &rpc.ReconnectOptions{Lazy: lazy})
	if want(s, "connections at first", count(), map[bool]int{false: 1, true: 0}[lazy]); s.Failed() {
		return
	}
	drop := c.Release
	if remote {
		s.boot = c.Client
		c = bootstrap[testcap.Worker](s)
		own := drop
		drop = func() { c.Release(); own() }
		s.leaves = true // Bob offers what there is to reconnect
	}
	call := func(i uint32, j bool) testcap.WorkerFooResultsPromise { return foo(s.Context(), c, i, j) }
	works := func(p testcap.WorkerFooResultsPromise, x string) {
		s.Helper()
		want(s, "x", must[testcap.WorkerFooResults](s, p).X(), x)
	}
	gone := func(p testcap.WorkerFooResultsPromise, reason string) {
		s.Helper()
		_, err := p.Wait()
		if x, ok := errors.AsType[*capnp.Exception](err); !ok || x.Kind != capnp.Disconnected || x.Reason != reason {
			s.Errorf("got %v, want %s", err, reason)
		}
	}
	lost := func(reason string) error { return capnp.NewError(capnp.Disconnected, reason) }

	works(call(123, true), "123 true 1")
	want(s, "connections", count(), 1)

	made[0].set(lost("first"), nil, nil)
	if reset {
		r.Reset()
		want(s, "connections after a reset", count(), 1)
		works(call(456, true), "456 true 2")
	} else {
		gone(call(456, true), "first")
	}
	works(call(789, false), "789 false 2")
	works(call(21, true), "21 true 2")
	want(s, "connections", count(), 2)

	block := make(chan struct{})
	made[1].set(nil, block, lost("second"))
	p1, p2 := call(32, false), call(43, true)
	s.wantSettled(p1, false)
	s.wantSettled(p2, false)
	close(block)
	gone(p1, "second")
	gone(p2, "second")
	works(call(43, false), "43 false 3")
	want(s, "connections", count(), 3)

	// What is under way ends where it was sent, whatever becomes of the client.
	block = make(chan struct{})
	made[2].set(nil, block, nil)
	p1, p2 = call(1212, true), call(3434, false)
	s.wantSettled(p1, false)
	s.wantSettled(p2, false)
	made[2].set(lost("third"), nil, nil)
	p3 := call(7878, false)
	gone(p3, "third")
	works(call(5656, true), "5656 true 4")
	drop()
	want(s, "connections", count(), 4)
	s.wantSettled(p1, false)
	s.wantSettled(p2, false)
	close(block)
	works(p1, "1212 true 3")
	works(p2, "3434 false 3")
}
