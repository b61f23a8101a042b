package rpc_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
	"lanyard.dev/rpc/internal/testnet"
)

// TestKills cuts connections at random bytes while both sides call each other. Afterwards nothing
// is left: no row of a table, no call that has not ended, no method whose context has not, no
// reference to an object, no goroutine. LANYARD_KILLS says how often.
func TestKills(t *testing.T) {
	kills(t, killCount(t, 100), killInMemory)
}

// TestKillsOverSockets is TestKills over unix sockets, at most 10 000 times.
func TestKillsOverSockets(t *testing.T) {
	kills(t, min(killCount(t, 100), 10_000), newKillSockets(t).kill)
}

func killCount(t *testing.T, n int) int {
	s := os.Getenv("LANYARD_KILLS")
	if s == "" {
		return n
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal("LANYARD_KILLS: ", err)
	}
	return n
}

// A killer connects two parties by something that ends at a given byte, and tells how it is to end
// and how many bytes went that way.
type killer func(a, b *party, rnd *rand.Rand, at int64) (sent func() int64, how string, err error)

// uncut is how many sessions there are for each that is left alone, so that it is known how far they
// reach.
const uncut = 16

// kills runs n sessions, a few at a time.
func kills(t *testing.T, n int, kill killer) {
	before := runtime.NumGoroutine()
	var next, cut, reach atomic.Int64
	reach.Store(1 << 12) // bytes of a session one way, as far as known
	var running sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for !t.Failed() {
				seed := uint64(next.Add(1))
				if seed > uint64(n) {
					return
				}
				a, b := newParty(2*seed), newParty(2*seed+1)
				rnd := rand.New(rand.NewPCG(seed, 0))
				at := rnd.Int64N(reach.Load())
				if rnd.IntN(2) == 0 {
					at = rnd.Int64N(1 + at) // early ends are more interesting
				}
				if seed%uncut == 0 {
					at = math.MaxInt64
				}
				sent, how, err := kill(a, b, rnd, at)
				if err == nil {
					err = session(a, b)
				}
				if err != nil {
					t.Errorf("session %d, %s: %v\n%v\n%v", seed, how, err, a.steps, b.steps)
					a.conn.Close()
					b.conn.Close()
					return
				}
				if a.conn.Err() != nil && a.conn.Err().Error() != "the connection was closed here" {
					cut.Add(1)
				}
				if seed%uncut == 0 {
					reach.Store(sent())
				}
			}
		})
	}
	running.Wait()
	if t.Failed() {
		return
	}
	t.Logf("%d sessions, %d of them cut before their end", n, cut.Load())
	if cut.Load() < int64(n)/4 {
		t.Errorf("only %d of %d connections were cut before their end", cut.Load(), n)
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		<-time.After(time.Millisecond)
	}
}

func killInMemory(a, b *party, rnd *rand.Rand, at int64) (func() int64, string, error) {
	capacity := 0
	if rnd.IntN(2) == 0 {
		capacity = 1 << (6 + rnd.IntN(11))
	}
	x, y := testnet.Pipe(capacity)
	lane, other := x.Out, y.Out
	how := "one way"
	var then func()
	if rnd.IntN(2) == 0 {
		how, then = "both ways", func() { other.Cut(testnet.Reset()) }
	}
	lane.CutAt(at, then)
	how = fmt.Sprintf("capacity %d, cut at byte %d, %s", capacity, at, how)
	if rnd.IntN(4) == 0 {
		far, end := testnet.Pipe(capacity)
		a.proxy(y, far)
		y, how = end, how+", before a proxy"
	}
	a.conn, b.conn = rpc.NewConn(x, a.options()), rpc.NewConn(y, b.options())
	return lane.Total, how, nil
}

// killSockets makes pairs of connected unix sockets.
type killSockets struct {
	mu sync.Mutex
	l  net.Listener
}

func newKillSockets(t *testing.T) *killSockets {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &killSockets{l: l}
}

func (s *killSockets) pair() (a, b *net.UnixConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := net.Dial("unix", s.l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	y, err := s.l.Accept()
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	return x.(*net.UnixConn), y.(*net.UnixConn), nil
}

// cutter is a socket that ends after so many bytes read or written.
type cutter struct {
	*net.UnixConn
	read, written atomic.Int64
	readAt        int64 // -1 for never
	writeAt       int64
	cut           func()
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.readAt >= 0 {
		if left := c.readAt - c.read.Load(); int64(len(p)) > left {
			p = p[:left]
		}
		if len(p) == 0 {
			c.cut()
			return 0, testnet.Reset()
		}
	}
	n, err := c.UnixConn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c *cutter) Write(p []byte) (int, error) {
	if left := c.writeAt - c.written.Load(); c.writeAt >= 0 && int64(len(p)) > left {
		n, _ := c.UnixConn.Write(p[:left])
		c.written.Add(int64(n))
		c.cut()
		return n, net.ErrClosed
	}
	n, err := c.UnixConn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// kill cuts at Alice's end; Bob has a plain socket.
func (s *killSockets) kill(a, b *party, rnd *rand.Rand, at int64) (func() int64, string, error) {
	x, y, err := s.pair()
	if err != nil {
		return nil, "", err
	}
	c := &cutter{UnixConn: x, readAt: -1, writeAt: -1}
	way := "written"
	if rnd.IntN(2) == 0 {
		c.writeAt = at
	} else {
		way, c.readAt = "read", at
	}
	how := [...]string{"close", "shut the writing half", "shut the reading half"}[rnd.IntN(3)]
	switch how {
	case "close":
		c.cut = func() { x.Close() }
	case "shut the writing half":
		c.cut = func() { x.CloseWrite() }
	default:
		c.cut = func() { x.CloseRead() }
	}
	a.conn, b.conn = rpc.NewConn(c, a.options()), rpc.NewConn(y, b.options())
	return func() int64 { return max(c.written.Load(), c.read.Load()) }, fmt.Sprintf("%s after %d bytes %s", how, at, way), nil
}

// A connection that is lost during an embargo has lost calls that later ones must not overtake: so
// the capability breaks, though it is known to be an object of this side.
func TestLostEmbargoBreaksCapability(t *testing.T) {
	play(t, "echo", func(s *scene) {
		lab := s.lab()
		counter := &testcap.Counter{}
		c := testcap.NewSequence(counter)
		s.later(c)
		s.poll()
		s.toAlice.Hold()
		e := echo(s, lab, c)
		first := next(s.Context(), e.Cap(), 0)
		s.poll()
		s.toBob.Hold() // the Disembargo does not arrive
		s.toAlice.Resume()
		s.poll()
		second := next(s.Context(), e.Cap(), 1)
		s.poll()
		want(s, "embargoes", s.alice.Stats().Embargoes, 1)
		n := counter.Count()
		s.alice.Close()
		third := next(s.Context(), e.Cap(), 2)
		for i, p := range []testcap.SequenceNextResultsPromise{first, second, third} {
			if _, err := p.Wait(); i > 0 && !errors.Is(err, capnp.Disconnected) {
				s.Errorf("call %d: %v, want disconnected", i, err)
			}
		}
		s.poll()
		want(s, "calls that arrived", counter.Count(), n)
	})
}
