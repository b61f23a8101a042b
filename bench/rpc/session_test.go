package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMain makes this test's program a peer, too, when it is asked to be one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "load") {
		script(os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// script is a peer that makes no calls: it says what a peer would. The mode
// "chain" is unknown to it, and "returned" ends it.
func script(role string) {
	in := bufio.NewScanner(os.Stdin)
	fmt.Println(map[string]string{"serve": "listening on unix:nowhere", "load": "library script"}[role])
	for in.Scan() {
		switch word, _, _ := strings.Cut(in.Text(), " "); word {
		case "stats", "collect":
			fmt.Println(`{"cpu":1,"mallocs":10,"heap":0}`)
		case "go":
			fmt.Println(`{"calls":100,"seconds":0.5,"cpu":0.25,"mallocs":300,"check":0}`)
		case "close":
			fmt.Println("closed")
		case "chain":
			fmt.Println("unsupported")
		case "returned":
			os.Exit(1)
		default:
			fmt.Println("ready 100")
		}
	}
}

func TestMeasure(t *testing.T) {
	o, err := parseOptions([]string{"-rounds", "2", "-only", `^(flight/1|chain/4|cap/result|cap/param)/unix|idle/100$`})
	if err != nil {
		t.Fatal(err)
	}
	self := func(name string) *implementation {
		return &implementation{name: name, program: []string{os.Args[0]}}
	}
	m := &measurer{o: o, dir: t.TempDir(), peers: []*implementation{self("a"), self("b")}, failed: map[cell]error{}}
	if err := m.all(t.Context(), allJobs(o)); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, s := range m.samples {
		got[fmt.Sprintf("%s %s %d", s.Job, s.Peer, s.Round)]++
		if s.time() != 0.005 || s.mallocs() != 3 || s.Client.Syscalls != -1 {
			t.Errorf("%s: %v s and %v allocations a call: %+v", s.Job, s.time(), s.mallocs(), s)
		}
	}
	var want []string
	for _, j := range []string{"flight/1/unix", "cap/param/unix", "idle/100"} {
		for _, p := range []string{"a", "b"} {
			want = append(want, fmt.Sprintf("%s %s 1", j, p), fmt.Sprintf("%s %s 2", j, p))
		}
	}
	for _, w := range want {
		if got[w] != 1 {
			t.Errorf("%s was measured %d times", w, got[w])
		}
	}
	if len(got) != len(want) {
		t.Errorf("measured %v, want %v", got, want)
	}
	// Both fail at the same job, once each, and go on with new processes.
	failed := regexp.MustCompile(`^cap/result/unix, [ab]: .*EOF`)
	errs := m.errs()
	if len(errs) != 2 || !failed.MatchString(errs[0]) || !failed.MatchString(errs[1]) {
		t.Errorf("failures: %q", errs)
	}
	if m.peers[0].library != "script" {
		t.Errorf("the library is %q", m.peers[0].library)
	}
}
