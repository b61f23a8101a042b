package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"lanyard.dev/capnp"
)

// busyHost is a host with real goroutines: anybody drains the inbox, another one moves messages.
type busyHost struct {
	e    *Engine
	boot capnp.Client
	peer *busyHost

	mu     sync.Mutex
	inbox  []Command
	busy   bool
	out    []*Message
	wake   sync.Cond
	closed bool
}

func (h *busyHost) Push(cmd Command, t *capnp.Turn) {
	h.mu.Lock()
	h.inbox = append(h.inbox, cmd)
	h.mu.Unlock()
	t.Kick(h)
}

func (h *busyHost) Drain(t *capnp.Turn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy {
		return
	}
	h.busy = true
	for len(h.inbox) > 0 {
		cmd := h.inbox[0]
		h.inbox = h.inbox[1:]
		h.mu.Unlock()
		h.e.Do(&cmd, t)
		h.mu.Lock()
	}
	h.busy = false
}

func (h *busyHost) Send(m *Message) error {
	m = transfer(m)
	h.mu.Lock()
	h.out = append(h.out, m)
	h.mu.Unlock()
	h.wake.Signal()
	return nil
}

// pump moves messages to the peer.
func (h *busyHost) pump() {
	for {
		h.mu.Lock()
		for len(h.out) == 0 && !h.closed {
			h.wake.Wait()
		}
		if len(h.out) == 0 {
			h.mu.Unlock()
			return
		}
		m := h.out[0]
		h.out = h.out[1:]
		h.mu.Unlock()
		t := capnp.BeginTurn()
		h.peer.Push(Receive(m), t)
		t.End()
	}
}

func (h *busyHost) stop() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.wake.Signal()
}

func (h *busyHost) Await(w *capnp.Waiter)       { w.Wait() }
func (h *busyHost) Hasten()                     {}
func (h *busyHost) Admit(context.Context) error { return nil }
func (h *busyHost) Context() context.Context    { return context.Background() }
func (h *busyHost) Closed(error)                {}
func (h *busyHost) Objects() capnp.Hook         { return nil }
func (h *busyHost) Bootstrap() capnp.Hook {
	b := capnp.HookOf(h.boot)
	b.Retain()
	return b
}

func (h *busyHost) bootstrap() capnp.Client {
	return capnp.StartCall(context.Background(), func(c *capnp.Call, t *capnp.Turn) { h.Push(AskBootstrap(c, nil), t) })
}

// busyServer is an object whose method is a function.
type busyServer func(c *capnp.Call) error

func (busyServer) FindMethod(uint64, uint16) *capnp.Method         { return method }
func (s busyServer) Invoke(_ context.Context, c *capnp.Call) error { return s(c) }
func (s busyServer) Impl() any                                     { return s }
func newBusyServer(f func(c *capnp.Call) error) capnp.Client       { return capnp.NewServer(busyServer(f)) }
func newBusyPair() (a, b *busyHost) {
	// echo returns its first parameter, and now and then calls it first.
	echo := func(c *capnp.Call) error {
		x := c.ParamsStruct().Client(0)
		c.ResultsStruct().SetClient(0, x)
		x.Release()
		return nil
	}
	a, b = &busyHost{boot: newBusyServer(echo)}, &busyHost{boot: newBusyServer(echo)}
	a.peer, b.peer = b, a
	for _, h := range []*busyHost{a, b} {
		h.wake.L = &h.mu
		h.e = New(h, Limits{})
		go h.pump()
	}
	return a, b
}

// TestConcurrent sends capabilities there and back from many goroutines, in both directions, calling
// them all the while: each reference's calls start in order, and in the end nothing is left.
func TestConcurrent(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 6
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := newBusyPair()
		var wg sync.WaitGroup
		var boots []capnp.Client
		for _, h := range []*busyHost{a, b} {
			boot := h.bootstrap()
			for range 4 {
				wg.Go(func() {
					for range rounds {
						comeHome(t, boot)
					}
				})
			}
			wg.Go(func() {
				for n := range rounds {
					p := send(context.Background(), boot, uint64(n), boot)
					if n%2 == 0 {
						p.Release()
						continue
					}
					res, err := p.Wait()
					if err != nil {
						t.Error(err)
					}
					res.Client(0).Release()
					p.Release()
				}
			})
			boots = append(boots, boot)
		}
		wg.Wait()
		for _, boot := range boots {
			boot.Release()
		}
		settle(t, a, b)
	})
}

