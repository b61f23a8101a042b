package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// addressed is a connection in memory whose other end has an address.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

// listener accepts what is sent to it.
type listener struct {
	conns chan net.Conn
	gone  chan struct{}
}

func newListener() *listener { return &listener{make(chan net.Conn), make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}
func (l *listener) Close() error   { close(l.gone); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *listener) dial(addr string) net.Conn {
	x, y := net.Pipe()
	var a net.Addr = x.RemoteAddr()
	if addr != "" {
		a = &net.TCPAddr{IP: net.ParseIP(addr), Port: 1}
	}
	l.conns <- addressed{y, a}
	return x
}

// nothing is the null capability.
type nothing struct{ capnp.Client }

// serving runs a server with limits in a bubble.
func serving(t *testing.T, limits Limits, f func(t *testing.T, l *listener)) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	synctest.Test(t, func(t *testing.T) {
		l := newListener()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- ServeEach(ctx, l, func(context.Context) nothing { return nothing{} }, &Options{Limits: limits})
		}()
		f(t, l)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// isOpen reports whether the server has not closed its end.
func isOpen(c net.Conn) bool {
	synctest.Wait()
	c.SetReadDeadline(time.Now())
	defer c.SetReadDeadline(time.Time{})
	for {
		if _, err := c.Read(make([]byte, 1<<10)); err != nil {
			return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe)
		}
	}
}

func bootstrapBytes(id uint32) []byte {
	mb := capnp.NewMessage(nil)
	rpc.NewRootMessage(mb).NewBootstrap().SetQuestionId(id)
	return frame.Append(nil, mb)
}

// Connections at the limit, one less and one more: in all, and from one host.
func TestDoorCountsConnections(t *testing.T) {
	for name, limits := range map[string]Limits{"all": {Connections: 2}, "one host": {PerHost: 2}} {
		t.Run(name, func(t *testing.T) {
			serving(t, limits, func(t *testing.T, l *listener) {
				var all []net.Conn
				for n := range 4 {
					c := l.dial("192.0.2.7")
					all = append(all, c)
					if open := isOpen(c); open != (n < 2) {
						t.Errorf("connection %d is open: %t", n+1, open)
					}
				}
				other := l.dial("192.0.2.8")
				if open := isOpen(other); open != (limits.Connections == 0) {
					t.Errorf("one from elsewhere is open: %t", open)
				}
				all[0].Close()
				synctest.Wait()
				if c := l.dial("192.0.2.7"); !isOpen(c) {
					t.Error("no room after one has left")
				}
			})
		})
	}
}

// Loopback and what has no address do not count by host; the addresses of one IPv6 network are one.
func TestDoorKnowsHosts(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"127.0.0.1", "127.0.0.1", false},
		{"::1", "::1", false},
		{"", "", false},
		{"192.0.2.7", "::ffff:192.0.2.7", true},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		serving(t, Limits{PerHost: 1}, func(t *testing.T, l *listener) {
			x, y := l.dial(tt.a), l.dial(tt.b)
			if !isOpen(x) || isOpen(y) == tt.same {
				t.Errorf("%s and %s are one host: %t", tt.a, tt.b, !isOpen(y))
			}
		})
	}
}

// A peer that says nothing at first, and one that says something in time.
func TestFirstMessage(t *testing.T) {
	serving(t, Limits{}, func(t *testing.T, l *listener) {
		mute, late, slow := l.dial(""), l.dial(""), l.dial("")
		time.Sleep(9 * time.Second)
		late.Write(bootstrapBytes(0))
		slow.Write(bootstrapBytes(0)[:9])
		for _, c := range []net.Conn{mute, late, slow} {
			if !isOpen(c) {
				t.Error("closed before its time")
			}
		}
		time.Sleep(2 * time.Second)
		if isOpen(mute) || isOpen(slow) {
			t.Error("open without a message")
		}
		time.Sleep(time.Hour)
		if !isOpen(late) {
			t.Error("one that is quiet between messages was closed")
		}
	})
	serving(t, Limits{FirstMessage: -1}, func(t *testing.T, l *listener) {
		c := l.dial("")
		time.Sleep(time.Hour)
		if !isOpen(c) {
			t.Error("closed though there is no limit")
		}
	})
}

