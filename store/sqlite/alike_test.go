package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
	"lanyard.dev/store/storetest"
)

// recorder is a connection that writes down every statement and how many rows it had.
type recorder struct {
	ledger.Conn
	did []string
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := r.Conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	n := 0
	for rows.Next() {
		n++
	}
	rows.Close()
	r.did = append(r.did, fmt.Sprintf("%d rows, %d arguments: %s", n, len(args), query))
	return r.Conn.QueryContext(ctx, query, args...)
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.did = append(r.did, query)
	return r.Conn.ExecContext(ctx, query, args...)
}

// recording is an engine whose reads are recorded.
type recording struct {
	*engine
	r *recorder
}

func (e recording) Read(ctx context.Context, fn func(*ledger.Tx) error) error {
	return e.with(ctx, func(r *reader) error {
		e.r.Conn = r.conn
		return fn(ledger.NewTx(e.r, &dialect, false))
	})
}

// refused makes many secrets that give nothing, of every kind. All that were ever
// issued are three deep, as the decoy.
func refused(t testing.TB, l *Ledger, each int) (kinds map[string][]store.Secret, owner []byte) {
	t.Helper()
	ctx := t.Context()
	kinds = map[string][]store.Secret{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	must(err)
	below := func(label string) store.EdgeID {
		e, _, err := l.Share(ctx, root.ID, store.Share{Label: label})
		must(err)
		return e.ID
	}
	alive, dying := below("alive"), below("dying")
	share := func(kind string, by store.EdgeID, s store.Share) store.Edge {
		s.Label, s.Stored = fmt.Sprint(kind, len(kinds[kind])), true
		e, secret, err := l.Share(ctx, by, s)
		must(err)
		kinds[kind] = append(kinds[kind], secret)
		return e
	}
	expires := time.Now().Add(time.Hour)
	for range each {
		kinds["unknown"] = append(kinds["unknown"], store.NewSecret())
		_, err := l.Revoke(ctx, alive, share("revoked", alive, store.Share{}).ID, "")
		must(err)
		must(l.Drop(ctx, share("dropped", alive, store.Share{}).ID))
		share("expired", alive, store.Share{Expires: expires})
		share("not yours", alive, store.Share{SealedFor: []byte("the owner")})
		share("below a revoked one", dying, store.Share{})
		_, err = l.Rotate(ctx, alive, share("rotated", alive, store.Share{}).ID)
		must(err)
	}
	_, err = l.Revoke(ctx, root.ID, dying, "")
	must(err)
	advance(t, l, 2*time.Hour)
	return kinds, []byte("not the owner")
}

// TestRefusalsAreAlike: whatever a secret is worth nothing for, the answer is the
// same value after the same statements with as many rows.
func TestRefusalsAreAlike(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger"))
	kinds, owner := refused(t, l, storetest.Times(40))
	r := &recorder{}
	watched := l.Ledger.With(recording{l.engine, r})
	shapes := map[string]int{}
	n := 0
	for kind, secrets := range kinds {
		for _, s := range secrets {
			r.did = nil
			c, err := watched.Restore(t.Context(), s, owner)
			if err != store.ErrUnknown || len(c.Edges) != 0 {
				t.Errorf("%s: %v", kind, err)
			}
			shapes[strings.Join(r.did, "; ")]++
			n++
		}
	}
	if len(shapes) != 1 || n != 7*storetest.Times(40) {
		t.Errorf("%d refusals took %d ways: %v", n, len(shapes), shapes)
	}
	for shape := range shapes {
		if !strings.HasPrefix(shape, "3 rows, 1 arguments: ") || strings.Contains(shape, "; ") {
			t.Errorf("a refusal is %s, want one query", shape)
		}
	}
}

// TestRefusalTimes: the times of two kinds of refusals cannot be told apart. Ten
// thousand samples a kind with LANYARD_TIMINGS=10000; here so few that only
// another number of queries would show.
func TestRefusalTimes(t *testing.T) {
	each, within := storetest.Times(400), 0.25
	if os.Getenv("LANYARD_TIMINGS") != "" {
		each, within = 10_000, 0.05
	}
	l := openTest(t, filepath.Join(t.TempDir(), "ledger"))
	kinds, owner := refused(t, l, storetest.Times(50))
	names := []string{"unknown", "revoked", "dropped", "expired", "not yours", "below a revoked one", "rotated"}
	times := map[string][]time.Duration{}
	for n := range each {
		for i := range names { // in turn, so that a slow moment hits all
			kind := names[(i+n)%len(names)]
			s := kinds[kind][n%len(kinds[kind])]
			start := time.Now()
			l.Restore(t.Context(), s, owner)
			times[kind] = append(times[kind], time.Since(start))
		}
	}
	for _, kind := range names[1:] {
		if a := auc(times["unknown"], times[kind]); a < 0.5-within || a > 0.5+within {
			t.Errorf("unknown against %s: AUC %.3f", kind, a)
		} else {
			t.Logf("unknown against %s: AUC %.3f", kind, a)
		}
	}
}

// auc is how often a sample of b is greater than one of a: 0.5 if nothing tells them
// apart.
func auc(a, b []time.Duration) float64 {
	a = slices.Clone(a)
	slices.Sort(a)
	sum := 0.0
	for _, v := range b {
		lo, _ := slices.BinarySearch(a, v)
		hi, _ := slices.BinarySearch(a, v+1)
		sum += float64(lo) + float64(hi-lo)/2
	}
	return sum / float64(len(a)) / float64(len(b))
}

// TestStorm: as many restores as after a restart run with few readers, and all end.
func TestStorm(t *testing.T) {
	ctx := t.Context()
	l, err := Open(ctx, filepath.Join(t.TempDir(), "ledger"), &Options{Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var secrets []store.Secret
	by := store.Host
	for n := range 8 {
		e, s, err := l.Share(ctx, by, store.Share{Label: fmt.Sprint(n), Object: "o", Stored: true})
		if err != nil {
			t.Fatal(err)
		}
		secrets, by = append(secrets, s), e.ID
	}
	var all sync.WaitGroup
	for n := range storetest.Times(3000) {
		all.Go(func() {
			if c, err := l.Restore(ctx, secrets[n%8], nil); err != nil || len(c.Edges) != n%8+1 {
				t.Errorf("chain of %d, %v", len(c.Edges), err)
			}
		})
	}
	all.Wait()
}

// TestClose: what waits gets an error, what comes later as well, twice is once.
func TestClose(t *testing.T) {
	ctx := t.Context()
	l, err := Open(ctx, filepath.Join(t.TempDir(), "ledger"), nil)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- l.Wait(ctx, 0) }()
	var busy sync.WaitGroup
	for n := range 20 {
		busy.Go(func() { l.Share(ctx, store.Host, store.Share{Label: fmt.Sprint(n), Object: "o"}) })
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	busy.Wait()
	if err := <-waiting; err == nil {
		t.Error("Wait returned nil")
	}
	if _, _, err := l.Share(ctx, store.Host, store.Share{Label: "x", Object: "o"}); err == nil {
		t.Error("shared after Close")
	}
	if _, err := l.Restore(ctx, store.Secret{}, nil); err == nil || err == store.ErrUnknown {
		t.Errorf("restore after Close: %v", err)
	}
	if _, err := os.Stat(l.engine.path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the log is left: %v", err)
	}
}

// TestCancelled: an ended context ends the wait, and the ledger stays whole.
func TestCancelled(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	for n := range 50 {
		busy.Go(func() {
			l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint(n)})
			l.Preview(ctx, store.Host, root.ID, 10)
			if n == 25 {
				cancel()
			}
		})
	}
	busy.Wait()
	if _, _, err := l.Share(ctx, root.ID, store.Share{Label: "late"}); err != context.Canceled {
		t.Errorf("share with an ended context: %v", err)
	}
	edges, err := l.Below(t.Context(), root.ID, store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := l.Log(t.Context(), store.Host, root.ID, 0, 1000)
	if err != nil || len(entries) != len(edges)+1 {
		t.Errorf("%d edges, %d entries, %v", len(edges), len(entries), err)
	}
	if _, _, err := l.Share(t.Context(), root.ID, store.Share{Label: "after"}); err != nil {
		t.Error(err)
	}
}
