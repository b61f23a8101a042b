package interop_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/websocket"
)

// tcpPair returns the two ends of a TCP connection, the far one to be given to a program.
func tcpPair(t *testing.T) (near net.Conn, far *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	if far, err = dialed.(*net.TCPConn).File(); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// oneConn is a listener that has one connection to accept.
type oneConn struct {
	net.Listener
	conns chan net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// RPC over WebSocket is what C++ has in capnp/compat/websocket-rpc.h, in both roles.
func TestWebSocketWithCPP(t *testing.T) {
	for name, find := range map[string]func() (kit, error){"C++": cpp, "newer C++": newer} {
		start := func(t *testing.T, role string) (net.Conn, *exec.Cmd) {
			if _, err := newer(); name == "newer C++" && err != nil {
				t.Skip(err) // nobody has to have it
			}
			k := need(t, find)
			near, far := tcpPair(t)
			peer := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(k.probeServer[0]), "websocketpeer"), role)
			peer.ExtraFiles = []*os.File{far} // 3
			peer.Stderr = t.Output()
			if err := peer.Start(); err != nil {
				t.Fatal(err)
			}
			far.Close()
			return near, peer
		}
		t.Run(name+" serves", func(t *testing.T) {
			near, peer := start(t, "serve")
			transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
			conn, err := websocket.Dial(t.Context(), "ws://localhost/", &websocket.Options{Client: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			probe := rpc.Bootstrap[testservice.Probe](t.Context(), conn)
			for _, size := range []int{0, 1, 1000, 100_000, 1_000_000} {
				data := bytes.Repeat([]byte("x"), size)
				p := probe.Self(t.Context(), nil).Self().Echo(t.Context(), func(b testservice.ProbeEchoParamsBuilder) { b.SetData(data) })
				r, err := p.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(r.Data(), data) {
					t.Errorf("%d bytes came back as %d others", size, len(r.Data()))
				}
			}
			conn.Close()
			if err := peer.Wait(); err != nil {
				t.Errorf("the peer: %v", err)
			}
		})
		t.Run(name+" calls", func(t *testing.T) {
			near, peer := start(t, "call")
			h := websocket.NewHandler(func(*http.Request) (testservice.Probe, error) { return testservice.New(), nil }, nil)
			l := &oneConn{conns: make(chan net.Conn, 1)}
			l.conns <- near
			web := &http.Server{Handler: h}
			served := make(chan error, 1)
			go func() { served <- web.Serve(l) }()
			if err := peer.Wait(); err != nil {
				t.Errorf("the peer: %v", err)
			}
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			close(l.conns)
			web.Close()
			<-served
		})
	}
}