// A message that comes too slowly, and one that comes just fast enough.
func TestMessageTime(t *testing.T) {
	for _, tt := range []struct {
		step int // bytes each second
		want bool
	}{{1000, false}, {1100, true}} {
		serving(t, Limits{}, func(t *testing.T, l *listener) {
			c := l.dial("")
			c.Write(bootstrapBytes(0))
			isOpen(c) // takes the answer
			mb := capnp.NewMessage(nil)
			ask := rpc.NewRootMessage(mb).NewBootstrap()
			ask.SetQuestionId(1)
			capnp.StructBuilder(ask).NewData(0, 64<<10)
			b := frame.Append(nil, mb)
			open := true
			for len(b) > 0 && open {
				n := min(tt.step, len(b))
				c.SetWriteDeadline(time.Now().Add(time.Second))
				c.Write(b[:n])
				b = b[n:]
				time.Sleep(time.Second)
				open = isOpen(c)
			}
			if open != tt.want {
				t.Errorf("%d bytes a second: open %t with %d bytes to go", tt.step, open, len(b))
			}
		})
	}
}

// What all connections hold together: at the limit nobody is closed, beyond it who holds most.
func TestServerBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(&Options{Limits: Limits{ServerBytes: 1000}})
		a, b, c := &Conn{door: d}, &Conn{door: d}, &Conn{door: d}
		for _, x := range []*Conn{a, b, c} {
			d.enter(x)
		}
		for _, s := range []struct {
			c       *Conn
			reading bool
			held    int64
			want    *Conn
		}{
			{a, false, 300, nil}, {b, false, 350, nil}, {b, true, 100, nil}, {c, false, 249, nil},
			{c, false, 250, nil}, {c, false, 251, b},
			{b, false, 900, nil}, // on its way out
			{c, false, 700, nil}, {c, true, 1, c},
			{a, false, 1000, nil}, {a, false, 1001, a},
		} {
			if got := d.charge(s.c, s.reading, s.held); got != s.want {
				t.Errorf("%+v: got %p; %d are held", s, got, d.held)
			}
		}
		for _, x := range []*Conn{a, b, c} {
			d.leave(x)
		}
		if d.held != 0 || len(d.guests) != 0 {
			t.Errorf("%d are held by %d", d.held, len(d.guests))
		}
	})
}

// A message that is coming is charged as it comes, and the one who sends the most of it is closed.
func TestServerBytesOfMessages(t *testing.T) {
	serving(t, Limits{ServerBytes: 4 << 20}, func(t *testing.T, l *listener) {
		mb := capnp.NewMessage(nil)
		capnp.StructBuilder(rpc.NewRootMessage(mb).NewBootstrap()).NewData(0, 2<<20)
		b := frame.Append(nil, mb)
		x, y := l.dial(""), l.dial("")
		send := func(c net.Conn, n int) {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.Write(b[:n])
		}
		send(x, 500<<10)
		send(y, 900<<10)
		if !isOpen(x) || !isOpen(y) {
			t.Error("closed within the limit")
		}
		send(x, 300<<10)
		time.Sleep(3 * time.Second) // it is given time to hear why
		if !isOpen(x) || isOpen(y) {
			t.Errorf("beyond the limit: x is open: %t, y: %t", isOpen(x), isOpen(y))
		}
	})
}

// The log is not filled by those who are refused.
func TestDoorLogsOnceASecond(t *testing.T) {
	var lines strings.Builder
	log := slog.New(slog.NewTextHandler(&lines, nil))
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(&Options{Limits: Limits{Connections: 1}, Logger: log})
		x, y := net.Pipe()
		if !d.admit(x) {
			t.Fatal("refused")
		}
		for range 100 {
			d.admit(y)
		}
		time.Sleep(2 * time.Second)
		d.admit(y)
	})
	if got := lines.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "count=100") {
		t.Errorf("logged\n%s", got)
	}
}
