package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// TestDeepChains lets another process make thousands of chains of 64 pipelined
// calls to a server in this one: ten thousand where the peers are required.
// Nothing may be left of them: no row in a table while the client is still
// there, no goroutine and no memory when it has gone.
func TestDeepChains(t *testing.T) {
	chains := map[bool]int{false: 300, true: 10_000}[os.Getenv(envPolicy) == "require"]
	t.Run("cpp", func(t *testing.T) {
		deepChains(t, need(t, cpp).probeClient, chains)
	})
	t.Run("go", func(t *testing.T) {
		loader := peer{need(t, ours).probeClient[0], "load"}
		deepChains(t, loader, chains/10) // it has the race detector
	})
}

func deepChains(t *testing.T, loader peer, chains int) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	probe := testservice.New()
	defer probe.Release()

	// The first client fills whatever is kept for the next one.
	runChains(t, l, probe, loader, 50)
	before := takeStock()
	runChains(t, l, probe, loader, chains)

	await(t, "goroutines as before", func() (bool, any) {
		n := runtime.NumGoroutine()
		return n <= before.goroutines, fmt.Sprintf("%d, before %d", n, before.goroutines)
	})
	after := takeStock()
	if grown := after.heap - before.heap; grown > 256<<10 {
		t.Errorf("heap grew by %d bytes, from %d", grown, before.heap)
	}
	t.Logf("heap %+d bytes, %d goroutines", after.heap-before.heap, after.goroutines)
}

// runChains lets a client make its chains on one connection, looks at the
// connection's tables, and sees the client off.
func runChains(t *testing.T, l net.Listener, probe testservice.Probe, loader peer, chains int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	args := append(append([]string(nil), loader[1:]...), "unix:"+l.Addr().String(),
		"--mode", "chain", "--depth", "64", "--calls", fmt.Sprint(chains), "--timeout", "900", "--linger", "1")
	cmd := exec.CommandContext(ctx, loader[0], args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewConn(nc, &rpc.Options{Bootstrap: probe.Client})
	defer conn.Close()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("client: %v, connection: %v\n%s", err, conn.Err(), stderr.String())
	}
	t.Log(strings.TrimSpace(line))
	await(t, "empty tables", func() (bool, any) {
		s := conn.Stats()
		// The client holds its first capability still.
		return s.Questions+s.Answers+s.Imports+s.Embargoes == 0 && s.Exports <= 1, s
	})
	if s := conn.Stats(); s.CallsReceived < int64(64*chains) {
		t.Errorf("%d calls arrived, want at least %d", s.CallsReceived, 64*chains)
	}
	stdin.Close()
	io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil {
		t.Errorf("client: %v\n%s", err, stderr.String())
	}
	select {
	case <-conn.Done():
	case <-ctx.Done():
		t.Fatal("the connection has not ended")
	}
	if s := conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
		t.Errorf("left in the tables: %+v", s)
	}
}

// await waits until something is so, for ten seconds at most.
func await(t *testing.T, what string, so func() (bool, any)) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for {
		ok, state := so()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("no %s after 10 s: %+v", what, state)
		}
	}
}

// A stock is what a process holds.
type stock struct {
	heap       int64
	goroutines int
}

func takeStock() stock {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return stock{int64(m.HeapAlloc), runtime.NumGoroutine()}
}
