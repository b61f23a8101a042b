package interop_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// writing is a capability with a file to write to.
type writing struct {
	testservice.UnimplementedSink
	f *os.File
}

// File implements capnp.FileServer.
func (w *writing) File() *os.File { return w.f }

// Files travel with capabilities to C++ and back (C++: rpc-twoparty-test, "send FD over RPC").
func TestFilesWithCPP(t *testing.T) {
	for name, find := range map[string]func() (kit, error){"C++": cpp, "newer C++": newer} {
		t.Run(name, func(t *testing.T) {
			if _, err := newer(); name == "newer C++" && err != nil {
				t.Skip(err) // nobody has to have it
			}
			k := need(t, find)
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			near, far := os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
			socket, err := net.FileConn(near)
			near.Close()
			if err != nil {
				t.Fatal(err)
			}
			peer := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(k.probeServer[0]), "fileserver"))
			peer.ExtraFiles = []*os.File{far} // 3
			peer.Stderr = t.Output()
			if err := peer.Start(); err != nil {
				t.Fatal(err)
			}
			far.Close()
			conn := rpc.NewConn(socket, &rpc.Options{Files: 4})
			probe := rpc.Bootstrap[testservice.Probe](t.Context(), conn)
			for range 3 {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				sink := testservice.NewSink(&writing{f: w})
				p := probe.Reflect(t.Context(), func(b testservice.ProbeReflectParamsBuilder) { b.SetCap(sink.Client) })
				f, err := capnp.FileOf(t.Context(), p.Cap())
				if err != nil {
					t.Fatal(err)
				}
				w.Close()
				r.SetReadDeadline(time.Now().Add(20 * time.Second)) // while C++ holds its duplicate
				for _, c := range []struct {
					f    *os.File
					want string
				}{{f, "from C++"}, {r, "to C++"}} {
					got := make([]byte, len(c.want))
					if _, err := io.ReadFull(c.f, got); err != nil || string(got) != c.want {
						t.Errorf("read %q, %v; want %q", got, err, c.want)
					}
					c.f.Close()
				}
			}
			conn.Close()
			if err := peer.Wait(); err != nil {
				t.Errorf("the peer: %v", err)
			}
		})
	}
}
