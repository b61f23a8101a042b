package interop_test

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// TestCancel: calls that a client gives up end at the server: in Go the method's context, in C++
// the promise of a method that allows it.
//
// C++ before 1.0 asks for the early cancellation workaround: its programs drop promises and expect
// the call to be made all the same. So to its clients our methods run on, until they return or the
// connection ends.
func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name           string
		server, client func() (kit, error)
		want           string
	}{
		{"go-to-go", ours, ours, "canceled 10\n"},
		{"go-to-cpp", cpp, ours, "canceled 10\n"},
		{"cpp-to-cpp", cpp, cpp, "canceled 10\n"},
		{"cpp-to-go", ours, cpp, "canceled 0\n"},
		{"newer-to-go", ours, newer, "canceled 10\n"},
		{"newer-to-cpp", cpp, newer, "canceled 10\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := newer(); err != nil && strings.HasPrefix(c.name, "newer") {
				t.Skip(err) // nobody has to have it
			}
			s := serve(t, need(t, c.server).probeServer, "unix:"+filepath.Join(t.TempDir(), "s"))
			k := need(t, c.client)
			p, mode := k.probeClient, []string{"--mode", "cancel"}
			if k.name == "Go" { // it has a command for each
				p, mode = peer{p[0], "cancel"}, nil
			}
			if out := client(t, 30*time.Second, p, s.addr, mode...); out != c.want {
				t.Errorf("client printed %q, want %q", out, c.want)
			}
		})
	}
}

// TestCancelAtTheEnd: what old C++ clients gave up ends with their connection.
func TestCancelAtTheEnd(t *testing.T) {
	p := need(t, cpp).probeClient
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	probe := testservice.New()
	defer probe.Release()
	cmd := exec.CommandContext(t.Context(), p[0], "unix:"+l.Addr().String(), "--mode", "cancel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewConn(nc, &rpc.Options{Bootstrap: probe.Client})
	defer conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	<-conn.Done()
	canceled := uint64(0)
	await(t, "cancelled calls", func() (bool, any) {
		res, err := probe.Canceled(context.Background(), nil).Wait()
		canceled += res.Count()
		return err == nil && canceled == 10, canceled
	})
	if s := conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
		t.Errorf("left in the tables: %+v", s)
	}
}
