// Command rpc measures Lanyard's RPC against its peers: every implementation
// serves and calls itself, each side a process of its own, all in turn in the
// same minutes, several rounds. It prints the budgets with what came out, and
// tables of medians; ratios are medians of the ratios within a round, since
// absolute figures change from machine to machine and from minute to minute.
//
//	go run ./rpc [-quick] [-rounds 5] [-only REGEXP] [-peers REGEXP] [-json] [-o FILE] [-chart FILE]
//
// C++ is what is installed; with CAPNP_PREFIX set, that installation as well,
// and the ratios are to that one. pycapnp is taken from where interop/setup puts
// it. What is not here is left out and said to be. Needs Linux.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Options are the command line.
type options struct {
	rounds      int
	span, warm  float64 // seconds
	only, peers *regexp.Regexp
	conns       int // the largest number of idle connections
	json        bool
	out, chart  string
}

func main() {
	o, err := parseOptions(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		progress("")
		fmt.Fprintln(os.Stderr, "bench/rpc:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string) (*options, error) {
	o := &options{conns: 10000}
	f := flag.NewFlagSet("rpc", flag.ContinueOnError)
	span := f.Duration("time", 120*time.Millisecond, "how long one measurement takes")
	quick := f.Bool("quick", false, "a fifth of the work: less time for each, fewer idle connections")
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	f.BoolVar(&o.json, "json", false, "print every measurement as JSON instead of the tables")
	f.StringVar(&o.out, "o", "", "write the tables to this `FILE`, too")
	f.StringVar(&o.chart, "chart", "", "draw the main ratios into this SVG `FILE`")
	expression := func(p **regexp.Regexp) func(string) error {
		*p = regexp.MustCompile("")
		return func(s string) (err error) { *p, err = regexp.Compile(s); return err }
	}
	f.Func("only", "measure the jobs whose names match this `REGEXP`", expression(&o.only))
	f.Func("peers", "measure the peers whose names match this `REGEXP`", expression(&o.peers))
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.rounds < 1 {
		f.Usage()
		return nil, errors.New("usage")
	}
	if *quick {
		*span /= 5
		o.conns /= 10
	}
	o.span, o.warm = span.Seconds(), span.Seconds()/4
	return o, nil
}

func run(ctx context.Context, o *options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	machine := readMachine(ctx)
	progress("building the peers")
	peers, missing, err := findPeers(ctx, o)
	if err != nil {
		return err
	}
	raised, limit := raiseFileLimit()
	if most := limit - 200; o.conns > most {
		missing = append(missing, fmt.Sprintf("more than %d idle connections: ulimit -n is %d", most, limit))
		o.conns = most
	}
	machine.Notes = append(machine.Notes, raised...)
	m := &measurer{o: o, dir: dir, peers: peers, tracer: findTracer(ctx), failed: map[cell]error{}}
	start := time.Now()
	if err := m.all(ctx, allJobs(o)); err != nil {
		return err
	}
	progress("")
	machine.finish(start, m.tracer.name, missing, m.errs())
	r := newReport(machine, o, peers, m.jobs, m.samples)

	if o.chart != "" {
		if err := os.WriteFile(o.chart, drawChart(r), 0o644); err != nil {
			return err
		}
	}
	text := new(bytes.Buffer)
	r.write(text, filepath.Base(o.chart))
	if o.out != "" {
		if err := os.WriteFile(o.out, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if o.json {
		err = r.writeJSON(os.Stdout)
	} else {
		_, err = os.Stdout.Write(text.Bytes())
	}
	if len(machine.Failed) > 0 {
		err = errors.Join(err, errors.New("not everything worked: "+strings.Join(machine.Failed, "; ")))
	}
	return err
}

// progress shows what is going on, where somebody may be looking.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}
