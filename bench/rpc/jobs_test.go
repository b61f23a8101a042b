package main

import (
	"strings"
	"testing"

	"lanyard.dev/bench/internal/peer"
)

func TestJobsCanBeToldApartAndRead(t *testing.T) {
	o, err := parseOptions([]string{"-quick"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range allJobs(o) {
		if seen[j.name] {
			t.Errorf("two jobs are called %s", j.name)
		}
		seen[j.name] = true
		if j.placement == "" || j.network == "" || j.unit == "" || j.title == "" {
			t.Errorf("%s lacks something: %+v", j.name, j)
		}
		if j.group == compile {
			continue
		}
		parsed, err := peer.ParseJob(j.line("unix:x", o))
		if err != nil {
			t.Errorf("%s: %v", j.name, err)
		}
		if parsed.Seconds != 0.024 || parsed.Addr != "unix:x" {
			t.Errorf("%s: %q reads as %+v", j.name, j.line("unix:x", o), parsed)
		}
	}
	for _, b := range budgets() {
		if !seen[b.job] {
			t.Errorf("%s: there is no job %s", b.work, b.job)
		}
	}
	for _, name := range charted() {
		if !seen[name] {
			t.Errorf("the chart shows %s, which does not exist", name)
		}
	}
	// Everything that a table would show has a table.
	groups := map[group]bool{}
	for _, table := range tables() {
		groups[table.group] = true
	}
	for _, j := range allJobs(o) {
		if !groups[j.group] {
			t.Errorf("%s is in no table", j.name)
		}
	}
}

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"-rounds", "2", "-time", "1s", "-only", "^chain", "-json"})
	if err != nil {
		t.Fatal(err)
	}
	if o.rounds != 2 || o.span != 1 || o.warm != 0.25 || !o.json || o.only.MatchString("flight") || !o.peers.MatchString("x") {
		t.Errorf("read as %+v", o)
	}
	for _, bad := range []string{"-rounds 0", "-only (", "-nonsense", "more"} {
		if _, err := parseOptions(strings.Fields(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestTracersReports(t *testing.T) {
	perf := "# started on Sun Nov 22\n\n1234,,raw_syscalls:sys_enter,5678,100.00,,\n"
	if n, err := perfTotal(perf); n != 1234 || err != nil {
		t.Errorf("perf: %v, %v", n, err)
	}
	strace := "% time seconds usecs/call calls errors syscall\n 0.00 0.0 0 1 rseq\n------ -----\n100.00    0.002442          16       146        19 total\n"
	if n, err := straceTotal(strace); n != 146 || err != nil {
		t.Errorf("strace: %v, %v", n, err)
	}
	for name, total := range map[string]func(string) (float64, error){"perf": perfTotal, "strace": straceTotal} {
		if _, err := total("nothing"); err == nil {
			t.Errorf("%s: nothing counted is no error", name)
		}
	}
}

func TestUnequalChecksumsFail(t *testing.T) {
	m := &measurer{samples: []*sample{{Job: "data/eval/bytes", Peer: "a", Check: 1}, {Job: "data/eval/bytes", Peer: "b", Check: 1}}}
	if err := m.compareChecks(); err != nil {
		t.Error(err)
	}
	m.samples[1].Check = 2
	if err := m.compareChecks(); err == nil {
		t.Error("different checksums pass")
	}
}
