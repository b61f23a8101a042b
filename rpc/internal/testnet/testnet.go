// Package testnet is connections in memory that can be held back, listened to and cut at any
// byte. Use it in tests only.
package testnet

import (
	"io"
	"net"
	"sync"
	"syscall"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// Pipe makes a connection: what is written to one end can be read from the other. Writing blocks
// while capacity bytes have not been read; 0 means never.
func Pipe(capacity int) (a, b *End) {
	ab, ba := newLane(capacity), newLane(capacity)
	return &End{In: ba, Out: ab}, &End{In: ab, Out: ba}
}

// End is one end of a connection.
type End struct{ In, Out *Lane }

// Read implements io.Reader.
func (e *End) Read(p []byte) (int, error) { return e.In.read(p) }

// Write implements io.Writer.
func (e *End) Write(p []byte) (int, error) { return e.Out.write(p) }

// Close implements io.Closer: the peer reads what was written before.
func (e *End) Close() error {
	e.In.end(nil, io.ErrClosedPipe, io.ErrClosedPipe)
	e.Out.end(io.EOF, nil, io.ErrClosedPipe)
	return nil
}

// Lane is one direction of a connection.
type Lane struct {
	capacity int

	mu     sync.Mutex
	change sync.Cond
	buf    []byte
	total  int64
	held   bool
	endErr error // what the reader gets after the rest
	gone   error // what the reader gets at once
	full   error // what the writer gets
	cutAt  int64 // -1 for never
	onCut  func()
	listen func(rpc.Message)
	part   []byte // of a message that listen has not got yet
}

func newLane(capacity int) *Lane {
	l := &Lane{capacity: capacity, cutAt: -1}
	l.change.L = &l.mu
	return l
}

func (l *Lane) end(rest, now, write error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endErr == nil {
		l.endErr = rest
	}
	if l.gone == nil {
		l.gone = now
	}
	if l.full == nil {
		l.full = write
	}
	l.change.Broadcast()
}

// Hold keeps back what is written from now on.
func (l *Lane) Hold() {
	l.mu.Lock()
	l.held = true
	l.mu.Unlock()
}

// Resume delivers what was held back.
func (l *Lane) Resume() {
	l.mu.Lock()
	l.held = false
	l.change.Broadcast()
	l.mu.Unlock()
}

// Listen calls f with every message that is written, by the writer. It must be set before
// anything is written.
func (l *Lane) Listen(f func(rpc.Message)) { l.listen = f }

// Cut ends the lane now: the reader gets what was written and then err, the writer an error.
func (l *Lane) Cut(err error) { l.end(err, nil, reset("write")) }

// CutAt ends the lane after n bytes, and then calls then.
func (l *Lane) CutAt(n int64, then func()) {
	l.mu.Lock()
	l.cutAt, l.onCut = max(n, l.total), then
	l.mu.Unlock()
}

// Total returns how many bytes were written.
func (l *Lane) Total() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func reset(op string) error {
	return &net.OpError{Op: op, Net: "test", Err: syscall.ECONNRESET}
}

// Reset is what a reader gets when the other side is gone without a word.
func Reset() error { return reset("read") }

func (l *Lane) read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.gone != nil:
			return 0, l.gone
		case l.held:
		case len(l.buf) > 0:
			n := copy(p, l.buf)
			l.buf = l.buf[n:]
			l.change.Broadcast()
			return n, nil
		case l.endErr != nil:
			return 0, l.endErr
		}
		l.change.Wait()
	}
}

func (l *Lane) write(p []byte) (n int, err error) {
	l.mu.Lock()
	var cut func()
	for len(p) > 0 && l.full == nil {
		k := len(p)
		if l.capacity > 0 {
			k = min(k, l.capacity-len(l.buf))
		}
		if l.cutAt >= 0 {
			k = int(min(int64(k), l.cutAt-l.total))
		}
		if k == 0 && l.cutAt != l.total {
			l.change.Wait()
			continue
		}
		l.buf = append(l.buf, p[:k]...)
		if l.listen != nil {
			l.part = append(l.part, p[:k]...)
		}
		p, n, l.total = p[k:], n+k, l.total+int64(k)
		if l.cutAt == l.total {
			l.endErr, l.full, cut = Reset(), reset("write"), l.onCut
		}
		l.change.Broadcast()
	}
	if len(p) > 0 {
		err = l.full
	}
	var heard []rpc.Message
	for l.listen != nil {
		m, rest, err := frame.Unmarshal(l.part, nil)
		if err != nil {
			break
		}
		l.part = append([]byte(nil), rest...)
		heard = append(heard, capnp.Root[rpc.Message](m))
	}
	l.change.Broadcast()
	l.mu.Unlock()
	for _, m := range heard {
		l.listen(m)
	}
	if cut != nil {
		cut()
	}
	return n, err
}
