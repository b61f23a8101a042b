package rpc_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// A flood is one attack on a server, beside which an honest client works. The attacker sends at
// most floodRate bytes a second.
type flood struct {
	name, what string
	want       string // closed: by the server; refused: calls are; held: nothing of the kind
	conns      int    // the attacker's; 1 if 0
	mute       bool   // the attacker does not read
	memory     int64  // limit of the process's; 0 for none
	limits     func(l *rpc.Limits)
	attack     func(a *attacker)
	check      func(t *testing.T, s *site)
}

const (
	floodRate = 5 << 20
	// floodBytes is what the live heap and the stacks of server, attacker and honest client may come
	// to during a flood. It is less than the worst case that rpc.Limits computes because each
	// flood is one kind of attack.
	floodBytes = 64 << 20
	// floodGrowth is the same for the heap with what the collector has not got to yet.
	floodGrowth = 128 << 20
)

// site is a server under attack.
type site struct {
	v       *victim
	l       net.Listener
	limits  rpc.Limits
	log     countingWriter
	want    string
	length  time.Duration
	end     time.Time
	sent    atomic.Int64
	refused atomic.Int64 // calls of the attacker's, as overloaded
	failed  atomic.Int64 // otherwise
	closed  atomic.Int64 // connections of the attacker's, by the server
	start   time.Time
}

type countingWriter struct{ lines, bytes atomic.Int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.lines.Add(int64(bytes.Count(p, []byte("\n"))))
	w.bytes.Add(int64(len(p)))
	return len(p), nil
}

// goesOn reports whether the flood is not over. One that is to come to an end goes on until it has,
// however long that takes on a busy machine.
func (s *site) goesOn() bool {
	if s.want == "refused" && s.refused.Load() > 0 && time.Since(s.start) >= s.length {
		return false
	}
	return time.Now().Before(s.end)
}

// attacker is one of the attacker's connections.
type attacker struct {
	*site
	conn  net.Conn
	n     int    // which one
	batch []byte // to be sent together
	gone  bool

	mu      sync.Mutex
	answer  func(m wire.Message) []byte // to what the server sends, if set
	writing sync.Mutex
}

// send sends b, when its time has come. It reports false when the flood is over or the server has
// closed the connection.
func (a *attacker) send(b []byte) bool {
	for {
		ahead := time.Duration(float64(a.sent.Load())/floodRate*float64(time.Second)) - time.Since(a.start)
		if ahead <= 0 {
			break
		}
		if !a.sleep(ahead) {
			return false
		}
	}
	a.sent.Add(int64(len(b)))
	a.writing.Lock()
	defer a.writing.Unlock()
	a.conn.SetWriteDeadline(a.end)
	if _, err := a.conn.Write(b); err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			a.gone = true
		}
		return false
	}
	return a.goesOn()
}

// sleep waits. It reports false when the flood is over.
func (a *attacker) sleep(d time.Duration) bool {
	<-time.After(min(d, max(time.Until(a.end), 0)))
	return a.goesOn()
}

// add sends b some time, together with others.
func (a *attacker) add(b ...[]byte) bool {
	for _, b := range b {
		a.batch = append(a.batch, b...)
	}
	if len(a.batch) < 8<<10 {
		return true
	}
	ok := a.send(a.batch)
	a.batch = a.batch[:0]
	return ok
}

// read counts what the server sends, and answers it.
func (a *attacker) read() {
	r := frame.NewReader(a.conn, nil)
	for {
		m, err := r.Read()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				a.closed.Add(1)
			}
			return
		}
		root := capnp.Root[wire.Message](m)
		if root.Which() == wire.MessageWhichReturn && root.Return().Which() == wire.ReturnWhichException {
			if root.Return().Exception().Type() == wire.ExceptionTypeOverloaded {
				a.refused.Add(1)
			} else {
				a.failed.Add(1)
			}
		}
		a.mu.Lock()
		answer := a.answer
		a.mu.Unlock()
		if answer == nil {
			continue
		}
		if b := answer(root); b != nil {
			a.writing.Lock()
			a.conn.SetWriteDeadline(a.end)
			a.conn.Write(b)
			a.writing.Unlock()
		}
	}
}

