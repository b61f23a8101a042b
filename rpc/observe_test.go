package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

// A diary writes down what an observer hears.
type diary struct {
	mu    sync.Mutex
	lines []string
	calls map[*rpc.CallInfo]bool
}

type diaryKey struct{}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// read returns what was written, and empties the diary.
func (d *diary) read() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := strings.Join(d.lines, "\n")
	d.lines = nil
	return s
}

func (d *diary) observer() *rpc.Observer {
	d.calls = map[*rpc.CallInfo]bool{}
	return &rpc.Observer{
		CallStarted: func(ctx context.Context, c *rpc.CallInfo) context.Context {
			d.mu.Lock()
			d.calls[c] = true
			d.mu.Unlock()
			d.write("start %s %s", c.Side, c.Name())
			return context.WithValue(ctx, diaryKey{}, c.Name())
		},
		CallEnded: func(ctx context.Context, c *rpc.CallInfo) {
			d.mu.Lock()
			known := d.calls[c]
			delete(d.calls, c)
			d.mu.Unlock()
			sizes := "sizes"
			if c.ParamBytes == 0 || (c.ResultBytes == 0) != (c.Err != nil && c.Side == rpc.Caller) {
				sizes = fmt.Sprintf("sizes %d %d", c.ParamBytes, c.ResultBytes)
			}
			d.write("end %s %s, ctx %v, known %v, %s, err %v", c.Side, c.Name(), ctx.Value(diaryKey{}) != nil, known, sizes, c.Err)
		},
		ConnOpened:   func(c *rpc.Conn) { d.write("open") },
		ConnClosed:   func(c *rpc.Conn, err error) { d.write("close: %v", err) },
		LimitReached: func(c *rpc.Conn, limit string) { d.write("limit %s", limit) },
	}
}

// seer is an object whose methods tell what is in their context.
type seer struct {
	server
	seen chan any
}

func (s *seer) Invoke(ctx context.Context, c *capnp.Call) error {
	s.seen <- ctx.Value(diaryKey{})
	return s.server.Invoke(ctx, c)
}

// Both sides hear of every call, in order, and a method sees what its observer put in its context.
func TestObserverHearsCalls(t *testing.T) {
	var client, service diary
	s := &seer{seen: make(chan any, 10)}
	boot := capnp.NewServer(s)
	a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{nil, client.observer(), {}}},
		&rpc.Options{Bootstrap: boot, Observers: []*rpc.Observer{service.observer()}})
	boot.Release()
	c := rpc.Bootstrap[T](t.Context(), a)
	if _, err := add(t.Context(), c, 1).Wait(); err != nil {
		t.Fatal(err)
	}
	if got := <-s.seen; got != "@0xabc.@1" {
		t.Errorf("the method saw %v in its context", got)
	}
	if _, err := capnp.Send[capnp.Struct, capnp.StructBuilder](t.Context(), c.Client, failMethod, nil).Wait(); !errors.Is(err, capnp.Overloaded) {
		t.Fatal(err)
	}
	c.Release()
	a.Close()
	<-b.Done()
	const wantClient = `open
start caller bootstrap
end caller bootstrap, ctx true, known true, sizes, err <nil>
start caller t.capnp:T.add
end caller t.capnp:T.add, ctx true, known true, sizes, err <nil>
start caller t.capnp:T.fail
end caller t.capnp:T.fail, ctx true, known true, sizes, err remote exception: no more
close: the connection was closed here`
	const wantService = `open
start callee bootstrap
end callee bootstrap, ctx true, known true, sizes, err <nil>
start callee @0xabc.@1
end callee t.capnp:T.add, ctx true, known true, sizes, err <nil>
start callee @0xabc.@3
end callee t.capnp:T.fail, ctx true, known true, sizes, err no more
close: the peer closed the connection`
	// The bootstrap and the first call travel together, so their lines may alternate.
	if got := client.read(); sorted(got) != sorted(wantClient) {
		t.Errorf("client:\n%s\nwant:\n%s", got, wantClient)
	}
	if got := service.read(); sorted(got) != sorted(wantService) {
		t.Errorf("service:\n%s\nwant:\n%s", got, wantService)
	}
}

