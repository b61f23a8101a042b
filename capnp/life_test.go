package capnp

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// mortal counts how often it was told that nobody holds it.
type mortal struct {
	released atomic.Int64
	method   func(context.Context, *Call) error
}

func (m *mortal) Released() { m.released.Add(1) }

type mortalServer struct {
	testServer
	m *mortal
}

func (s mortalServer) Impl() any { return s.m }

func newMortal() (*mortal, Client) {
	m := &mortal{method: func(context.Context, *Call) error { return nil }}
	run := func(ctx context.Context, c *Call) error { return m.method(ctx, c) }
	return m, NewServer(mortalServer{testServer(run), m})
}

func TestReleased(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, m *mortal, c Client)
	}{
		{"one reference", func(_ *testing.T, _ *mortal, c Client) { c.Release() }},
		{"two references", func(t *testing.T, m *mortal, c Client) {
			second := AddRef(anyTyped{c})
			c.Release()
			if synctest.Wait(); m.released.Load() != 0 {
				t.Error("told while somebody holds it")
			}
			second.Release()
		}},
		{"a call under way", func(t *testing.T, m *mortal, c Client) {
			end := make(chan struct{})
			m.method = func(context.Context, *Call) error { <-end; return nil }
			p := call(t.Context(), c, 0)
			c.Release()
			if synctest.Wait(); m.released.Load() != 0 {
				t.Error("told while a method runs")
			}
			close(end)
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			p.Release()
		}},
		{"a call cancelled in the queue", func(t *testing.T, m *mortal, c Client) {
			end := make(chan struct{})
			m.method = func(context.Context, *Call) error { <-end; return nil }
			first := call(t.Context(), c, 0)
			ctx, cancel := context.WithCancel(t.Context())
			queued := call(ctx, c, 0)
			cancel()
			if _, err := queued.Wait(); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			c.Release()
			close(end)
			if _, err := first.Wait(); err != nil {
				t.Error(err)
			}
			first.Release()
		}},
		{"a reference that a method took", func(t *testing.T, m *mortal, c Client) {
			var self Client
			m.method = func(_ context.Context, c *Call) error { self = c.Self(); return nil }
			p := call(t.Context(), c, 0)
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			p.Release()
			c.Release()
			if synctest.Wait(); m.released.Load() != 0 {
				t.Error("told while it holds itself")
			}
			self.Release()
		}},
		{"serial", func(t *testing.T, m *mortal, c Client) {
			s := Serial(anyTyped{c})
			c.Release()
			if synctest.Wait(); m.released.Load() != 0 {
				t.Error("told while somebody holds it")
			}
			s.Release()
		}},
		{"in a parameter that nobody took", func(t *testing.T, _ *mortal, c Client) {
			other := serve(func(context.Context, *Call) error { return nil })
			p := call(t.Context(), other, 0, c)
			c.Release()
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			p.Release()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, c := newMortal()
				test.do(t, m, c)
				if synctest.Wait(); m.released.Load() != 1 {
					t.Errorf("told %d times", m.released.Load())
				}
			})
		})
	}
}

type panicky struct{ mortalServer }

func (p panicky) Impl() any { return p }
func (panicky) Released()   { panic("released") }

// The process survives; TestMain's log shows it.
func TestReleasedMayPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewServer(panicky{})
		c.Release()
		synctest.Wait()
	})
}