// outcome is what came of a flood, or of several runs of it: medians.
type outcome struct {
	verdict        string
	idle, under    time.Duration // the honest client's p99
	live, heap     int64         // bytes, at most
	goroutines     int
	methods, lines int64
}

// TestFloods lets every flood loose on a server and looks at what it can make it hold, and at what
// becomes of an honest client. With LANYARD_FLOODS=5 each is run five times and the client's p99
// has to stay within three times that of an idle server; without, once, and that is only printed.
func TestFloods(t *testing.T) {
	runs, _ := strconv.Atoi(os.Getenv("LANYARD_FLOODS"))
	judged := runs > 0
	length := 250 * time.Millisecond
	if judged {
		length = 1500 * time.Millisecond
	}
	runs = max(runs, 1)
	var table strings.Builder
	table.WriteString("| flood | what | end | p99 idle | p99 under it | ratio | live MiB | heap MiB | goroutines | methods |\n|-|-|-|-|-|-|-|-|-|-|\n")
	for _, f := range floods {
		ok := t.Run(f.name, func(t *testing.T) {
			var all []outcome
			for range runs {
				all = append(all, f.run(t, length))
			}
			o := median(all)
			ratio := float64(o.under) / float64(o.idle)
			line := fmt.Sprintf("| %s | %s | %s | %v | %v | %.1f | %d | %d | %d | %d |\n", f.name, f.what, o.verdict,
				o.idle.Round(time.Microsecond), o.under.Round(time.Microsecond), ratio, o.live>>20, o.heap>>20, o.goroutines, o.methods)
			table.WriteString(line)
			t.Log(line)
			if judged && ratio > 3 {
				t.Errorf("the honest client's p99 is %v, and %v on the idle server: %.1f times as long", o.under, o.idle, ratio)
			}
			if o.live > floodBytes {
				t.Errorf("%d MiB live, more than %d", o.live>>20, floodBytes>>20)
			}
			if o.heap > floodGrowth {
				t.Errorf("%d MiB of heap, more than %d", o.heap>>20, floodGrowth>>20)
			}
		})
		if !ok {
			table.WriteString("| " + f.name + " | failed |\n")
		}
	}
	t.Log("\n" + table.String())
}

func median(all []outcome) outcome {
	mid := func(f func(o outcome) int64) int64 {
		slices.SortFunc(all, func(a, b outcome) int { return cmp.Compare(f(a), f(b)) })
		return f(all[len(all)/2])
	}
	o := all[0]
	o.idle = time.Duration(mid(func(o outcome) int64 { return int64(o.idle) }))
	o.under = time.Duration(mid(func(o outcome) int64 { return int64(o.under) }))
	o.live = mid(func(o outcome) int64 { return o.live })
	o.heap = mid(func(o outcome) int64 { return o.heap })
	return o
}

