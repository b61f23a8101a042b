package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A key is one cell of the table.
type key struct{ peer, job string }

// A measurer runs processes and keeps what they took.
type measurer struct {
	dir     string
	span    time.Duration
	calls   map[key]int
	results map[key][]float64 // seconds a call
	cpu     map[key][]float64 // seconds of processor time a call, both processes together
	library map[string]string // peer: what its client says it is
}

// measure starts the peer's server, loads it with the peer's client once, and
// ends it.
func (m *measurer) measure(ctx context.Context, p peer, j job) error {
	k := key{p.name, j.name()}
	if m.calls[k] == 0 {
		// How many calls fill the time?
		per, _, err := m.once(ctx, p, j, j.probe)
		if err != nil {
			return err
		}
		m.calls[k] = max(j.probe, int(m.span.Seconds()/per))
	}
	per, cpu, err := m.once(ctx, p, j, m.calls[k])
	if err != nil {
		return err
	}
	m.results[k] = append(m.results[k], per)
	m.cpu[k] = append(m.cpu[k], cpu)
	return nil
}

// once returns the time and the processor time that a call took. The latter
// contains the start and the end of the processes.
func (m *measurer) once(ctx context.Context, p peer, j job, calls int) (per, cpu float64, err error) {
	s, err := startServer(ctx, pin(p.server, j.placement, 0), m.address(j))
	if err != nil {
		return 0, 0, err
	}
	warm := max(1, calls/10)
	per, client, err := m.load(ctx, p, j, s.addr, calls, warm)
	total := client + s.stop()
	return per, total.Seconds() / float64(calls+warm), err
}

func (m *measurer) address(j job) string {
	if j.network == "unix" {
		return "unix:" + filepath.Join(m.dir, "socket")
	}
	return "127.0.0.1:0"
}

// load runs the client once, after warming up, and returns seconds a call and
// the processor time it used.
func (m *measurer) load(ctx context.Context, p peer, j job, addr string, calls, warm int) (per float64, cpu time.Duration, err error) {
	args := append(slices.Clone(pin(p.client, j.placement, 1)), addr)
	args = append(args, j.options...)
	args = append(args, "--calls", strconv.Itoa(calls), "--warm", strconv.Itoa(warm), "--timeout", "60")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%v: %w", args, err)
	}
	var r struct {
		Library string
		Calls   int
		Seconds float64
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return 0, 0, fmt.Errorf("%v: %w in %q", args, err, out)
	}
	if r.Calls != calls || r.Seconds <= 0 {
		return 0, 0, fmt.Errorf("%v: printed %q", args, out)
	}
	m.library[p.name] = r.Library
	return r.Seconds / float64(r.Calls), used(cmd), nil
}

// pin puts a command on a CPU: same is one for both sides, apart is two.
func pin(command []string, placement string, side int) []string {
	switch placement {
	case "same":
		return append([]string{"taskset", "-c", "0"}, command...)
	case "apart":
		return append([]string{"taskset", "-c", strconv.Itoa(side)}, command...)
	default:
		return command
	}
}

// A server is a running process of a peer.
type server struct {
	cmd  *exec.Cmd
	addr string
}

func startServer(ctx context.Context, command []string, addr string) (*server, error) {
	args := append(slices.Clone(command), addr)
	s := &server{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	s.cmd.Stderr = os.Stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var ok bool
	if s.addr, ok = strings.CutPrefix(strings.TrimSpace(line), "listening on "); !ok {
		s.stop()
		return nil, fmt.Errorf("%v: does not listen: %q %v", args, line, err)
	}
	return s, nil
}

// stop ends the process, politely at first, waits for it, and returns the
// processor time it used.
func (s *server) stop() time.Duration {
	s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(5*time.Second, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.cmd.Wait()
	return used(s.cmd)
}

func used(cmd *exec.Cmd) time.Duration {
	if cmd.ProcessState == nil {
		return 0
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
