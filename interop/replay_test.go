package interop_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard.dev/interop/internal/tape"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// recordings are the names of the tapes in testdata.
func recordings(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/recordings/*.rec")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".rec"))
	}
	return names
}

// replayAll plays every recording to a server, as recorded and as early as the
// client could have sent it, each time cut up differently.
func replayAll(t *testing.T, times int, dial func() (net.Conn, error)) {
	t.Helper()
	for _, name := range recordings(t) {
		tp, err := tape.Load(os.DirFS("testdata/recordings"), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, eager := range []bool{false, true} {
			order := map[bool]string{false: "as-recorded", true: "eager"}[eager]
			t.Run(name+"/"+order, func(t *testing.T) {
				for seed := range uint64(times) {
					opt := &tape.Options{Eager: eager}
					if seed > 0 { // the first time message by message
						opt.Rand = rand.New(rand.NewPCG(seed, 0))
					}
					replay(t, tp, opt, seed, dial)
				}
			})
		}
	}
}

func replay(t *testing.T, tp tape.Tape, opt *tape.Options, seed uint64, dial func() (net.Conn, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	report, err := tape.Replay(ctx, conn, tp, opt)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for _, d := range report.Different {
		t.Errorf("seed %d: %s", seed, d)
	}
	if seed == 0 {
		t.Logf("%d messages sent, %d received, %d ids replaced, %d Finishes added", report.Sent, report.Received, report.Rewritten, report.Finishes)
	}
}

// dialer opens connections to where a peer listens.
func dialer(addr string) func() (net.Conn, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return func() (net.Conn, error) { return net.Dial("unix", path) }
	}
	return func() (net.Conn, error) { return net.Dial("tcp", addr) }
}

// TestReplayPipe plays the recordings to a server in this process, over a pipe
// that hands over every piece as it was cut.
func TestReplayPipe(t *testing.T) {
	var ended sync.WaitGroup
	defer ended.Wait()
	replayAll(t, 20, func() (net.Conn, error) {
		client, server := net.Pipe()
		calc := calculator.New(nil)
		conn := rpc.NewConn(server, &rpc.Options{Bootstrap: calc.Client})
		calc.Release()
		ended.Go(func() {
			<-conn.Done()
			if s := conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
				t.Errorf("left in the tables: %+v", s)
			}
		})
		return client, nil
	})
}

// TestReplay plays the recordings to our server program.
func TestReplay(t *testing.T) {
	s := serve(t, need(t, ours).calcServer, "127.0.0.1:0")
	replayAll(t, max(5, runs(t)/4), dialer(s.addr))
}

// TestReplayToPeers shows that the way of replaying is sound: the recordings of
// one implementation's clients satisfy the others' servers.
func TestReplayToPeers(t *testing.T) {
	for name, find := range map[string]func() (kit, error){"cpp": cpp, "pycapnp": python} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, need(t, find).calcServer, "127.0.0.1:0")
			replayAll(t, 5, dialer(s.addr))
		})
	}
}
