package conform_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/conform"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// server serves on a unix socket and keeps its connections, to look into them.
type server struct {
	path string
	l    net.Listener
	boot capnp.Client

	mu    sync.Mutex
	conns []*rpc.Conn
	ended sync.WaitGroup
}

func serve(t *testing.T, boot capnp.Client) *server {
	t.Helper()
	s := &server{path: filepath.Join(t.TempDir(), "s"), boot: boot}
	var err error
	if s.l, err = net.Listen("unix", s.path); err != nil {
		t.Fatal(err)
	}
	s.ended.Go(func() {
		for {
			nc, err := s.l.Accept()
			if err != nil {
				return
			}
			c := rpc.NewConn(nc, &rpc.Options{Bootstrap: boot})
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		s.l.Close()
		s.ended.Wait()
		for _, c := range s.take() {
			c.Close()
		}
		boot.Release()
	})
	return s
}

func (s *server) take() []*rpc.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.conns
	s.conns = nil
	return out
}

func (s *server) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", s.path)
}

// TestCases plays every case to our own server, beside an honest client. Every expectation is met;
// when the attacker has gone no row and no goroutine is left; and the honest client noticed nothing.
func TestCases(t *testing.T) {
	cases, err := conform.Cases()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, testservice.New().Client)
	honest, err := rpc.Dial(t.Context(), "unix", s.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Close()
	probe := rpc.Bootstrap[testservice.Probe](t.Context(), honest)
	defer probe.Release()
	unaffected := func(t *testing.T) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := probe.Echo(ctx, nil).Wait(); err != nil {
			t.Fatal("the honest client:", err)
		}
	}
	unaffected(t)
	keep := s.take()[0]
	defer keep.Close()
	attacked, err := conform.New(t.Context(), s.dial, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	gone(t, s.take())
	// The honest connection has a goroutine or two more while it changes who reads it. What each
	// case left behind would be more than that soon.
	const few = 4
	before := runtime.NumGoroutine()
	for i := range cases {
		c := &cases[i]
		t.Run(c.ID+"/"+c.Name, func(t *testing.T) {
			res, err := attacked.Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if res.Verdict != conform.OK {
				t.Errorf("%s: %s\nexpected %s\ngot %s", res.Verdict, res.What, res.Expected, res.Got)
			}
			gone(t, s.take())
			unaffected(t)
			await(t, "goroutines as before", func() (bool, any) {
				n := runtime.NumGoroutine()
				return n <= before+few, fmt.Sprintf("%d, before %d", n, before)
			})
		})
	}
}

// gone waits for connections to end: nothing may be left of them.
func gone(t *testing.T, conns []*rpc.Conn) {
	t.Helper()
	for _, c := range conns {
		select {
		case <-c.Done():
		case <-time.After(20 * time.Second):
			t.Fatal("the connection has not ended")
		}
		if s := c.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
			t.Errorf("left in the tables: %+v", s)
		}
	}
}

// await waits until something is so, for twenty seconds at most.
func await(t *testing.T, what string, so func() (bool, any)) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for {
		ok, state := so()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			buf := make([]byte, 1<<20)
			t.Fatalf("no %s after 20 s: %+v\n%s", what, state, buf[:runtime.Stack(buf, true)])
		}
	}
}
