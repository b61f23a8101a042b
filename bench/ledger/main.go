// Command ledger measures the grant ledger on both stores: saves and restores
// each second, and the preview of a revocation in a large ledger.
//
//	go run ./ledger -edges 1000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/store"
	"lanyard.dev/store/postgres"
	"lanyard.dev/store/sqlite"
	"lanyard.dev/store/storetest/pgtest"
)

type options struct {
	dir      string
	edges    int
	duration time.Duration
	samples  int
}

func main() {
	var o options
	only := flag.String("only", "", "sqlite or postgres")
	flag.StringVar(&o.dir, "dir", "", "where SQLite's ledger is, and stays; the next run goes on with it")
	flag.IntVar(&o.edges, "edges", 1_000_000, "how large the ledger becomes")
	flag.DurationVar(&o.duration, "time", 3*time.Second, "how long each rate is measured")
	flag.IntVar(&o.samples, "samples", 501, "how many previews of each kind")
	flag.Parse()
	if err := run(context.Background(), o, *only); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, only string) error {
	fmt.Println("| store | work | result |\n|---|---|---|")
	var errs [2]error
	if only != "postgres" {
		errs[0] = runSQLite(ctx, o)
	}
	if only != "sqlite" {
		errs[1] = runPostgres(ctx, o)
	}
	return errors.Join(errs[:]...)
}

func runSQLite(ctx context.Context, o options) (err error) {
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ledger"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	l, err := sqlite.Open(ctx, filepath.Join(dir, "ledger"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return measure(ctx, "SQLite", l, o)
}

func runPostgres(ctx context.Context, o options) (err error) {
	server := pgtest.New("fsync=on", "shared_buffers=512MB", "max_wal_size=4GB")
	defer func() { err = errors.Join(err, server.Stop()) }()
	conn, err := server.Create()
	if errors.Is(err, pgtest.ErrMissing) {
		fmt.Println("| PostgreSQL | | not installed |")
		return nil
	} else if err != nil {
		return err
	}
	l, err := postgres.Open(ctx, conn, store.NewKey(), &postgres.Options{Connections: 32})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return measure(ctx, "PostgreSQL", l, o)
}

// tree is what has been shared so far.
type tree struct {
	mu      sync.Mutex
	edges   []store.EdgeID
	depth   []int
	parent  []int
	below   []int // filled by count
	secrets []store.Secret
}

// plant begins a tree, or finds the one of the run before. Its secrets are gone.
func plant(ctx context.Context, l store.Ledger) (*tree, error) {
	root, secret, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "book", Stored: true})
	if err == nil {
		return &tree{edges: []store.EdgeID{root.ID}, depth: []int{1}, parent: []int{-1}, secrets: []store.Secret{secret}}, nil
	}
	if err != store.ErrLabel {
		return nil, err
	}
	edges, err := l.Below(ctx, store.Host, store.Query{Max: 1 << 30})
	if err != nil {
		return nil, err
	}
	t := &tree{}
	at := map[store.EdgeID]int{}
	for i, e := range edges {
		at[e.ID] = i
		p, depth := -1, 1
		if i > 0 {
			p = at[e.Parent]
			depth = t.depth[p] + 1
		}
		t.edges, t.depth, t.parent = append(t.edges, e.ID), append(t.depth, depth), append(t.parent, p)
	}
	return t, nil
}

// maxDepth keeps a random tree's chains as long as people's may become.
const maxDepth = 24

