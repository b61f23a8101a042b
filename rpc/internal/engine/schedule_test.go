package engine

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var seedFlag = flag.Int64("seed", -1, "play only this schedule, and print it")

// schedules is how many random schedules a test plays: n, where all of them together make 30000;
// LANYARD_SCHEDULES sets another total (ten million for a night).
func schedules(t *testing.T, n int) int {
	if testing.Short() {
		n /= 10
	}
	if s := os.Getenv("LANYARD_SCHEDULES"); s != "" {
		total, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		n = n * total / 30000
	}
	return n
}

var worlds = map[string]worldOptions{
	"Two":          {sites: 2, steps: 50},
	"TwoLazy":      {sites: 2, steps: 60, lazy: true},
	"TwoKill":      {sites: 2, steps: 50, kill: true, lazy: true},
	"Line":         {sites: 3, line: true, steps: 60},
	"LineLazy":     {sites: 4, line: true, steps: 80, lazy: true},
	"Triangle":     {sites: 3, steps: 60, lazy: true},
	"TriangleKill": {sites: 3, steps: 60, lazy: true, kill: true},
}

// TestSchedules plays random schedules on small worlds: each call reaches the object it should, in
// its reference's order, and ends once; in the end nothing is left.
func TestSchedules(t *testing.T) {
	for name, opt := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := schedules(t, 30000/len(worlds))
			if *seedFlag >= 0 {
				var log strings.Builder
				wrong := newWorld(uint64(*seedFlag), opt, &log).run()
				t.Logf("seed %d: %q\n%s", *seedFlag, wrong, log.String())
				return
			}
			for seed := range n {
				if wrong := play(uint64(seed), opt, nil); wrong != "" {
					var log strings.Builder
					again := play(uint64(seed), opt, &log)
					t.Fatalf("seed %d: %s\nplayed again: %s\n%s", seed, wrong, again, log.String())
				}
			}
		})
	}
}

// play runs one schedule; a panic is something wrong, too.
func play(seed uint64, opt worldOptions, log *strings.Builder) (wrong string) {
	w := newWorld(seed, opt, log)
	defer func() {
		if p := recover(); p != nil {
			wrong = fmt.Sprintf("step %d: panic: %v", w.step, p)
		}
	}()
	return w.run()
}

// TestSchedulesBite checks that the schedules would notice an engine that leaves something out.
func TestSchedulesBite(t *testing.T) {
	for name, wrong := range map[string]sabotage{
		"NoEmbargo": {noEmbargo: true},
	} {
		t.Run(name, func(t *testing.T) {
			opt := worlds["TwoLazy"]
			opt.wrong = wrong
			for seed := range 20000 {
				if wrong := play(uint64(seed), opt, nil); wrong != "" {
					t.Logf("noticed by seed %d: %s", seed, wrong)
					return
				}
			}
			t.Error("not noticed")
		})
	}
}
