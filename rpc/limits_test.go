package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testnet"
)

// bubble runs f in a synctest bubble. The collector rests meanwhile: what it finds is given back on
// a goroutine outside.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	synctest.Test(t, f)
}

// attacked is a connection whose other end is bytes.
type attacked struct {
	*testing.T
	v    *victim
	conn *rpc.Conn
	end  *testnet.End
	in   *frame.Reader
}

// attack makes a connection that offers a victim. Its peer has asked for that as question 0.
func attack(t *testing.T, l rpc.Limits, capacity int) *attacked {
	x, y := testnet.Pipe(capacity)
	a := &attacked{T: t, v: newVictim(), end: x, in: frame.NewReader(x, nil)}
	boot := capnp.NewServer(a.v)
	a.conn = rpc.NewConn(y, &rpc.Options{Bootstrap: boot, Limits: l})
	boot.Release()
	a.write(bootstrapMessage(0))
	synctest.Wait()
	return a
}

func (a *attacked) write(b []byte) { a.end.Write(b) }

// returns reads until the Return for a question, and returns what its exception says.
func (a *attacked) returns(id uint32) string {
	a.Helper()
	for {
		m, err := a.in.Read()
		if err != nil {
			a.Fatalf("no Return for question %d: %v", id, err)
		}
		root := capnp.Root[wire.Message](m)
		if root.Which() == wire.MessageWhichReturn && root.Return().AnswerId() == id {
			return root.Return().Exception().Reason()
		}
	}
}

func (a *attacked) answers(want int) {
	a.Helper()
	synctest.Wait()
	if got := a.conn.Stats().Answers; got != want {
		a.Errorf("%d answers, want %d", got, want)
	}
}

func (a *attacked) close() {
	a.v.free()
	a.conn.Close()
	a.end.Close()
	synctest.Wait()
	if s := a.conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes != 0 {
		a.Errorf("at the end: %+v", s)
	}
}

// Reading stops at the limit of calls that have not returned, and goes on when one has.
func TestReadingStops(t *testing.T) {
	big := func(id uint32) []byte {
		return callMessage(id, vStubborn, 0, func(_ wire.CallBuilder, p capnp.StructBuilder) { p.NewData(0, 100<<10) })
	}
	small := func(id uint32) []byte { return callMessage(id, vStubborn, 0, nil) }
	for _, tt := range []struct {
		name   string
		limits rpc.Limits
		call   func(id uint32) []byte
		n      int // how many are read
	}{
		{"Running", rpc.Limits{Running: 3}, small, 3},
		{"CallBytes", rpc.Limits{CallBytes: 250 << 10}, big, 3}, // the third goes beyond
		{"neither", rpc.Limits{}, small, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := attack(t, tt.limits, 0)
				for id := range uint32(5) {
					a.write(tt.call(id + 1))
					a.answers(1 + min(int(id)+1, tt.n))
				}
				a.v.letGo <- struct{}{}
				synctest.Wait()
				a.answers(1 + min(4, tt.n))
				a.close()
			})
		})
	}
}

// The breaker: nothing has been read for a while, and calls of ours wait for the peer.
func TestBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := attack(t, rpc.Limits{Running: 2, BreakAfter: 5 * time.Second}, 0)
		// Two calls of callBack: each calls back and waits.
		for id := range uint32(2) {
			a.write(callMessage(id+1, vCallBack, 0, func(c wire.CallBuilder, p capnp.StructBuilder) {
				c.EditParams().NewCapTable(1).At(0).SetSenderHosted(7)
				p.SetCap(0, 0)
			}))
		}
		synctest.Wait()
		a.write(callMessage(3, vEcho, 0, nil)) // in front of the returns
		a.write(message(func(m wire.MessageBuilder) {
			r := m.NewReturn()
			r.SetAnswerId(0)
			r.NewResults()
		}))
		time.Sleep(4 * time.Second)
		a.answers(3)
		time.Sleep(4 * time.Second)
		if got := a.returns(3); !strings.Contains(got, "too much is being called at once") {
			t.Errorf("the call that was refused: %q", got)
		}
		if got := a.returns(1); got != "" {
			t.Errorf("the call that waited: %q", got)
		}
		// One of two is gone: it is as before.
		a.write(callMessage(4, vEcho, 0, nil))
		if got := a.returns(4); got != "" {
			t.Errorf("a call after that: %q", got)
		}
		a.close()
	})
}