func (f *flood) run(t *testing.T, length time.Duration) outcome {
	if f.memory > 0 {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(f.memory))
	}
	before := liveBytes()
	goroutines := runtime.NumGoroutine()
	s := &site{v: newVictim(), want: f.want, length: length, limits: rpc.Limits{
		BreakAfter: 100 * time.Millisecond, StallTimeout: 200 * time.Millisecond,
		FirstMessage: 200 * time.Millisecond, MessageTime: 200 * time.Millisecond,
	}}
	if f.limits != nil {
		f.limits(&s.limits)
	}
	var err error
	if s.l, err = net.Listen("unix", t.TempDir()+"/s"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	boot := capnp.NewServer(s.v)
	go func() {
		served <- rpc.Serve(ctx, s.l, T{boot}, &rpc.Options{Limits: s.limits, Logger: slog.New(slog.NewTextHandler(&s.log, nil))})
	}()
	conn, err := rpc.Dial(ctx, "unix", s.l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	honest := rpc.Bootstrap[T](ctx, conn)
	var o outcome
	honestly(t, honest, make(chan struct{}), 100*time.Millisecond) // warm
	o.idle = honestly(t, honest, make(chan struct{}), length/2)
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		o.watch(stop, before)
	}()
	s.start = time.Now()
	s.end = s.start.Add(length)
	if f.want != "held" {
		s.end = s.start.Add(20 * time.Second)
	}
	over := make(chan struct{})
	var attackers, readers sync.WaitGroup
	var all []*attacker
	for n := range max(f.conns, 1) {
		nc, err := net.Dial("unix", s.l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		a := &attacker{site: s, conn: nc, n: n}
		all = append(all, a)
		if !f.mute {
			readers.Go(a.read)
		}
		attackers.Go(func() { f.attack(a) })
	}
	go func() {
		attackers.Wait()
		if f.want == "closed" && f.mute {
			for _, a := range all {
				a.gone = a.gone || a.serverClosed()
			}
		}
		if f.want == "closed" {
			readers.Wait() // they have heard of it
		}
		<-time.After(time.Until(s.start.Add(length)))
		close(over)
	}()
	o.under = honestly(t, honest, over, time.Minute)
	<-over
	o.live = liveBytes() - before
	close(stop)
	<-watched
	o.methods = s.v.most.Load()
	o.lines = s.log.lines.Load()
	closed := 0
	for _, a := range all {
		if a.gone {
			closed++
		}
	}
	switch n := max(int(s.closed.Load()), closed); {
	case n == len(all):
		o.verdict = "closed"
	case s.refused.Load() > 0:
		o.verdict = "refused"
	default:
		o.verdict = "held"
	}
	if o.verdict != f.want {
		t.Errorf("the flood was %s (%d of %d connections closed, %d calls refused, %d failed, %d bytes sent), want %s",
			o.verdict, s.closed.Load(), len(all), s.refused.Load(), s.failed.Load(), s.sent.Load(), f.want)
	}
	if m := int64(256 + 1); o.methods > m*int64(len(all)+1) {
		t.Errorf("%d methods ran at a time", o.methods)
	}
	if f.check != nil {
		f.check(t, s)
	}
	for _, a := range all {
		a.conn.Close()
	}
	s.v.free()
	readers.Wait()
	honest.Release()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	boot.Release()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > goroutines || s.v.running.Load() > 0; {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left, %d before; %d methods run\n%s", runtime.NumGoroutine(), goroutines, s.v.running.Load(), buf[:runtime.Stack(buf, true)])
		}
		<-time.After(10 * time.Millisecond)
	}
	if left := liveBytes() - before; left > 16<<20 {
		t.Errorf("%d MiB are left", left>>20)
	}
	return o
}

// serverClosed reports whether a connection that nobody read from has been closed.
func (a *attacker) serverClosed() bool {
	a.conn.SetReadDeadline(a.end)
	if time.Now().Before(a.end) {
		<-time.After(3 * a.limits.StallTimeout) // not reading
	}
	_, err := io.Copy(io.Discard, a.conn)
	return err == nil || !errors.Is(err, os.ErrDeadlineExceeded)
}

// honestly makes one call after the other, until over is closed or for so long, and returns the p99.
func honestly(t *testing.T, c T, over chan struct{}, length time.Duration) time.Duration {
	var took []time.Duration
	for end := time.Now().Add(length); time.Now().Before(end); {
		select {
		case <-over:
			end = time.Now()
			continue
		default:
		}
		start := time.Now()
		if r, err := ask(context.Background(), c, vEcho, 42).Wait(); err != nil || r.Uint64(0) != 42 {
			t.Errorf("the honest client: %v", err)
			break
		}
		took = append(took, time.Since(start))
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// liveBytes is what is live after a collection: objects and stacks.
func liveBytes() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	objects, stacks := inUse()
	return objects + stacks
}

func inUse() (objects, stacks int64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())
}

// watch keeps the largest of what it sees.
func (o *outcome) watch(stop chan struct{}, before int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			objects, stacks := inUse()
			o.heap = max(o.heap, objects+stacks-before)
			o.goroutines = max(o.goroutines, runtime.NumGoroutine())
		}
	}
}
