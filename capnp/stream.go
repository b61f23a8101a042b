package capnp

import (
	"context"
	"sync"
	"time"

	"lanyard.dev/internal/flow"
)

// Flow is the flow control of streaming calls that share something: a reference, or a connection.
// Its window follows the path (package internal/flow). The zero Flow is ready to use.
type Flow struct {
	mu     sync.Mutex
	window flow.Window
	err    error         // references: the first failure; later calls fail with it
	room   chan struct{} // closed when a call returns; nil if nobody waits
}

// A Pathed hook leads to a connection whose streams share a window.
type Pathed interface{ Flow() *Flow }

// started is what times are measured from.
var started = time.Now()

func (p *handle) stream() *Flow {
	for {
		if f := p.flow.Load(); f != nil {
			return f
		}
		p.flow.CompareAndSwap(nil, &Flow{})
	}
}

// Window returns how many bytes of streaming calls may be unacknowledged now.
func (f *Flow) Window() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.window.Size()
}

// admit waits until the window has room, while what has been sent to h is on its way.
func (f *Flow) admit(ctx context.Context, h Hook) error {
	for {
		f.mu.Lock()
		if f.err != nil || f.window.Open() {
			defer f.mu.Unlock()
			return f.err
		}
		if f.room == nil {
			f.room = make(chan struct{})
		}
		room := f.room
		f.mu.Unlock()
		if w, ok := h.(Flusher); ok {
			w.Hasten()
		}
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

func (f *Flow) sent(now time.Duration, n int) flow.Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.window.Send(now, n)
}

func (f *Flow) acked(now time.Duration, s flow.Sent, err error) {
	f.mu.Lock()
	f.window.Ack(now, s)
	if f.err == nil {
		f.err = err
	}
	if f.room != nil && (f.err != nil || f.window.Open()) {
		close(f.room)
		f.room = nil
	}
	f.mu.Unlock()
}

// streamed passes a streaming call's outcome on and makes room in the windows.
type streamed struct {
	stream, path     *Flow // path may be nil
	inStream, inPath flow.Sent
	a                *Answer
}

func (s *streamed) SetPipeline(c *Call, p Pipeline, t *Turn) { s.a.SetPipeline(c, p, t) }

func (s *streamed) Return(c *Call, r Result, t *Turn) {
	now := time.Since(started)
	s.stream.acked(now, s.inStream, r.Err)
	if s.path != nil {
		s.path.acked(now, s.inPath, nil)
	}
	s.a.Return(c, r, t)
}

// SendStream makes a call of a streaming method. It waits first while too much of the stream, or of
// all streams on the connection, is unacknowledged. When it returns the call is on its way, or will
// be within a millisecond, together with those that follow. It returns an error if an earlier call
// of the stream failed; the outcome of the last ones shows in whatever call ends the stream.
func SendStream[B BuilderKind](ctx context.Context, c Client, m *Method, fill func(B)) error {
	if c.c == nil {
		return errNull
	}
	s := &streamed{stream: c.c.stream()}
	h := c.hook()
	if err := s.stream.admit(ctx, h); err != nil {
		return err
	}
	if p, ok := h.(Pathed); ok {
		if s.path = p.Flow(); s.path != nil {
			if err := s.path.admit(ctx, h); err != nil {
				return err
			}
		}
	}
	params, root := newPayload(m.spec.Params, paramsReserve)
	if fill != nil {
		fill(B(root))
	}
	size := int(params.b.Words()) * 8
	now := time.Since(started)
	s.inStream = s.stream.sent(now, size)
	if s.path != nil {
		s.inPath = s.path.sent(now, size)
	}
	send(ctx, c, m, params, Hints{NoPipelining: true}, func(a *Answer) Returner {
		s.a = a
		return s
	})
	return nil
}
