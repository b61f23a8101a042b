//go:build unix

package vat

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

// private makes a path for a socket in a folder of its own.
func listenPrivate(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vat") // short: the path of a socket has its limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "in", "s")
}

func bridged(t *testing.T, v *Vat, r Reference) (path string, stop func() error) {
	t.Helper()
	path = listenPrivate(t)
	l, err := ListenPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Bridge(ctx, v, r, l) }()
	t.Cleanup(cancel)
	return path, func() error { cancel(); return <-done }
}

func dialBridge(t *testing.T, path string) (*rpc.Conn, capnp.Client) {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), "unix", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, rpc.Bootstrap[client](t.Context(), conn).Client
}

// Through a bridge a program without TLS uses one reference, and no other; it heals, and when it is
// revoked the program sees the same error as anybody.
func TestBridge(t *testing.T) {
	s := newShop("a", "b")
	id := newTestIdentity(t)
	server := serving(t, s, &Options{Identity: id})
	me := newVat(t, nil)
	path, stop := bridged(t, me, refTo(t, server, "a"))
	conn, c := dialBridge(t, path)
	mustAdd(t, c)
	if s.goods["a"].sum.Load() != 1 {
		t.Error("another object was called")
	}
	if err := rpc.BootstrapObject[client](t.Context(), conn, []byte("b")).Resolve(t.Context()); err == nil {
		t.Error("the bridge restores other references")
	}

	l, err := net.Listen("tcp", server.o.At[0].Address)
	for range 1000 { // until the old one is gone
		if err == nil {
			break
		}
		server.Close()
		l, err = net.Listen("tcp", server.o.At[0].Address)
	}
	if err != nil {
		t.Fatal(err)
	}
	second := newVat(t, &Options{Identity: id, Restore: s.restore})
	go second.Serve(context.Background(), l)
	eventually(t, "it heals", func() bool { _, err := add(t.Context(), c, 1); return err == nil })

	s.mu.Lock()
	delete(s.goods, "a")
	s.mu.Unlock()
	second.mu.Lock()
	for l := range second.all {
		go l.conn.Close()
	}
	second.mu.Unlock()
	eventually(t, "it is revoked", func() bool { _, err := add(t.Context(), c, 1); return errors.Is(err, ocap.Revoked) })
	_, c = dialBridge(t, path) // newcomers, too
	if _, err := add(t.Context(), c, 1); !errors.Is(err, ocap.Revoked) || !strings.Contains(err.Error(), "not good here") {
		t.Errorf("got %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is left")
	}
}

func TestBridgeStaysNear(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := Bridge(t.Context(), newVat(t, nil), testReference(t), l); !errors.Is(err, errPlain) {
		t.Errorf("got %v", err)
	}
}

// A private socket is private, or there is none (T14).
func TestListenPrivate(t *testing.T) {
	path := listenPrivate(t)
	l, err := ListenPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]os.FileMode{path: os.ModeSocket | 0o600, filepath.Dir(path): os.ModeDir | 0o700} {
		if info, err := os.Lstat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if _, err := ListenPrivate(path); err == nil {
		t.Error("two listen")
	}
	l.(*privateListener).Listener.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if l, err = ListenPrivate(path); err != nil { // what a killed program has left
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		accepted <- err
	}()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if uid, ok := peerUser(c); ok && uid != os.Geteuid() {
		t.Errorf("the peer is user %d", uid)
	}
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	l.Close()

	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenPrivate(path); err == nil {
		t.Error("a file was replaced")
	}
	os.Remove(path)
	if err := os.Chmod(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenPrivate(path); err == nil {
		t.Error("in a folder that others get into")
	}
	link := filepath.Join(filepath.Dir(filepath.Dir(path)), "link")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Dir(path), 0o700)
	if _, err := ListenPrivate(filepath.Join(link, "s")); err == nil {
		t.Error("in a folder that a link leads to")
	}
}
