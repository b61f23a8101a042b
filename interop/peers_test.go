package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The environment variables that the tests here know.
const (
	envPolicy = "LANYARD_INTEROP"      // require: a missing peer is a failure; off: skip them all
	envRuns   = "LANYARD_INTEROP_RUNS" // how often each pairing runs, 3 if unset
)

// runs is how often a pairing has to pass.
func runs(t *testing.T) int {
	t.Helper()
	s := os.Getenv(envRuns)
	if s == "" {
		return 3
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number of runs", envRuns, s)
	}
	return n
}

// A peer is a program that takes ADDRESS and options, as all in interop do.
type peer []string

// A kit is the programs of one implementation.
type kit struct {
	name        string
	calcServer  peer
	calcClient  peer
	probeServer peer // nil: has none
	probeClient peer
	heldClient  peer // nil: has none
}

// need returns a kit, or ends the test: skipped where the implementation is not
// installed, failed where it must be or cannot be built.
func need(t *testing.T, find func() (kit, error)) kit {
	t.Helper()
	policy := os.Getenv(envPolicy)
	if policy == "off" {
		t.Skipf("%s=off", envPolicy)
	}
	k, err := find()
	var missing *missingError
	switch {
	case errors.As(err, &missing) && policy != "require":
		t.Skipf("%v (interop/setup installs the peers)", err)
	case err != nil:
		t.Fatal(err)
	}
	return k
}

// A missingError says what is not installed.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what + " is not installed" }

// cpp is Debian's Cap'n Proto C++, built here once.
var cpp = sync.OnceValues(func() (kit, error) {
	for _, tool := range []string{"make", "g++", "capnp"} {
		if _, err := exec.LookPath(tool); err != nil {
			return kit{}, &missingError{tool}
		}
	}
	probe := exec.Command("g++", "-std=c++17", "-fsyntax-only", "-x", "c++", "-")
	probe.Stdin = strings.NewReader("#include <capnp/rpc-twoparty.h>\n")
	if probe.Run() != nil {
		return kit{}, &missingError{"libcapnp-dev"}
	}
	if out, err := exec.Command("make", "-s", "cpp").CombinedOutput(); err != nil {
		return kit{}, fmt.Errorf("make cpp: %w\n%s", err, out)
	}
	return built("C++", "build"), nil
})

// newer is a later release of Cap'n Proto C++, where `make newer` has built it.
var newer = sync.OnceValues(func() (kit, error) {
	if _, err := os.Stat("build/newer/websocketpeer"); err != nil {
		return kit{}, &missingError{"a newer Cap'n Proto (make -C interop newer)"}
	}
	return built("newer C++", "build/newer"), nil
})

func built(name, dir string) kit {
	in := func(program string) peer { return peer{filepath.Join(dir, program)} }
	return kit{name, in("calcserver"), in("calcclient"), in("probeserver"), in("probeclient"), in("heldclient")}
}

// python is pycapnp.
var python = sync.OnceValues(func() (kit, error) {
	for _, interpreter := range []string{"build/venv/bin/python", "python3"} {
		if exec.Command(interpreter, "-c", "import capnp").Run() == nil {
			in := func(program string) peer { return peer{interpreter, "-B", "python/" + program} }
			return kit{name: "pycapnp", calcServer: in("calcserver.py"), calcClient: in("calcclient.py"), heldClient: in("heldclient.py")}, nil
		}
	}
	return kit{}, &missingError{"pycapnp"}
})

// ours is Lanyard: with the race detector where the peers are required, as in
// CI; building with it takes long.
var ours = sync.OnceValues(func() (kit, error) {
	gopeer, lanyard := filepath.Join(programs, "gopeer"), filepath.Join(programs, "lanyard")
	args := []string{"build", "-o", programs, "./gopeer", "../cmd/lanyard"}
	if os.Getenv(envPolicy) == "require" {
		args = append([]string{"build", "-race"}, args[1:]...)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return kit{}, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return kit{
		name:        "Go",
		calcServer:  peer{lanyard, "serve", "calculator", "--listen"},
		calcClient:  peer{gopeer, "calc"},
		probeServer: peer{gopeer, "serve"},
		probeClient: peer{gopeer, "check"},
	}, nil
})

// programs is the folder of what the tests build; TestMain removes it.
var programs string

func TestMain(m *testing.M) {
	// For our programs: a race ends them with status 66; without one they do not
	// linger.
	os.Setenv("GORACE", "halt_on_error=1 atexit_sleep_ms=10")
	var err error
	if programs, err = os.MkdirTemp("", "interop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(programs)
	os.Exit(status)
}

// A process is a server that runs until the test ends.
type process struct {
	cmd    *exec.Cmd
	addr   string // where it listens
	stderr syncBuffer
	exited chan struct{} // closed when it has been waited for
	err    error         // of Wait, after exited
}

// serve starts a server on an address and waits until it listens. It is ended
// with SIGTERM at the end of the test, and has to exit with status 0 then.
func serve(t *testing.T, p peer, addr string, more ...string) *process {
	t.Helper()
	args := append(append(p[1:len(p):len(p)], addr), more...)
	s := &process{cmd: exec.Command(p[0], args...), exited: make(chan struct{})}
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	go func() {
		sc := bufio.NewScanner(stdout)
		if sc.Scan() {
			lines <- sc.Text()
		}
		for sc.Scan() { // whatever else it says
		}
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.stop(t) })
	select {
	case line := <-lines:
		var ok bool
		if s.addr, ok = strings.CutPrefix(line, "listening on "); !ok {
			t.Fatalf("%v: first line %q", p, line)
		}
	case <-s.exited:
		t.Fatalf("%v: ended before it listened: %v\n%s", p, s.err, s.stderr.String())
	case <-time.After(30 * time.Second):
		t.Fatalf("%v: does not listen after 30 s\n%s", p, s.stderr.String())
	}
	return s
}

func (s *process) stop(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
		t.Errorf("%v: ended by itself: %v\n%s", s.cmd.Args, s.err, s.stderr.String())
		return
	default:
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.cmd.Process.Signal(syscall.SIGQUIT) // a Go program prints its goroutines
		select {
		case <-s.exited:
		case <-time.After(2 * time.Second):
			s.cmd.Process.Kill()
			<-s.exited
		}
		t.Errorf("%v: did not end on SIGTERM\n%s", s.cmd.Args, s.stderr.String())
		return
	}
	switch said := s.stderr.String(); {
	case s.err != nil:
		t.Errorf("%v: after SIGTERM: %v\n%s", s.cmd.Args, s.err, said)
	case said != "":
		t.Logf("%v said:\n%s", s.cmd.Args, said)
	}
}

// client runs a client to its end, which has to be a good one and to come within
// the limit. It returns what the client printed.
func client(t *testing.T, limit time.Duration, p peer, addr string, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append(append(p[1:len(p):len(p)], addr), more...)
	cmd := exec.CommandContext(ctx, p[0], args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("not done after %v: %w", limit, err)
		}
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// A syncBuffer collects what a process says while others read it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// addresses are the two kinds that every pairing is tried on.
func addresses(t *testing.T) map[string]string {
	return map[string]string{"tcp": "127.0.0.1:0", "unix": "unix:" + filepath.Join(t.TempDir(), "s")}
}
