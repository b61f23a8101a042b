package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A machine is where and when was measured.
type machine struct {
	Date    string   `json:"date"`
	OS      string   `json:"os"`
	Kernel  string   `json:"kernel"`
	CPU     string   `json:"cpu"`
	CPUs    int      `json:"cpus"`
	Go      string   `json:"go"`
	Tools   []string `json:"tools"` // what else the peers were made with
	Commit  string   `json:"commit"`
	Tracer  string   `json:"tracer"`
	Before  string   `json:"loadBefore"`
	After   string   `json:"loadAfter"`
	Seconds float64  `json:"seconds"`
	Notes   []string `json:"notes,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Failed  []string `json:"failed,omitempty"`
}

func readMachine(ctx context.Context) *machine {
	commit := said(ctx, "git", "rev-parse", "--short", "HEAD")
	if commit != "" && said(ctx, "git", "status", "--porcelain", "--untracked-files=no", "--", "..", ":!../bench/RESULT.md", ":!../bench/chart.svg") != "" {
		commit += " with changes"
	}
	var tools []string
	if v := said(ctx, "g++", "-dumpfullversion"); v != "" {
		tools = append(tools, "g++ "+v)
	}
	if v := said(ctx, "python3", "--version"); v != "" {
		tools = append(tools, v)
	}
	return &machine{
		Tools:  tools,
		Date:   time.Now().UTC().Format(time.DateOnly),
		OS:     runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: said(ctx, "uname", "-r"),
		CPU:    cpuModel(),
		CPUs:   runtime.NumCPU(),
		Go:     runtime.Version(),
		Commit: commit,
		Before: loadAverage(),
	}
}

func (m *machine) finish(start time.Time, tracer string, missing, failed []string) {
	m.After = loadAverage()
	var load float64
	if _, err := fmt.Sscan(m.Before, &load); err == nil && load > float64(m.CPUs)/4 {
		m.Notes = append(m.Notes, "the machine was busy with other things, so these figures are worth little")
	}
	m.Seconds = time.Since(start).Seconds()
	m.Tracer = tracer
	m.Missing, m.Failed = missing, failed
}

// said is what a program prints, or nothing.
func said(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// cpuModel is what Linux calls the processor.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// loadAverage is how much was to be done in the last 1, 5 and 15 minutes.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(b))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// raiseFileLimit gives this process and those it starts as many files as it may
// have.
func raiseFileLimit() (notes []string, limit int) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return []string{"file limit: " + err.Error()}, 1024
	}
	r.Cur = r.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return []string{fmt.Sprintf("file limit of %d: %v", r.Max, err)}, 1024
	}
	return nil, int(min(r.Cur, 1<<30))
}
