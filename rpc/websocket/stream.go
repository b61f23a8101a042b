package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"

	"lanyard.dev/capnp/frame"
)

// stream is a WebSocket as the byte stream that package rpc wants: a write may bring parts of
// messages or many of them, and each goes out as one message; what comes in is checked to be cut
// up in the same way.
type stream struct {
	ws     *websocket.Conn
	ctx    context.Context // ends to break off what waits
	cancel context.CancelFunc
	pings  sync.WaitGroup

	in     io.Reader // owned by the reader; the current message, nil between two
	framed frame.Splitter
	whole  bool // the message has ended as far as its table says

	out   frame.Splitter // owned by the writer
	begun []byte         // of a message that does not end with the write

	mu     sync.Mutex
	status websocket.StatusCode // to close with
}

func newStream(ws *websocket.Conn, maxMessage int64, ping time.Duration) *stream {
	ws.SetReadLimit(maxMessage)
	s := &stream{ws: ws, status: websocket.StatusNormalClosure}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if ping > 0 {
		s.pings.Go(func() { s.keepAlive(ping) })
	}
	return s
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if s.in == nil {
			kind, r, err := s.ws.Reader(s.ctx)
			if err != nil {
				return 0, ended(err)
			}
			if kind != websocket.MessageBinary {
				return 0, s.refuse(websocket.StatusUnsupportedData, "a text message")
			}
			s.in, s.whole = r, false
		}
		n, err := s.in.Read(p)
		if s.whole && n > 0 {
			return 0, s.refuse(websocket.StatusInvalidFramePayloadData, "a WebSocket message with more than one message in it")
		}
		k, end := s.framed.Cut(p[:n])
		if k < n {
			return 0, s.refuse(websocket.StatusInvalidFramePayloadData, "a WebSocket message with more than one message in it")
		}
		s.whole = s.whole || end
		if errors.Is(err, io.EOF) {
			s.in, err = nil, nil
			if !s.whole {
				return 0, s.refuse(websocket.StatusInvalidFramePayloadData, "a WebSocket message with less than one message in it")
			}
		}
		if n > 0 || err != nil {
			return n, ended(err)
		}
	}
	return 0, nil
}

// refuse is the error for what must not come.
func (s *stream) refuse(status websocket.StatusCode, what string) error {
	s.mu.Lock()
	s.status = status
	s.mu.Unlock()
	return fmt.Errorf("websocket: %s", what)
}

// ended makes the ways in which a WebSocket can end those of a socket.
func ended(err error) error {
	switch websocket.CloseStatus(err) {
	case -1:
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return io.EOF
	default:
		return &lostError{err}
	}
	if err == nil || errors.Is(err, websocket.ErrMessageTooBig) {
		return err
	}
	return &lostError{err}
}

// lostError is a connection that ended otherwise than by closing it.
type lostError struct{ error }

// Unwrap makes it one of package net's errors, too.
func (e *lostError) Unwrap() []error { return []error{e.error, net.ErrClosed} }

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n, end := s.out.Cut(p)
		m := p[:n]
		p = p[n:]
		if !end || len(s.begun) > 0 {
			s.begun = append(s.begun, m...)
			m = s.begun
		}
		if end {
			if err := s.ws.Write(s.ctx, websocket.MessageBinary, m); err != nil {
				return written, ended(err)
			}
			if s.begun = s.begun[:0]; cap(s.begun) > keepBuffer {
				s.begun = nil
			}
		}
		written += n
	}
	return written, nil
}

const (
	keepBuffer   = 64 << 10        // of the memory in which messages are put together
	closeTimeout = 2 * time.Second // before a write under way is broken off
)

// Close does the close handshake and closes the transport. A peer that does not take part in it
// is waited for, but no longer than 10 s.
func (s *stream) Close() error {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	var err error
	if s.ctx.Err() != nil {
		err = s.ws.CloseNow()
	} else {
		late := time.AfterFunc(closeTimeout, s.cancel) // for a write that the peer does not take
		err = s.ws.Close(status, "")
		late.Stop()
	}
	s.cancel()
	s.pings.Wait()
	return err
}

// keepAlive notices a peer that has gone without a word. A peer that does not answer within the
// time between two pings is taken for gone.
func (s *stream) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, done := context.WithTimeout(s.ctx, every)
		err := s.ws.Ping(ctx)
		done()
		if err != nil {
			s.cancel()
			return
		}
	}
}