// Without calls of ours there is no deadlock to break, but the end of the stream is seen at last.
func TestBreakerHearsTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := attack(t, rpc.Limits{Running: 2, BreakAfter: 5 * time.Second}, 0)
		for id := range uint32(4) {
			a.write(callMessage(id+1, vBlock, 0, nil))
		}
		a.end.Close()
		time.Sleep(25 * time.Second)
		a.answers(3)
		time.Sleep(10 * time.Second)
		select {
		case <-a.conn.Done():
		default:
			t.Error("the connection has not ended")
		}
		a.close()
		if n := a.v.running.Load(); n != 0 {
			t.Errorf("%d methods run", n)
		}
	})
}

// Two vats call each other, each call leading to one more, beyond what either admits: L11.
func TestMutualRecursion(t *testing.T) {
	for name, l := range map[string]rpc.Limits{
		"Running": {Running: 8, BreakAfter: 5 * time.Second},
		"Methods": {Methods: 8, BreakAfter: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				v, w := newVictim(), newVictim()
				x, y := testnet.Pipe(0)
				boot := capnp.NewServer(v)
				a, b := rpc.NewConn(x, &rpc.Options{Limits: l}), rpc.NewConn(y, &rpc.Options{Bootstrap: boot, Limits: l})
				boot.Release()
				c := rpc.Bootstrap[T](t.Context(), a)
				mine := capnp.NewServer(w)
				start := time.Now()
				_, err := capnp.Send[capnp.Struct](t.Context(), c.Client, victimMethods[vCallBack], func(p capnp.StructBuilder) {
					p.SetClient(0, mine)
				}).Wait()
				if !errors.Is(err, capnp.Overloaded) {
					t.Errorf("got %v, want overloaded", err)
				}
				if d := time.Since(start); d < 5*time.Second || d > 15*time.Second {
					t.Errorf("after %v", d)
				}
				if n := v.most.Load() + w.most.Load(); n < 8 || n > 20 {
					t.Errorf("%d methods ran at a time", n)
				}
				mine.Release()
				c.Release()
				a.Close()
				b.Close()
			})
		})
	}
}

// Methods of one connection: one less than the limit, as many, and one more.
func TestMethodsLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := attack(t, rpc.Limits{Methods: 3, BreakAfter: time.Second}, 0)
		for n := range uint32(5) {
			a.write(callMessage(n+1, vStubborn, 0, nil))
			synctest.Wait()
			if got, want := a.v.running.Load(), int64(min(n+1, 3)); got != want {
				t.Errorf("%d methods run, want %d", got, want)
			}
		}
		a.v.letGo <- struct{}{}
		synctest.Wait()
		if got := a.v.running.Load(); got != 3 {
			t.Errorf("%d methods run after one has ended", got)
		}
		time.Sleep(2 * time.Second) // none ends: the one that waits is refused
		if got := a.returns(5); !strings.Contains(got, "none of them ends") {
			t.Errorf("the call that waited: %q", got)
		}
		a.close()
	})
}

// A cancelled call whose method goes on keeps its slot and what it holds of its parameters.
func TestCancelledMethodsCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := attack(t, rpc.Limits{Methods: 2, CallBytes: 250 << 10}, 0)
		for id := range uint32(3) {
			a.write(callMessage(id+1, vStubborn, 0, func(_ wire.CallBuilder, p capnp.StructBuilder) { p.NewData(0, 150<<10) }))
			a.write(finishMessage(id+1, true))
			synctest.Wait()
		}
		if n := a.v.running.Load(); n != 2 {
			t.Errorf("%d methods run, want 2", n)
		}
		a.answers(1)
		a.write(callMessage(4, vEcho, 0, nil))
		if got := a.returns(4); !strings.Contains(got, "too much is being called at once") {
			t.Errorf("a call beside 300 KiB held by methods: %q", got)
		}
		a.v.free()
		synctest.Wait()
		a.write(callMessage(5, vEcho, 0, nil))
		if got := a.returns(5); got != "" {
			t.Errorf("a call when they have ended: %q", got)
		}
		a.close()
	})
}

