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

// TestPeersAmongThemselves shows that a failure elsewhere is ours.
func TestPeersAmongThemselves(t *testing.T) {
	finders := map[string]func() (kit, error){"cpp": cpp, "pycapnp": python, "newer": newer}
	for server, findServer := range finders {
		for client, findClient := range finders {
			if server == "newer" && client == "newer" {
				continue
			}
			t.Run(client+"-to-"+server, func(t *testing.T) {
				if (server == "newer" || client == "newer") && !installed(newer) {
					t.Skip("no newer Cap'n Proto")
				}
				s, c := need(t, findServer), need(t, findClient)
				calculate(t, s.calcServer, c.calcClient, 3)
			})
		}
	}
}

func installed(find func() (kit, error)) bool {
	_, err := find()
	return err == nil
}

// calculate lets a client go through its steps n times, on every kind of
// address.
func calculate(t *testing.T, server, c peer, n int) {
	t.Helper()
	for kind, addr := range addresses(t) {
		t.Run(kind, func(t *testing.T) {
			s := serve(t, server, addr)
			limit := 30*time.Second + time.Duration(n)*5*time.Second
			out := client(t, limit, c, s.addr, "--repeat", fmt.Sprint(n), "--timeout", fmt.Sprint(int(limit.Seconds())))
			want := strings.Join(steps, "\n") + fmt.Sprintf("\ndone %d\n", n)
			if out != want {
				t.Errorf("client printed:\n%s\nwant:\n%s", out, want)
			}
		})
	}
}
