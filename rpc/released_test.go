package rpc_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// subscription is an object that wants to know when nobody holds it any more.
type subscription struct {
	server
	released atomic.Int64
}

func (s *subscription) Impl() any { return s }
func (s *subscription) Released() { s.released.Add(1) }

// An object is told when the peer that held it gives it up, or is lost.
func TestReleasedByAPeer(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &subscription{}
			boot := capnp.NewServer(s)
			near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: boot})
			defer far.Close()
			c := rpc.Bootstrap[T](t.Context(), near)
			p := self(t.Context(), c)
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			boot.Release()
			p.Release()
			if synctest.Wait(); s.released.Load() != 0 {
				t.Fatal("told while the peer holds it")
			}
			if lost {
				near.Close()
			} else {
				c.Release()
				synctest.Wait()
				far.Close() // the connection's own reference to what it offers
				near.Close()
			}
			if synctest.Wait(); s.released.Load() != 1 {
				t.Errorf("lost %v: told %d times", lost, s.released.Load())
			}
		})
	}
}
