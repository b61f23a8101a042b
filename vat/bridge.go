package vat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"lanyard.dev/internal/private"
	"lanyard.dev/rpc"
)

// Bridge offers what r names on l, as what everybody gets who connects, without TLS: for programs
// that have none, and hold one reference. What is behind it heals (Vat.Live), and when it is
// revoked they see the same error. l is on a unix socket or a loopback address: who can connect
// has the capability, so ListenPrivate is best. Bridge returns, with its connections gone, when ctx
// or the vat ends, nil, or the listener fails.
func Bridge(ctx context.Context, v *Vat, r Reference, l net.Listener) error {
	if !isNear(l.Addr()) {
		l.Close()
		return errPlain
	}
	c := v.Live(r)
	defer c.Release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.ctx, cancel)()
	o := v.options(&guest{})
	o.Object = nil // one reference, and no other
	return rpc.Serve(ctx, l, client{c}, &o)
}

// ListenPrivate listens on a unix socket that only this user can connect to: its folder, which is
// made if there is none, must have mode 0700 and be this user's, the socket gets 0600, and where
// the system tells who connects others are turned away. What is left of a socket that nobody
// listens on any more is removed.
func ListenPrivate(path string) (net.Listener, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	if err := private.Mine(dir, info); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s exists and is no socket", path)
		}
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("somebody listens at %s already", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &privateListener{l}, nil
}

// privateListener lets only this user in.
type privateListener struct{ net.Listener }

// Accept implements net.Listener.
func (l *privateListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, ok := peerUser(c); !ok || uid == os.Geteuid() {
			return c, nil
		}
		c.Close()
	}
}
