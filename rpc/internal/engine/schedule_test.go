package engine

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
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
	"Four":         {sites: 4, steps: 80, lazy: true},
	"FiveLine":     {sites: 5, line: true, steps: 100, lazy: true},
	"FiveKill":     {sites: 5, steps: 100, lazy: true, kill: true},
}

// TestSchedules plays random schedules on small worlds: each call reaches the object it should, in
// its reference's order, and ends once; in the end nothing is left. One that goes wrong is made as
// short as it gets and printed as a transcript: put into testdata/schedules, TestReplay plays it.
func TestSchedules(t *testing.T) {
	for name, opt := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := schedules(t, 4000)
			if opt.steps >= 80 && opt.lazy { // these take longer
				n = schedules(t, 500)
			}
			if *seedFlag >= 0 {
				c := chance(uint64(*seedFlag))
				wrong := play(c, opt, nil)
				t.Logf("seed %d: %q\n%s", *seedFlag, wrong, transcript(opt, c.made))
				return
			}
			for seed := range n {
				c := chance(uint64(seed))
				if wrong := play(c, opt, nil); wrong != "" {
					t.Fatalf("seed %d: %s\n%s", seed, wrong, transcript(opt, shrink(opt, c.made)))
				}
			}
		})
	}
}

// play runs one schedule; a panic is something wrong, too.
func play(c *choices, opt worldOptions, log *strings.Builder) (wrong string) {
	w := newWorld(c, opt, log)
	defer func() {
		if p := recover(); p != nil {
			wrong = fmt.Sprintf("step %d: panic: %v", w.step, p)
		}
	}()
	return w.run()
}

// TestSchedulesBite checks that the schedules would notice an engine that leaves something out, and
// that what they then print goes wrong when it is read back from a file, in the same way.
func TestSchedulesBite(t *testing.T) {
	for name, wrong := range map[string]sabotage{
		"no-embargo": {noEmbargo: true},
	} {
		t.Run(name, func(t *testing.T) {
			opt := worlds["TwoLazy"]
			opt.wrong = wrong
			for seed := range 20000 {
				c := chance(uint64(seed))
				wrong := play(c, opt, nil)
				if wrong == "" {
					continue
				}
				short := shrink(opt, c.made)
				t.Logf("noticed by seed %d: %s; %d steps of %d suffice", seed, wrong, len(short.steps), len(c.made.steps))
				file := filepath.Join(t.TempDir(), "schedule.txt")
				for _, p := range []plan{c.made, short} {
					if err := os.WriteFile(file, []byte(transcript(opt, p)), 0o666); err != nil {
						t.Fatal(err)
					}
					got, want := replay(t, file), play(p.choices(), opt, nil)
					if got == "" || got != want {
						t.Errorf("%s: replayed: %q, want %q", file, got, want)
					}
				}
				if *update {
					if err := os.WriteFile("testdata/schedules/"+name+".txt", []byte(transcript(opt, short)), 0o666); err != nil {
						t.Fatal(err)
					}
				}
				if got := play(c.made.choices(), opt, nil); got != wrong {
					t.Errorf("the same choices: %q, want %q", got, wrong)
				}
				return
			}
			t.Error("not noticed")
		})
	}
}

// replay plays a transcript and returns what goes wrong.
func replay(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opt, p, err := parseSchedule(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return play(p.choices(), opt, nil)
}

// TestReplay plays the schedules in testdata/schedules. Those of an engine that leaves something out
// must go wrong, and must not without that.
func TestReplay(t *testing.T) {
	files, _ := filepath.Glob("testdata/schedules/*.txt")
	if len(files) == 0 {
		t.Fatal("no schedules")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			opt, p, err := parseSchedule(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if opt.wrong != (sabotage{}) {
				if wrong := play(p.choices(), opt, nil); wrong == "" {
					t.Errorf("in the world %s nothing goes wrong", opt)
				}
				opt.wrong = sabotage{}
			}
			if wrong := play(p.choices(), opt, nil); wrong != "" {
				t.Errorf("%s\n%s", wrong, transcript(opt, p))
			}
		})
	}
}