// A peer that takes nothing for a while is cut off; one that takes a little is not.
func TestStallTimeout(t *testing.T) {
	for _, reads := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			a := attack(t, rpc.Limits{StallTimeout: 30 * time.Second}, 64<<10)
			a.write(callMessage(1, vBig, 900<<10, nil))
			synctest.Wait()
			for range 12 {
				time.Sleep(5 * time.Second)
				if reads {
					io.ReadFull(a.end, make([]byte, 70<<10))
				}
			}
			if ended := a.conn.Err() != nil; ended == reads {
				t.Errorf("the peer reads: %t; the connection ended: %t", reads, ended)
			}
			a.close()
		})
	}
}

// The same over a socket, where one write takes as much as the system lets it.
func TestStallTimeoutOfSockets(t *testing.T) {
	for _, reads := range []bool{false, true} {
		l, err := net.Listen("unix", t.TempDir()+"/s")
		if err != nil {
			t.Fatal(err)
		}
		peer, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		boot := capnp.NewServer(newVictim())
		c := rpc.NewConn(nc, &rpc.Options{Bootstrap: boot, Limits: rpc.Limits{StallTimeout: time.Second}})
		boot.Release()
		peer.Write(bootstrapMessage(0))
		peer.Write(callMessage(1, vBig, 7<<20, nil))
		if !reads {
			select {
			case <-c.Done():
			case <-time.After(30 * time.Second):
				t.Error("the peer reads nothing, and the connection goes on")
			}
		} else {
			tick := time.NewTicker(100 * time.Millisecond)
			for range 25 {
				<-tick.C
				if _, err := io.ReadFull(peer, make([]byte, 64<<10)); err != nil {
					t.Errorf("the peer reads, but: %v; %v", err, c.Err())
					break
				}
			}
			tick.Stop()
		}
		peer.Close()
		c.Close()
		l.Close()
	}
}

// Results that wait to be sent: one word less than three quarters of the queue, as many, and one
// more, which fails while the connection goes on.
func TestQueueBytesOfResults(t *testing.T) {
	const some, table = 100 << 10, 16 // of two segments
	for more, refused := range map[int64]bool{-8: false, 0: false, 8: true} {
		bubble(t, func(t *testing.T) {
			a := attack(t, rpc.Limits{QueueBytes: 1 << 20, StallTimeout: time.Hour}, 1<<10)
			queued := func() int64 {
				synctest.Wait()
				return a.conn.Stats().QueuedBytes
			}
			a.write(callMessage(1, vBig, some, nil))
			one := queued()
			a.write(callMessage(2, vBig, some, nil))
			two := queued()
			last := 3<<18 - two - (one - some - table) + more
			a.write(callMessage(3, vBig, uint64(last), nil))
			if full := queued() < 3<<18; full != refused {
				t.Errorf("%d bytes more than fit: %d are queued", more, queued())
			}
			if got := a.returns(3); strings.Contains(got, "too many results wait to be sent") != refused {
				t.Errorf("%d bytes more than fit: %q", more, got)
			}
			a.close()
		})
	}
}

// Close ends a connection though a goroutine of it is stuck in a write.
func TestCloseWhileAWriteIsStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := attack(t, rpc.Limits{}, 1<<10)
		a.write(callMessage(1, vBig, 100<<10, nil))
		synctest.Wait()
		start := time.Now()
		a.conn.Close()
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v", d)
		}
		a.close()
	})
}

// A peer that does not read keeps nobody else from an object, neither by a method's results nor by
// calls that the method makes to it.
func TestPeerThatDoesNotRead(t *testing.T) {
	for name, call := range map[string][]byte{
		"results": callMessage(placeholder, vBig, 1<<20, nil),
		"calls": callMessage(placeholder, vCallBack, 0, func(c wire.CallBuilder, p capnp.StructBuilder) {
			c.EditParams().NewCapTable(1).At(0).SetSenderHosted(7)
			p.SetCap(0, 0)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				boot := capnp.NewServer(newVictim())
				bad, badEnd := testnet.Pipe(200)
				x, y := testnet.Pipe(0)
				limits := rpc.Limits{QueueSoft: 1, StallTimeout: time.Hour}
				a := rpc.NewConn(badEnd, &rpc.Options{Bootstrap: boot, Limits: limits})
				b := rpc.NewConn(y, &rpc.Options{Bootstrap: boot})
				boot.Release()
				write := templateOf(call)
				go func() {
					bad.Write(bootstrapMessage(0))
					for id := range uint32(5) {
						bad.Write(write.with(id + 1))
					}
				}()
				synctest.Wait()
				c := rpc.NewConn(x, nil)
				good := rpc.Bootstrap[T](t.Context(), c)
				start := time.Now()
				if _, err := ask(t.Context(), good, vEcho, 1).Wait(); err != nil || time.Since(start) > time.Minute {
					t.Errorf("%v, after %v", err, time.Since(start))
				}
				good.Release()
				for _, c := range []*rpc.Conn{c, b, a} {
					c.Close()
				}
				bad.Close()
			})
		})
	}
}