// What a caller does not wait for is over, too: when it gives up, when the connection ends, and when
// the message cannot be sent.
func TestObserverHearsEveryEnd(t *testing.T) {
	var client diary
	block, entered := make(chan struct{}), make(chan struct{}, 2)
	s := &thrower{func() error { entered <- struct{}{}; <-block; return nil }}
	boot := capnp.NewServer(s)
	failed := make(chan error, 10)
	tell := &rpc.Observer{CallEnded: func(_ context.Context, c *rpc.CallInfo) {
		if c.Err != nil {
			failed <- c.Err
		}
	}}
	a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{tell, client.observer()}, Limits: rpc.Limits{MessageBytes: 4096}},
		&rpc.Options{Bootstrap: boot})
	boot.Release()
	c := rpc.Bootstrap[T](t.Context(), a)
	if err := c.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := add(ctx, c, 1)
	<-entered
	cancel()
	<-p.Done()
	<-failed // not before the method returns, or it might count
	big := capnp.Send[capnp.Struct](t.Context(), c.Client, addMethod, func(b capnp.StructBuilder) { b.SetData(0, make([]byte, 8192)) })
	if _, err := big.Wait(); err == nil {
		t.Fatal("a message larger than the limit was sent")
	}
	block <- struct{}{} // the first call was given up, and gives way
	q := add(t.Context(), c, 2)
	<-entered
	a.Close()
	<-q.Done()
	close(block)
	b.Close()
	got := client.read()
	if starts, ends := strings.Count(got, "start"), strings.Count(got, "end"); starts != 4 || ends != 4 {
		t.Errorf("%d starts, %d ends, want 4 each:\n%s", starts, ends, got)
	}
	if len(client.calls) != 0 {
		t.Errorf("%d calls are not over", len(client.calls))
	}
	for _, want := range []string{"context canceled", "more than the limit of 4096", "the connection was closed here"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing ended with %q:\n%s", want, got)
		}
	}
}

// A caller's observer gets the context the call was made with, also through a promise that was not
// resolved yet.
func TestObserverSeesCallersContext(t *testing.T) {
	type key struct{}
	seen := make(chan any, 1)
	o := &rpc.Observer{CallStarted: func(ctx context.Context, c *rpc.CallInfo) context.Context {
		if !c.Bootstrap {
			seen <- ctx.Value(key{})
		}
		return nil
	}}
	boot := capnp.NewServer(&server{})
	a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{o}}, &rpc.Options{Bootstrap: boot})
	boot.Release()
	defer b.Close()
	defer a.Close()
	c := rpc.Bootstrap[T](t.Context(), a)
	defer c.Release()
	if _, err := add(context.WithValue(t.Context(), key{}, 7), c, 1).Wait(); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != 7 {
		t.Errorf("saw %v", got)
	}
}

// A Drain that tells observers may be the reader's: it goes on even if one looks at the connection.
func TestObserverMayAskForStats(t *testing.T) {
	o := &rpc.Observer{CallEnded: func(_ context.Context, c *rpc.CallInfo) { c.Conn.Stats() }}
	opt := &rpc.Options{Observers: []*rpc.Observer{o}}
	served := *opt
	served.Bootstrap = capnp.NewServer(&server{})
	a, b := rpc.Pipe(opt, &served)
	defer a.Close()
	defer b.Close()
	c := rpc.Bootstrap[T](t.Context(), a)
	for range 100 {
		if _, err := add(t.Context(), c, 1).Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestObserverHearsLimits(t *testing.T) {
	var d diary
	boot := capnp.NewServer(&server{})
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: boot, Observers: []*rpc.Observer{d.observer()}, Limits: rpc.Limits{MessageBytes: 1024}})
	boot.Release()
	c := rpc.Bootstrap[T](t.Context(), a)
	capnp.Send[capnp.Struct](t.Context(), c.Client, addMethod, func(b capnp.StructBuilder) { b.SetData(0, make([]byte, 8192)) }).Wait()
	<-b.Done()
	a.Close()
	if got := d.read(); !strings.Contains(got, "limit MessageBytes\nclose: ") {
		t.Errorf("heard:\n%s", got)
	}
}

// The logger hears of calls, with the keys that docs/observing.md lists, if it takes Debug.
func TestLoggerHearsCalls(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		var log bytes.Buffer
		h := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})
		boot := capnp.NewServer(&server{})
		a, b := rpc.Pipe(nil, &rpc.Options{Logger: slog.New(h), Bootstrap: boot, Name: "alice"})
		boot.Release()
		c := rpc.Bootstrap[T](t.Context(), a)
		capnp.Send[capnp.Struct, capnp.StructBuilder](t.Context(), c.Client, failMethod, nil).Wait()
		b.Close()
		a.Close()
		got := log.String()
		if level == slog.LevelInfo {
			if got != "" {
				t.Errorf("at level Info: %q", got)
			}
			continue
		}
		for _, want := range []string{"msg=\"connection opened\" conn=alice", "msg=call conn=alice side=callee", "interface=t.capnp:T method=fail", "kind=overloaded", "msg=\"connection closed\" conn=alice"} {
			if !strings.Contains(got, want) {
				t.Errorf("log lacks %q:\n%s", want, got)
			}
		}
	}
}

