package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A tracer counts the system calls of a running process: perf, or strace, which
// slows the process down, or none.
type tracer struct {
	name    string
	command func(pid int, out string) []string
	total   func(report string) (float64, error)
}

// byKernel is the name of no tracer: what every process may see of the others.
const byKernel = "/proc/PID/io (reads and writes only, no sends and receives)"

// findTracer takes the first that works here.
func findTracer(ctx context.Context) tracer {
	perf := tracer{"perf", func(pid int, out string) []string {
		return []string{"perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", out, "-p", strconv.Itoa(pid)}
	}, perfTotal}
	strace := tracer{"strace", func(pid int, out string) []string {
		return []string{"strace", "-c", "-f", "-o", out, "-p", strconv.Itoa(pid)}
	}, straceTotal}
	switch {
	case exec.CommandContext(ctx, "perf", "stat", "-e", "raw_syscalls:sys_enter", "true").Run() == nil:
		return perf
	case exec.CommandContext(ctx, "strace", "-c", "-o", os.DevNull, "true").Run() == nil:
		return strace
	}
	return tracer{name: byKernel}
}

// A trace is a tracer at work on both processes of a session.
type trace struct {
	t    tracer
	cmds [2]*exec.Cmd
	outs [2]string
}

func (t tracer) start(ctx context.Context, dir string, s *session) (*trace, error) {
	tr := &trace{t: t}
	if t.command == nil {
		return nil, nil
	}
	for i, p := range []*process{s.client, s.server} {
		tr.outs[i] = filepath.Join(dir, fmt.Sprint("trace", i))
		args := t.command(p.pid(), tr.outs[i])
		tr.cmds[i] = exec.CommandContext(ctx, args[0], args[1:]...)
		if err := tr.cmds[i].Start(); err != nil {
			return nil, err
		}
	}
	time.Sleep(200 * time.Millisecond) // they do not say when they are ready
	return tr, nil
}

// stop returns the system calls a call, of the client and of the server.
func (tr *trace) stop(calls int) (client, server float64, err error) {
	var totals [2]float64
	for i, cmd := range tr.cmds {
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait() // both end with a status that says they were interrupted
		report, err := os.ReadFile(tr.outs[i])
		if err != nil {
			return 0, 0, err
		}
		if totals[i], err = tr.t.total(string(report)); err != nil {
			return 0, 0, err
		}
	}
	return totals[0] / float64(calls), totals[1] / float64(calls), nil
}

// perfTotal reads "1234,,raw_syscalls:sys_enter,…".
func perfTotal(report string) (float64, error) {
	for line := range strings.Lines(report) {
		if fields := strings.Split(line, ","); len(fields) > 2 && strings.HasPrefix(fields[2], "raw_syscalls") {
			return strconv.ParseFloat(fields[0], 64)
		}
	}
	return 0, errors.New("perf counted nothing: " + report)
}

// straceTotal reads the last line of the table, "100.00 0.0 1 1234 5 total".
func straceTotal(report string) (float64, error) {
	for line := range strings.Lines(report) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[len(fields)-1] == "total" {
			return strconv.ParseFloat(fields[3], 64)
		}
	}
	return 0, errors.New("strace counted nothing: " + report)
}
