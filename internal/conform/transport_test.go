package conform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// pair is the two ends of a TCP connection.
func pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// cutConn ends its connection after a number of bytes: with a FIN or a RST.
type cutConn struct {
	*net.TCPConn
	left    int
	reset   bool
	written int
}

func (c *cutConn) Write(b []byte) (int, error) {
	if len(b) < c.left {
		c.left -= len(b)
		c.written += len(b)
		return c.TCPConn.Write(b)
	}
	n, _ := c.TCPConn.Write(b[:c.left])
	c.left = 0
	if c.reset {
		c.SetLinger(0)
		c.TCPConn.Close()
	} else {
		c.CloseWrite()
	}
	return n, io.ErrClosedPipe
}

// pusher is a Sink that takes everything.
type pusher struct{ testservice.UnimplementedSink }

func (pusher) Push(context.Context, testservice.SinkPushCall) error { return nil }

// session does a little of everything, one thing after the other so that it writes the same bytes
// each time, and gives up at the first error.
func session(ctx context.Context, c *rpc.Conn) error {
	probe := rpc.Bootstrap[testservice.Probe](ctx, c)
	defer probe.Release()
	if _, err := probe.Self(ctx, nil).Self().Ticket(ctx, nil).Wait(); err != nil {
		return err
	}
	sink := testservice.NewSink(pusher{})
	defer sink.Release()
	_, err := probe.CallBack(ctx, func(p testservice.ProbeCallBackParamsBuilder) {
		p.SetSink(sink)
		p.SetCount(1)
	}).Wait()
	if err != nil {
		return err
	}
	local := testservice.New()
	defer local.Release()
	reflected := probe.Reflect(ctx, func(p testservice.ProbeReflectParamsBuilder) { p.SetCap(local.Client) })
	defer reflected.Release()
	_, err = testservice.Probe{Client: reflected.Cap()}.Ticket(ctx, nil).Wait()
	return err
}

// play runs the session on a connection whose ends are cut after so many bytes; it returns how many
// bytes they wrote.
func play(t *testing.T, clientCut, serverCut int, reset bool) (fromClient, fromServer int, err error) {
	t.Helper()
	c, s := pair(t)
	cc := &cutConn{TCPConn: c, left: clientCut, reset: reset}
	sc := &cutConn{TCPConn: s, left: serverCut, reset: reset}
	probe := testservice.New()
	server := rpc.NewConn(sc, &rpc.Options{Bootstrap: probe.Client})
	probe.Release()
	client := rpc.NewConn(cc, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = session(ctx, client)
	client.Close()
	select {
	case <-server.Done():
	case <-ctx.Done():
		t.Fatalf("cut after %d and %d bytes (reset %t): the server's connection has not ended", clientCut, serverCut, reset)
	}
	for name, conn := range map[string]*rpc.Conn{"client": client, "server": server} {
		if s := conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
			t.Fatalf("cut after %d and %d bytes (reset %t): %s: left in the tables: %+v", clientCut, serverCut, reset, name, s)
		}
	}
	return cc.written, sc.written, err
}

// TestCutAtEveryByte (T01): a session over TCP ends with a FIN or a RST after every number of bytes
// that either side sends. Whoever waits is told that the connection is gone; nothing is left.
func TestCutAtEveryByte(t *testing.T) {
	before := runtime.NumGoroutine()
	const whole = 1 << 20
	fromClient, fromServer, err := play(t, whole, whole, false)
	if err != nil {
		t.Fatal(err)
	}
	broke := 0
	cut := func(client, server int, reset bool) {
		_, _, err := play(t, client, server, reset)
		switch {
		case err == nil: // the last bytes are Finishes and Releases
		case errors.Is(err, capnp.Disconnected):
			broke++
		default:
			t.Fatalf("cut after %d and %d bytes (reset %t): %v", client, server, reset, err)
		}
	}
	for _, reset := range []bool{false, true} {
		for n := range fromClient {
			cut(n, whole, reset)
		}
		for n := range fromServer {
			cut(whole, n, reset)
		}
	}
	t.Logf("%d bytes to the server, %d back; %d of %d sessions broke", fromClient, fromServer, broke, 2*(fromClient+fromServer))
	if broke < fromClient+fromServer {
		t.Error("most cuts should have been noticed")
	}
	await(t, "goroutines as before", func() (bool, any) {
		n := runtime.NumGoroutine()
		return n <= before, fmt.Sprintf("%d, before %d", n, before)
	})
}

