//go:build unix

package rpc

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawWriter writes to a socket without waiting until it takes more.
type rawWriter struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // made once: a closure for each write would be allocated

	bufs net.Buffers
	n    int64
	err  error
}

func newNowWriter(rwc io.ReadWriteCloser) nowWriter {
	switch rwc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := rwc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	w := &rawWriter{raw: raw}
	w.try = func(fd uintptr) bool {
		for _, b := range w.bufs {
			n, err := w.write(int(fd), b)
			w.n += int64(n)
			if err != nil {
				if !errors.Is(err, syscall.EAGAIN) {
					w.err = err
				}
				break
			}
			if n < len(b) {
				break
			}
		}
		return true // whatever happened: do not wait
	}
	return w
}

func (w *rawWriter) write(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

func (w *rawWriter) writeNow(bufs net.Buffers) (int64, error) {
	w.bufs, w.n, w.err = bufs, 0, nil
	err := w.raw.Write(w.try)
	w.bufs = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}
