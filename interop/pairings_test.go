package interop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// steps is what every calculator client does and prints.
var steps = []string{
	"ok literal",
	"ok add and subtract",
	"ok one result used twice",
	"ok two defined functions",
	"ok client-hosted function",
	"ok direct calls",
	"ok wrong arity",
}

// TestCalculator: each implementation's client, told by its own steps, is
// content with each other's server. Pairings without Go show that a failure
// elsewhere is ours.
func TestCalculator(t *testing.T) {
	eachPair(t, func(t *testing.T, server, c kit) {
		repeat(t, server.calcServer, runsOf(t, server, c), func(t *testing.T, addr string, n int, limit time.Duration) {
			out := client(t, limit, c.calcClient, addr, "--repeat", fmt.Sprint(n))
			want := strings.Join(steps, "\n") + fmt.Sprintf("\ndone %d\n", n)
			if out != want {
				t.Fatalf("client printed:\n%s\nwant:\n%s", out, want)
			}
		})
	})
}

// TestCalcCommand: `lanyard calc` needs no server of ours.
func TestCalcCommand(t *testing.T) {
	lanyard := need(t, ours).calcServer[0]
	for name, find := range map[string]func() (kit, error){"go": ours, "cpp": cpp, "pycapnp": python} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, need(t, find).calcServer, "127.0.0.1:0")
			out := client(t, 20*time.Second, peer{lanyard, "calc"}, s.addr, "123 + 45 * (6 - 1)")
			if out != "348\n" {
				t.Errorf("printed %q, want 348", out)
			}
		})
	}
}

// TestProbe: the same with all that the protocol has to offer two vats.
func TestProbe(t *testing.T) {
	eachPair(t, func(t *testing.T, server, c kit) {
		if server.probeServer == nil || c.probeClient == nil {
			t.Skip("has no Probe")
		}
		repeat(t, server.probeServer, runsOf(t, server, c), func(t *testing.T, addr string, n int, limit time.Duration) {
			out := client(t, limit, c.probeClient, addr, "--repeat", fmt.Sprint(n))
			if want := fmt.Sprintf("done %d\n", n); out != want {
				t.Fatalf("client printed:\n%s\nwant:\n%s", out, want)
			}
		})
	})
}

// eachPair runs f as a subtest for every two implementations.
func eachPair(t *testing.T, f func(t *testing.T, server, c kit)) {
	kits := []struct {
		name string
		find func() (kit, error)
	}{{"go", ours}, {"cpp", cpp}, {"pycapnp", python}, {"newer", newer}}
	for _, server := range kits {
		for _, c := range kits {
			t.Run(c.name+"-to-"+server.name, func(t *testing.T) {
				for _, k := range []string{server.name, c.name} {
					if _, err := newer(); k == "newer" && err != nil {
						t.Skip(err) // nobody has to have it
					}
				}
				f(t, need(t, server.find), need(t, c.find))
			})
		}
	}
}

// runsOf is how often a pairing runs: without Go a few times are enough.
func runsOf(t *testing.T, server, c kit) int {
	if server.name == "Go" || c.name == "Go" {
		return runs(t)
	}
	return 3
}

// batch is how many runs share a client process and a time limit.
const batch = 10

// repeat starts a server on each kind of address and gives every one half of the
// runs, in batches.
func repeat(t *testing.T, server peer, n int, run func(t *testing.T, addr string, n int, limit time.Duration)) {
	t.Helper()
	for kind, addr := range addresses(t) {
		t.Run(kind, func(t *testing.T) {
			s := serve(t, server, addr)
			left := n - n/2
			if kind == "unix" {
				left = max(1, n/2)
			}
			for left > 0 && !t.Failed() {
				k := min(batch, left)
				left -= k
				run(t, s.addr, k, 60*time.Second)
			}
		})
	}
}
