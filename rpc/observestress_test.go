package rpc_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// balance counts the calls that have started and not ended.
type balance struct {
	mu      sync.Mutex
	open    map[*rpc.CallInfo]string
	started int
	faults  []string
	changed chan struct{}
}

func (b *balance) observer() *rpc.Observer {
	b.open, b.changed = map[*rpc.CallInfo]string{}, make(chan struct{}, 1)
	return &rpc.Observer{
		CallStarted: func(_ context.Context, c *rpc.CallInfo) context.Context {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.started++
			if b.open[c] != "" {
				b.faults = append(b.faults, c.Name()+" started twice")
			}
			b.open[c] = c.Side.String() + " " + c.Name()
			return nil
		},
		CallEnded: func(_ context.Context, c *rpc.CallInfo) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open[c] == "" {
				b.faults = append(b.faults, c.Side.String()+" "+c.Name()+" ended without a start")
			}
			delete(b.open, c)
			select {
			case b.changed <- struct{}{}:
			default:
			}
		},
	}
}

// settle waits until nothing is open.
func (b *balance) settle(t *testing.T, who string) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		n, faults := len(b.open), b.faults
		var left []string
		for _, what := range b.open {
			left = append(left, what)
		}
		b.mu.Unlock()
		if len(faults) > 0 {
			t.Fatalf("%s: %q", who, faults)
		}
		if n == 0 {
			return
		}
		select {
		case <-b.changed:
		case <-timeout:
			t.Fatalf("%s: %d calls never ended: %q", who, n, left)
		}
	}
}

// juggler does with a call whatever its number says.
type juggler struct{ server }

func (j *juggler) Invoke(ctx context.Context, c *capnp.Call) error {
	cb := T{c.ParamsStruct().Client(0)}
	switch c.ParamsStruct().Uint64(0) % 6 {
	case 0: // tail call
		return c.Tail(add(ctx, cb, 1))
	case 1: // calls back and waits
		defer cb.Release()
		_, err := add(ctx, cb, 1).Wait()
		return err
	case 2: // waits until it is given up
		<-ctx.Done()
		return ctx.Err()
	case 3:
		panic("three")
	case 4: // calls and does not wait
		add(ctx, cb, 5)
		c.ResultsStruct().SetClient(0, cb.Client)
	default:
		c.ResultsStruct().SetClient(0, c.Self())
	}
	return nil
}

// Whatever becomes of calls, each that has started ends once, on both sides: calls that are pipelined,
// handed on, given up, made in methods, and those that a lost connection ends.
func TestEveryCallEndsOnceForObservers(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		var near, far balance
		boot := capnp.NewServer(&juggler{})
		mine := T{capnp.NewServer(&juggler{})}
		a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{near.observer()}, Bootstrap: mine.Client},
			&rpc.Options{Observers: []*rpc.Observer{far.observer()}, Bootstrap: boot})
		boot.Release()
		ctx, cancel := context.WithCancel(t.Context())
		targets := []T{rpc.Bootstrap[T](ctx, a)}
		for range 60 {
			to := targets[r.IntN(len(targets))]
			n := r.Uint64()
			c, stop := context.WithCancel(ctx)
			p := capnp.Send[capnp.Struct](c, to.Client, selfMethod, func(b capnp.StructBuilder) {
				b.SetUint64(0, n)
				b.SetClient(0, targets[0].Client)
				if n%2 == 0 {
					b.SetClient(0, mine.Client)
				}
			})
			switch r.IntN(4) {
			case 0:
				stop()
			case 1:
				targets = append(targets, T{capnp.PipelineClient(p, 0)})
			case 2:
				p.Release()
			}
			context.AfterFunc(ctx, stop)
		}
		if r.IntN(2) == 0 {
			cancel()
		}
		for _, c := range targets[1:] {
			c.Release()
		}
		if r.IntN(2) == 0 {
			a.Close()
		}
		b.Close()
		a.Close()
		cancel()
		targets[0].Release()
		mine.Release()
		near.settle(t, "near")
		far.settle(t, "far")
		t.Logf("seed %d: %d and %d calls", seed, near.started, far.started)
		if near.started == 0 || far.started == 0 {
			t.Errorf("seed %d: %d and %d calls", seed, near.started, far.started)
		}
	}
}