// comeHome passes a promise to the peer, which returns it; meanwhile it becomes a local object.
func comeHome(t *testing.T, boot capnp.Client) {
	var next atomic.Uint64
	local := newBusyServer(func(c *capnp.Call) error {
		if n := c.ParamsStruct().Uint64(0); !next.CompareAndSwap(n, n+1) {
			t.Errorf("call %d started when %d was due", n, next.Load())
		}
		return nil
	})
	p, r := capnp.NewPromise[anyClient]()
	echo := send(context.Background(), boot, 0, p.Client)
	x := capnp.PipelineClient(echo, 0)
	n := uint64(0)
	calls := func(k int) (last capnp.Promise[capnp.Struct]) {
		for range k {
			last = send(context.Background(), x, n)
			n++
		}
		return last
	}
	calls(3)
	go r.Resolve(anyClient{local})
	calls(3)
	if _, err := echo.Wait(); err != nil {
		t.Error(err)
	}
	calls(3)
	x.Resolve(context.Background())
	if _, err := calls(3).Wait(); err != nil {
		t.Error(err)
	}
	x.Release()
	echo.Release()
	p.Release()
	local.Release()
}

// TestConcurrentTails does so with methods that end as calls of the caller's objects, and with calls
// for their pipeline only; some are given up at any moment.
func TestConcurrentTails(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what it finds is given back outside the bubble
	synctest.Test(t, func(t *testing.T) {
		a, b := newBusyPair()
		relay := newBusyServer(func(c *capnp.Call) error {
			x := c.ParamsStruct().Client(0)
			defer x.Release()
			return c.Tail(send(c.TailContext(), x, c.ParamsStruct().Uint64(0)))
		})
		a.boot, b.boot = relay, relay
		var wg sync.WaitGroup
		var boots []capnp.Client
		for _, h := range []*busyHost{a, b} {
			boot := h.bootstrap()
			for i := range 4 {
				wg.Go(func() {
					for n := range rounds {
						tailHome(t, boot, i%2 == 0, n%5 == 0)
					}
				})
			}
			boots = append(boots, boot)
		}
		wg.Wait()
		for _, boot := range boots {
			boot.Release()
		}
		settle(t, a, b)
	})
}

// tailHome makes a call that ends as one of an object here, which returns itself, and calls what it
// will return.
func tailHome(t *testing.T, boot capnp.Client, only, giveUp bool) {
	var next atomic.Uint64
	local := newBusyServer(func(c *capnp.Call) error {
		if n := c.ParamsStruct().Uint64(0); !next.CompareAndSwap(n, n+1) && !giveUp {
			t.Errorf("call %d started when %d was due", n, next.Load())
		}
		if c.ParamsStruct().Uint64(0) == 0 {
			c.ResultsStruct().SetClient(0, c.Self())
		}
		return nil
	})
	ctx := context.Background()
	if only {
		ctx = capnp.PipelineOnly(ctx)
	}
	p := send(ctx, boot, 0, local)
	x := capnp.PipelineClient(p, 0)
	n := uint64(1)
	calls := func(k int) (last capnp.Promise[capnp.Struct]) {
		for range k {
			last = send(context.Background(), x, n)
			n++
		}
		return last
	}
	calls(3)
	if giveUp {
		go p.Release()
		calls(2)
		x.Release()
		local.Release()
		return
	}
	if !only {
		go p.Wait()
	}
	calls(3)
	if _, err := calls(3).Wait(); err != nil {
		t.Error(err)
	}
	x.Release()
	p.Release()
	local.Release()
}

// TestConcurrentClose cuts the connection in the midst of that: every call ends.
func TestConcurrentClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newBusyPair()
		boot := a.bootstrap()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := range 50 {
					p := send(context.Background(), boot, uint64(n), boot)
					q := send(context.Background(), capnp.PipelineClient(p, 0), 1)
					p.Wait()
					q.Wait()
				}
			})
		}
		for _, h := range []*busyHost{a, b} {
			wg.Go(func() {
				turn(func(t *capnp.Turn) { h.Push(Close(errors.New("cut"), nil), t) })
			})
		}
		wg.Wait()
		boot.Release()
		settle(t, a, b)
	})
}

// settle waits until nothing moves and looks for what is left.
func settle(t *testing.T, hosts ...*busyHost) {
	synctest.Wait()
	for _, h := range hosts {
		turn(func(turn *capnp.Turn) {
			h.Push(Ask(func(e *Engine) {
				if s := e.Stats(); s != (Stats{}) {
					t.Errorf("left over: %+v", s)
				}
			}), turn)
		})
		h.stop()
	}
}
