// Command bench measures Lanyard's RPC against its peers: every implementation
// found serves and loads its own Probe (interop/testservice), each side a
// process, all in turn in the same minutes, several rounds. It prints the
// medians as the table that README shows.
//
//	go run . [-rounds 7] [-time 300ms] [-only REGEXP] [-placement free,same,apart] [-o FILE]
//
// C++ is Debian's libcapnp; with CAPNP_PREFIX set, that installation as well.
// Absolute figures change from machine to machine and from hour to hour: the
// ratios are what to look at.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 7, "how often everything is measured")
	span := flag.Duration("time", 300*time.Millisecond, "how long a measurement should take")
	only := flag.String("only", "", "measure the work whose name matches this `REGEXP`")
	placement := flag.String("placement", "free", "comma-separated: free, same (both processes on one CPU), apart (on two)")
	out := flag.String("o", "", "write the table to this `FILE`, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *span, *only, strings.Split(*placement, ","), *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, span time.Duration, only string, placements []string, out string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	peers, err := findPeers(ctx, dir)
	if err != nil {
		return err
	}
	var jobs []job
	for _, j := range allJobs(placements) {
		if match.MatchString(j.name()) {
			jobs = append(jobs, j)
		}
	}
	busy := loadAverage()
	m := &measurer{dir: dir, span: span, calls: map[key]int{}, results: map[key][]float64{}, cpu: map[key][]float64{}, library: map[string]string{}}
	for round := range rounds {
		for _, j := range jobs {
			// Who goes first changes, so that nobody always has the warm machine.
			for i := range peers {
				p := peers[(i+round)%len(peers)]
				progress("round %d of %d: %s, %s", round+1, rounds, j.name(), p.name)
				if err := m.measure(ctx, p, j); err != nil {
					return fmt.Errorf("%s, %s: %w", j.name(), p.name, err)
				}
			}
		}
	}
	progress("")

	to := new(bytes.Buffer)
	writeHead(to, m.library[peers[0].name], rounds, busy)
	fmt.Fprintf(to, "\n")
	writeTable(to, peers, jobs, m.library, m.results)
	fmt.Fprintf(to, "\nThe processor time that both processes used together:\n\n")
	writeTable(to, peers, jobs, m.library, m.cpu)
	os.Stdout.Write(to.Bytes())
	if out == "" {
		return nil
	}
	return os.WriteFile(out, to.Bytes(), 0o644)
}

// progress shows what is going on, where somebody may be looking.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}