// The worst case is what the limits come to, and Budget compares it with the memory there is.
func TestWorstCase(t *testing.T) {
	var l rpc.Limits
	one, all := l.WorstCase(), l.ServerWorstCase()
	if one < 200<<20 || one > 400<<20 {
		t.Errorf("one connection: %d MiB", one>>20)
	}
	if all < 1<<30 || all > 2<<30 {
		t.Errorf("a server: %d MiB", all>>20)
	}
	for _, more := range []rpc.Limits{{CallBytes: 17 << 20}, {ResultBytes: 17 << 20}, {QueueBytes: 17 << 20}, {MessageBytes: 9 << 20},
		{Calls: 16385}, {Exports: 65537}, {Imports: 65537}, {Embargoes: 1025}, {Methods: 257}} {
		if got := more.WorstCase(); got <= one {
			t.Errorf("%+v comes to %d, the defaults to %d", more, got, one)
		}
	}
	l.Connections = 1
	if got := l.ServerWorstCase(); got != one {
		t.Errorf("a server for one connection: %d, want %d", got, one)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	if line, fits := (rpc.Limits{}).Budget(); !fits || !strings.Contains(line, "GOMEMLIMIT is not set") {
		t.Error(line, fits)
	}
	debug.SetMemoryLimit(2 << 30)
	if line, fits := (rpc.Limits{}).Budget(); !fits || !strings.HasPrefix(line, "memory: worst case 1.") || !strings.HasSuffix(line, "of GOMEMLIMIT 2.0 GiB") {
		t.Error(line, fits)
	}
	debug.SetMemoryLimit(512 << 20)
	if line, fits := (rpc.Limits{ServerBytes: 1 << 30}).Budget(); fits {
		t.Error(line, fits)
	}
}

// What a peer gets to know of an error: no paths, no addresses, no stack.
func TestErrorsTellNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		x, y := testnet.Pipe(0)
		boot := capnp.NewServer(panicking{})
		b := rpc.NewConn(y, &rpc.Options{Bootstrap: boot})
		a := rpc.NewConn(x, nil)
		boot.Release()
		c := rpc.Bootstrap[T](t.Context(), a)
		_, err := ask(t.Context(), c, vEcho, 0).Wait()
		if got, want := fmt.Sprint(err), "remote exception: the method panicked"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Release()
		a.Close()
		b.Close()
	})
}

type panicking struct{}

func (panicking) Impl() any                                 { return nil }
func (panicking) FindMethod(uint64, uint16) *capnp.Method   { return victimMethods[vEcho] }
func (panicking) Invoke(context.Context, *capnp.Call) error { panic(fmt.Sprintf("%p", new(int))) }

// A flood of refused connections is one line a second in the log.
func TestServeRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- rpc.Serve(ctx, l, T{capnp.NewServer(newVictim())}, &rpc.Options{Limits: rpc.Limits{Connections: 2}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	}()
	var conns []*rpc.Conn
	for n := range 12 {
		c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		boot := rpc.Bootstrap[T](ctx, c)
		_, err = ask(ctx, boot, vEcho, 0).Wait()
		if ok := n < 2; ok != (err == nil) {
			t.Errorf("connection %d: %v", n+1, err)
		}
	}
	conns[0].Close()
	// The server hears of it in time.
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if _, err = ask(ctx, rpc.Bootstrap[T](ctx, c), vEcho, 0).Wait(); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no room after one has left")
		}
	}
	for _, c := range conns {
		c.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "connections refused"); n < 1 || n > 12 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}