// Who watches connections only, or nothing, pays nothing for calls.
func TestObserverOfConnectionsCostsCallsNothing(t *testing.T) {
	allocs := func(obs ...*rpc.Observer) float64 {
		boot := capnp.NewServer(&server{})
		a, b := rpc.Pipe(&rpc.Options{Observers: obs}, &rpc.Options{Bootstrap: boot, Observers: obs})
		boot.Release()
		defer b.Close()
		defer a.Close()
		c := rpc.Bootstrap[T](t.Context(), a)
		call := func() {
			if _, err := add(t.Context(), c, 1).Wait(); err != nil {
				t.Fatal(err)
			}
		}
		call()
		return testing.AllocsPerRun(500, call)
	}
	none := allocs()
	conns := allocs(&rpc.Observer{ConnOpened: func(*rpc.Conn) {}, LimitReached: func(*rpc.Conn, string) {}})
	calls := allocs(&rpc.Observer{CallEnded: func(context.Context, *rpc.CallInfo) {}})
	t.Logf("allocations a call: %v, with an observer of connections %v, of calls %v", none, conns, calls)
	if conns > none+1 || calls > none+6 { // the runtime's own differ by one
		t.Errorf("allocations a call: %v, with an observer of connections %v, of calls %v", none, conns, calls)
	}
}

// Connections are named after the peer, and numbered where they are accepted.
func TestConnName(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 2)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	boot := capnp.NewServer(&server{})
	defer boot.Release()
	go func() {
		done <- rpc.Serve(ctx, l, T{boot}, &rpc.Options{Observers: []*rpc.Observer{{ConnOpened: func(c *rpc.Conn) { names <- c.String() }}}})
	}()
	for i := range 2 {
		c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.String(); got != l.Addr().String() {
			t.Errorf("the client's connection is called %q", got)
		}
		if got := <-names; !strings.HasPrefix(got, "127.0.0.1:") || !strings.HasSuffix(got, fmt.Sprintf("#%d", i+1)) {
			t.Errorf("connection %d is called %q", i, got)
		}
		c.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// BenchmarkObserver shows what observers cost a call, and that none cost nothing.
func BenchmarkObserver(b *testing.B) {
	nothing := &rpc.Observer{CallEnded: func(context.Context, *rpc.CallInfo) {}}
	for _, c := range []struct {
		name string
		obs  []*rpc.Observer
	}{{"none", nil}, {"one", []*rpc.Observer{nothing}}} {
		b.Run(c.name, func(b *testing.B) {
			boot := capnp.NewServer(&server{})
			x, y := rpc.Pipe(&rpc.Options{Observers: c.obs}, &rpc.Options{Bootstrap: boot, Observers: c.obs})
			boot.Release()
			defer y.Close()
			defer x.Close()
			t := rpc.Bootstrap[T](b.Context(), x)
			b.ReportAllocs()
			for b.Loop() {
				add(b.Context(), t, 1).Wait()
			}
		})
	}
}

func sorted(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The caller's context is seen through a reconnecting client and an ocap wrapper, too.
func TestObserverSeesCallersContextThroughWrappers(t *testing.T) {
	type key struct{}
	seen := make(chan any, 10)
	o := &rpc.Observer{CallStarted: func(ctx context.Context, c *rpc.CallInfo) context.Context {
		if !c.Bootstrap {
			seen <- ctx.Value(key{})
		}
		return nil
	}}
	boot := capnp.NewServer(&server{})
	a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{o}}, &rpc.Options{Bootstrap: boot})
	boot.Release()
	defer b.Close()
	defer a.Close()
	c := rpc.Bootstrap[T](t.Context(), a)
	defer c.Release()
	narrow, revoke := ocap.Revocable(c)
	defer revoke()
	again, _ := rpc.Reconnect(func(context.Context) (T, *rpc.Conn, error) { return capnp.AddRef(c), a, nil }, nil)
	defer again.Release()
	for i, w := range []T{narrow, again} {
		if _, err := add(context.WithValue(t.Context(), key{}, i), w, 1).Wait(); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != i {
			t.Errorf("wrapper %d: saw %v", i, got)
		}
	}
}