// stuck is a transport whose writes block until it is closed. It knows no deadlines.
type stuck struct {
	free   atomic.Int64 // bytes that still pass
	closed chan struct{}
	once   sync.Once
}

func (s *stuck) Read([]byte) (int, error) { <-s.closed; return 0, io.EOF }
func (s *stuck) Close() error             { s.once.Do(func() { close(s.closed) }); return nil }
func (s *stuck) Write(b []byte) (int, error) {
	if s.free.Add(-int64(len(b))) >= 0 {
		return len(b), nil
	}
	<-s.closed
	return 0, io.ErrClosedPipe
}

// TestWriteBlocksForEver (T03): Close and Abort end within CloseTimeout although a write never
// does, or never would.
func TestWriteBlocksForEver(t *testing.T) {
	const timeout = 50 * time.Millisecond
	ends := map[string]func(*rpc.Conn){
		"close": func(c *rpc.Conn) { c.Close() },
		"abort": func(c *rpc.Conn) { c.Abort("enough") },
	}
	for name, end := range ends {
		for _, when := range []string{"while it writes", "before it writes"} {
			t.Run(name+" "+when, func(t *testing.T) {
				s := &stuck{closed: make(chan struct{})}
				c := rpc.NewConn(s, &rpc.Options{Limits: rpc.Limits{CloseTimeout: timeout}})
				var waiting sync.WaitGroup
				if when == "while it writes" {
					started := make(chan struct{})
					waiting.Go(func() {
						p := rpc.Bootstrap[testservice.Probe](t.Context(), c)
						close(started)
						if _, err := p.Ticket(t.Context(), nil).Wait(); !errors.Is(err, capnp.Disconnected) {
							t.Errorf("the call ended with %v", err)
						}
						p.Release()
					})
					await(t, "write", func() (bool, any) { return s.free.Load() < 0, nil })
				}
				start := time.Now()
				end(c)
				if took := time.Since(start); took > timeout+10*time.Second {
					t.Errorf("took %v", took)
				}
				waiting.Wait()
			})
		}
	}
}

// closer is a Sink that closes its connection from within a method.
type closer struct {
	testservice.UnimplementedSink
	close func()
}

func (c closer) Push(context.Context, testservice.SinkPushCall) error {
	c.close()
	return nil
}

// TestCloseAnywhere (T04): Close may be called at any time, from anywhere, and more than once.
func TestCloseAnywhere(t *testing.T) {
	// ended checks that Close has come back everywhere and left nothing.
	ended := func(t *testing.T, conns ...*rpc.Conn) {
		t.Helper()
		gone(t, conns)
	}
	t.Run("at once", func(t *testing.T) {
		a, b := rpc.Pipe(nil, nil)
		a.Close()
		ended(t, a, b)
	})
	t.Run("in the middle of the first message", func(t *testing.T) {
		near, far := net.Pipe()
		c := rpc.NewConn(far, nil)
		near.Write([]byte{0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0})
		c.Close()
		ended(t, c)
		near.Close()
	})
	t.Run("in the middle of a TLS handshake", func(t *testing.T) {
		near, far := net.Pipe()
		c := rpc.NewConn(tlsServer(t, far), nil)
		near.Write([]byte{22, 3, 1}) // the start of a record
		c.Close()
		ended(t, c)
		near.Close()
	})
	t.Run("twice, and by many", func(t *testing.T) {
		a, b := rpc.Pipe(nil, nil)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { a.Close(); a.Abort("again"); a.Close() })
			if i%2 == 0 {
				wg.Go(func() { b.Close() })
			}
		}
		wg.Wait()
		ended(t, a, b)
	})
	t.Run("in a method", func(t *testing.T) {
		for _, which := range []string{"its own connection", "from a local call"} {
			t.Run(which, func(t *testing.T) {
				var b *rpc.Conn
				ready := make(chan struct{})
				closed := make(chan struct{})
				sink := testservice.NewSink(closer{close: func() {
					<-ready
					b.Close()
					close(closed)
				}})
				a, server := rpc.Pipe(nil, &rpc.Options{Bootstrap: sink.Client})
				b = server
				close(ready)
				remote := rpc.Bootstrap[testservice.Sink](t.Context(), a)
				if which == "from a local call" {
					if _, err := sink.Push(t.Context(), nil).Wait(); err != nil {
						t.Error(err)
					}
				} else if _, err := remote.Push(t.Context(), nil).Wait(); !errors.Is(err, capnp.Disconnected) {
					t.Errorf("the call that closed its connection ended with %v", err)
				}
				select {
				case <-closed:
				case <-time.After(20 * time.Second):
					t.Fatal("Close does not come back")
				}
				ended(t, a, b)
				remote.Release()
				sink.Release()
			})
		}
	})
	t.Run("by whoever waits for a promise", func(t *testing.T) {
		probe := testservice.New()
		defer probe.Release()
		a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: probe.Client})
		remote := rpc.Bootstrap[testservice.Probe](t.Context(), a)
		defer remote.Release()
		hanging := remote.Hang(t.Context(), nil)
		fresh := remote.Fresh(t.Context(), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			<-fresh.Done()
			a.Close()
		})
		wg.Go(func() {
			<-hanging.Done()
			b.Close()
		})
		wg.Wait()
		if _, err := hanging.Wait(); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("hanging call ended with %v", err)
		}
		ended(t, a, b)
	})
	t.Run("by a context", func(t *testing.T) {
		probe := testservice.New()
		defer probe.Release()
		a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: probe.Client})
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		context.AfterFunc(ctx, func() { a.Close(); close(stopped) })
		remote := rpc.Bootstrap[testservice.Probe](t.Context(), a)
		defer remote.Release()
		hanging := remote.Hang(ctx, nil)
		cancel()
		<-stopped
		hanging.Wait()
		ended(t, a, b)
	})
}

