package capnp

import (
	"context"
	"sync"
)

// streamWindow is how many bytes of streaming calls one reference may have on the way, as in the
// C++ implementation's fixed window.
const streamWindow = 64 << 10

// flow is the state of the streaming calls on one handle.
type flow struct {
	mu       sync.Mutex
	inFlight int
	err      error         // the first failure; later calls fail with it
	room     chan struct{} // closed when a call returns; nil if nobody waits
}

func (p *handle) stream() *flow {
	for {
		if f := p.flow.Load(); f != nil {
			return f
		}
		p.flow.CompareAndSwap(nil, &flow{})
	}
}

// admit waits until the window has room.
func (f *flow) admit(ctx context.Context) error {
	for {
		f.mu.Lock()
		if f.err != nil || f.inFlight < streamWindow {
			defer f.mu.Unlock()
			return f.err
		}
		if f.room == nil {
			f.room = make(chan struct{})
		}
		room := f.room
		f.mu.Unlock()
		if c, ok := ctx.Value(callKey{}).(*Call); ok {
			c.Unblock()
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *flow) add(n int) {
	f.mu.Lock()
	f.inFlight += n
	f.mu.Unlock()
}

// streamed passes a streaming call's outcome on and makes room in the window.
type streamed struct {
	f    *flow
	size int
	a    *Answer
}

func (s *streamed) SetPipeline(c *Call, p Pipeline, t *Turn) { s.a.SetPipeline(c, p, t) }

func (s *streamed) Return(c *Call, r Result, t *Turn) {
	f := s.f
	f.mu.Lock()
	f.inFlight -= s.size
	if f.err == nil {
		f.err = r.Err
	}
	if f.room != nil {
		close(f.room)
		f.room = nil
	}
	f.mu.Unlock()
	s.a.Return(c, r, t)
}

// SendStream makes a call of a streaming method. It returns when the call is on its way, waiting
// first while too much of the stream is unacknowledged. It returns an error if an earlier call of
// the stream failed; the outcome of the last ones shows in whatever call ends the stream.
func SendStream[B BuilderKind](ctx context.Context, c Client, m *Method, fill func(B)) error {
	if c.c == nil {
		return errNull
	}
	f := c.c.stream()
	if err := f.admit(ctx); err != nil {
		return err
	}
	params, root := newPayload(m.spec.Params, paramsReserve)
	if fill != nil {
		fill(B(root))
	}
	size := int(params.b.Words()) * 8
	f.add(size)
	send(ctx, c, m, params, Hints{NoPipelining: true}, func(a *Answer) Returner {
		return &streamed{f, size, a}
	})
	return nil
}
