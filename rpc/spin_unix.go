//go:build unix

package rpc

import (
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// spinning is set while some reader of this process spins. It is shared because processors are:
// two readers that spin take them from those who work.
var spinning atomic.Bool

const (
	spinFor   = 50 * time.Microsecond
	spinMax   = 16 // credit a reader can gather
	spinPause = 16 // reads without spinning once the credit is gone
)

// spinReader reads a socket. When nothing is there it looks again for a moment before it lets its
// goroutine sleep, because waking another processor costs more than most answers take. Looking
// again must pay: a hit earns credit, a miss costs four times as much, and without credit the
// reader sleeps at once for a while (docs/performance.md).
type spinReader struct {
	raw    syscall.RawConn
	f      func(fd uintptr) bool // try, made once
	credit int
	pause  int

	// Of the Read that is under way.
	p   []byte
	n   int
	err error
}

// newSpinReader returns a reader that spins on rwc's socket, or rwc itself if it has none.
func newSpinReader(rwc io.Reader) io.Reader {
	sc, ok := rwc.(syscall.Conn)
	if !ok || runtime.GOMAXPROCS(0) < 2 {
		return rwc
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return rwc
	}
	s := &spinReader{raw: raw, credit: spinMax}
	s.f = s.try
	return s
}

func (s *spinReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.p = p
	waited := s.raw.Read(s.f)
	n, err := s.n, s.err
	s.p, s.n, s.err = nil, 0, nil
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// try reads once, or for as long as it may spin. It reports false if the goroutine has to sleep
// until there is something to read.
func (s *spinReader) try(fd uintptr) bool {
	if s.read(fd) {
		return true
	}
	if !s.mayTry() || !spinning.CompareAndSwap(false, true) {
		return false
	}
	defer spinning.Store(false)
	for start := time.Now(); time.Since(start) < spinFor; {
		runtime.Gosched()
		if s.read(fd) {
			s.credit = min(s.credit+1, spinMax)
			return true
		}
	}
	if s.credit -= 4; s.credit <= 0 {
		s.pause = spinPause
	}
	return false
}

// read reports whether something, an error included, was read.
func (s *spinReader) read(fd uintptr) bool {
	for {
		s.n, s.err = syscall.Read(int(fd), s.p)
		if s.err != syscall.EINTR {
			break
		}
	}
	s.n = max(s.n, 0)
	return s.err != syscall.EAGAIN
}

// mayTry reports whether there is credit for another spin.
func (s *spinReader) mayTry() bool {
	if s.pause > 0 {
		if s.pause--; s.pause == 0 {
			s.credit = 4
		}
		return false
	}
	return true
}