// grow shares below a random edge.
func (t *tree) grow(ctx context.Context, l store.Ledger) error {
	t.mu.Lock()
	p := rand.IntN(len(t.edges))
	for t.depth[p] >= maxDepth {
		p = t.parent[p]
	}
	by := t.edges[p]
	n := len(t.edges)
	t.mu.Unlock()
	e, s, err := l.Share(ctx, by, store.Share{
		Label: fmt.Sprintf("label %d.%d", n, rand.Uint64()), Stored: true,
		Steps: make([]byte, 48), Text: "methods find and list, read-only",
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.edges, t.depth, t.parent = append(t.edges, e.ID), append(t.depth, t.depth[p]+1), append(t.parent, p)
	t.secrets = append(t.secrets, s)
	return nil
}

func (t *tree) count() {
	t.below = make([]int, len(t.edges))
	for i := len(t.edges) - 1; i > 0; i-- {
		t.below[t.parent[i]] += t.below[i] + 1
	}
}

// rate runs work with so many at a time and says how often a second.
func rate(o options, workers int, work func() error) (float64, error) {
	var n atomic.Int64
	var group sync.WaitGroup
	errs := make(chan error, workers)
	start := time.Now()
	for range workers {
		group.Go(func() {
			for time.Since(start) < o.duration {
				if err := work(); err != nil {
					errs <- err
					return
				}
				n.Add(1)
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	close(errs)
	return float64(n.Load()) / elapsed.Seconds(), <-errs
}

func measure(ctx context.Context, name string, l store.Ledger, o options) error {
	line := func(work, format string, args ...any) {
		fmt.Printf("| %s | %s | %s |\n", name, work, fmt.Sprintf(format, args...))
	}
	t, err := plant(ctx, l)
	if err != nil {
		return err
	}
	save := func() error { return t.grow(ctx, l) }
	restore := func() error {
		t.mu.Lock()
		s := t.secrets[rand.IntN(len(t.secrets))]
		t.mu.Unlock()
		_, err := l.Restore(ctx, s, nil)
		return err
	}
	rates := func(size string) error {
		for _, workers := range []int{1, 64} {
			for _, w := range []struct {
				name string
				do   func() error
			}{{"saves", save}, {"restores", restore}} {
				r, err := rate(o, workers, w.do)
				if err != nil {
					return err
				}
				line(fmt.Sprintf("%s, %d at a time, %s", w.name, workers, size), "%.0f/s", r)
			}
		}
		return nil
	}
	if len(t.edges) < 2 {
		if err := rates("small ledger"); err != nil {
			return err
		}
	} else if err := save(); err != nil { // so that there is a secret
		return err
	}
	start, before := time.Now(), len(t.edges)
	var group sync.WaitGroup
	errs := make(chan error, 128)
	for range 128 {
		group.Go(func() {
			for {
				t.mu.Lock()
				full := len(t.edges) >= o.edges
				t.mu.Unlock()
				if full {
					return
				}
				if err := save(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return err
	}
	if n := len(t.edges) - before; n > 10_000 {
		line(fmt.Sprintf("saves on the way to %d edges, 128 at a time", len(t.edges)), "%.0f/s", float64(n)/time.Since(start).Seconds())
	}
	if err := rates("large ledger"); err != nil {
		return err
	}
	t.count()
	return previews(ctx, l, t, o, line)
}

// budget is what the preview of a revocation may take at the median.
const budget = 10 * time.Millisecond

// previews measures them for random edges, and for those with much below. It fails if those of random
// edges take longer than the budget.
func previews(ctx context.Context, l store.Ledger, t *tree, o options, line func(string, string, ...any)) error {
	var over error
	for _, kind := range []struct {
		name     string
		from, to int
	}{
		{"any edge", 0, 1 << 60}, {"100 to 200 below", 100, 200}, {"1 000 to 2 000 below", 1000, 2000}, {"10 000 to 100 000 below", 10_000, 100_000},
		{"all", len(t.edges) - 1, 1 << 60},
	} {
		var from []int
		for i, n := range t.below {
			if n >= kind.from && n < kind.to && (t.parent[i] >= 0 || kind.name == "all") {
				from = append(from, i)
			}
		}
		if len(from) == 0 {
			continue
		}
		samples := min(o.samples, 20*len(from))
		if kind.from >= 10_000 {
			samples = min(samples, 5)
		}
		var times []time.Duration
		var sizes []int
		for range samples {
			i := from[rand.IntN(len(from))]
			start := time.Now()
			e, err := l.Preview(ctx, store.Host, t.edges[i], 100)
			if err != nil {
				return err
			}
			times = append(times, time.Since(start))
			if e.Total != t.below[i]+1 {
				return fmt.Errorf("a preview of %d edges says %d", t.below[i]+1, e.Total)
			}
			sizes = append(sizes, e.Total)
		}
		slices.Sort(times)
		slices.Sort(sizes)
		at := func(p float64) time.Duration { return times[int(p*float64(len(times)-1))].Round(time.Microsecond) }
		line("preview, "+kind.name, "median %v, 99 %% %v (median of %d edges)", at(0.5), at(0.99), sizes[len(sizes)/2])
		if kind.name == "any edge" && at(0.5) > budget {
			over = fmt.Errorf("a preview takes %v at the median, more than its budget of %v", at(0.5), budget)
		}
	}
	return over
}
