//go:build unix

package rpc

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// unixFiles is a unix socket as a FileTransport. It does not embed the socket, or bytes would be
// written past it.
type unixFiles struct {
	c   *net.UnixConn
	oob []byte // owned by the reader
}

func fileTransport(rwc io.ReadWriteCloser) FileTransport {
	c, ok := rwc.(*net.UnixConn)
	if !ok {
		return nil
	}
	return &unixFiles{c: c}
}

// ReadFiles implements FileTransport.
func (u *unixFiles) ReadFiles(b []byte, most int) (int, []*os.File, error) {
	// The system closes what there is no room for.
	if n := syscall.CmsgSpace(4 * maxFiles); u.oob == nil {
		u.oob = make([]byte, n)
	}
	n, oobn, _, _, err := u.c.ReadMsgUnix(b, u.oob)
	if oobn == 0 {
		return max(n, 0), nil, err
	}
	var files []*os.File
	messages, _ := syscall.ParseSocketControlMessage(u.oob[:oobn])
	for i := range messages {
		fds, _ := syscall.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			if len(files) >= most {
				syscall.Close(fd)
				continue
			}
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return max(n, 0), files, err
}

// WriteFiles implements FileTransport.
func (u *unixFiles) WriteFiles(b []byte, files []*os.File) (int, error) {
	var fds []int
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) })
		}
		if err != nil {
			return 0, err
		}
	}
	n, _, err := u.c.WriteMsgUnix(b, syscall.UnixRights(fds...), nil)
	runtime.KeepAlive(files)
	if err != nil || n == len(b) {
		return n, err
	}
	if n == 0 {
		return 0, errors.New("rpc: the system took files and no bytes")
	}
	more, err := u.c.Write(b[n:])
	return n + more, err
}

// Read implements io.Reader; files that come are lost.
func (u *unixFiles) Read(b []byte) (int, error) { return u.c.Read(b) }

// Write implements io.Writer.
func (u *unixFiles) Write(b []byte) (int, error) { return u.c.Write(b) }

// Close implements io.Closer.
func (u *unixFiles) Close() error { return u.c.Close() }

// CloseWrite ends what is written.
func (u *unixFiles) CloseWrite() error { return u.c.CloseWrite() }

// SetWriteDeadline is net.Conn's.
func (u *unixFiles) SetWriteDeadline(t time.Time) error { return u.c.SetWriteDeadline(t) }