// TestCrossedConnections (T05): two vats dial each other at the same time. Both connections work,
// and a capability that came by one can be sent by the other.
func TestCrossedConnections(t *testing.T) {
	type vat struct {
		probe testservice.Probe
		in    *rpc.Conn // the other dialled
		out   *rpc.Conn // dialled here
	}
	dir := t.TempDir()
	var vats [2]vat
	var listeners [2]net.Listener
	for i := range vats {
		vats[i].probe = testservice.New()
		l, err := net.Listen("unix", filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		listeners[i] = l
	}
	var wg sync.WaitGroup
	for i := range vats {
		v := &vats[i]
		o := &rpc.Options{Bootstrap: v.probe.Client}
		wg.Go(func() {
			nc, err := listeners[i].Accept()
			if err != nil {
				t.Error(err)
				return
			}
			v.in = rpc.NewConn(nc, o)
		})
		wg.Go(func() {
			var err error
			if v.out, err = rpc.Dial(t.Context(), "unix", filepath.Join(dir, fmt.Sprint(1-i)), o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	// Both call each other by both connections at once; what came by one goes back by the other.
	for i := range vats {
		v := &vats[i]
		wg.Go(func() {
			if err := crossed(t.Context(), v.in, v.out, v.probe); err != nil {
				t.Errorf("vat %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	// One of them ends; the other and everything that came by it go on.
	kept := rpc.Bootstrap[testservice.Probe](t.Context(), vats[0].in)
	fresh := kept.Fresh(t.Context(), nil).Probe()
	if _, err := fresh.Ticket(t.Context(), nil).Wait(); err != nil {
		t.Fatal(err)
	}
	vats[0].out.Close()
	gone(t, []*rpc.Conn{vats[0].out, vats[1].in})
	if r, err := fresh.Ticket(t.Context(), nil).Wait(); err != nil || r.Number() != 1 {
		t.Errorf("after one connection ended: ticket %d, %v", r.Number(), err)
	}
	fresh.Release()
	kept.Release()
	vats[0].in.Close()
	gone(t, []*rpc.Conn{vats[0].in, vats[1].out})
	for i := range vats {
		vats[i].probe.Release()
	}
}

// crossed gets an object by one connection, has it reflected by the other, and calls it by both
// ways, and likewise with an object of its own.
func crossed(ctx context.Context, a, b *rpc.Conn, own testservice.Probe) error {
	byA, byB := rpc.Bootstrap[testservice.Probe](ctx, a), rpc.Bootstrap[testservice.Probe](ctx, b)
	defer byA.Release()
	defer byB.Release()
	fresh := byA.Fresh(ctx, nil).Probe()
	defer fresh.Release()
	for i, c := range []testservice.Probe{fresh, own} {
		p := byB.Reflect(ctx, func(p testservice.ProbeReflectParamsBuilder) { p.SetCap(c.Client) })
		defer p.Release()
		back := testservice.Probe{Client: p.Cap()}
		for range 5 {
			if _, err := back.Self(ctx, nil).Self().Echo(ctx, nil).Wait(); err != nil {
				return fmt.Errorf("object %d, the long way: %w", i, err)
			}
			if _, err := c.Echo(ctx, nil).Wait(); err != nil {
				return fmt.Errorf("object %d: %w", i, err)
			}
		}
	}
	return nil
}
