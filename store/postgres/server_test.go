package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
	"lanyard.dev/store/storetest"
)

const (
	envChild = "LANYARD_STORE_CHILD" // set: the connection string of a process that works until it is killed
	envKills = "LANYARD_STORE_KILLS"
)

// work is what a process does that TestKills started.
func work(conn string) error {
	ctx := context.Background()
	l, err := Open(ctx, conn, testKey, &Options{Connections: 4, NoListen: true})
	if err != nil {
		return err
	}
	return errors.Join(storetest.Work(ctx, l, os.Stdout), l.Close())
}

// TestKills: whatever was acknowledged before a vat was killed -9 restores, and nothing
// is there by half.
func TestKills(t *testing.T) {
	conn := server.Database(t)
	l := openTest(t, conn)
	kills := storetest.Times(10)
	if s := os.Getenv(envKills); s != "" {
		if _, err := fmt.Sscan(s, &kills); err != nil {
			t.Fatal(err)
		}
		kills = max(1, kills/10)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := storetest.Kills(t, kills,
		func() *exec.Cmd {
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), envChild+"="+conn)
			return cmd
		},
		func() (storetest.Store, func() error) {
			// A process that is gone may have a commit under way still.
			settle(t, conn)
			return l, func() error { return nil }
		})
	t.Logf("%d kills, %d shares acknowledged, none lost", kills, n)
}

// settle waits until nobody else is in a transaction.
func settle(t testing.TB, conn string) {
	t.Helper()
	db := admin(t, conn)
	for {
		var n int
		err := db.QueryRowContext(t.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// admin connects past the ledger.
func admin(t testing.TB, conn string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(conn)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { db.Close() })
	return db
}

// held is an engine whose next transaction stops before it commits.
type held struct {
	*engine
	reached chan struct{} // closed when it has done everything but commit
	decide  chan error    // nil: commit
}

func hold(e *engine) *held {
	return &held{e, make(chan struct{}), make(chan error, 1)}
}

func (h *held) Update(ctx context.Context, fn func(*ledger.Tx) error) error {
	return h.engine.Update(ctx, func(t *ledger.Tx) error {
		if err := fn(t); err != nil {
			return err
		}
		select {
		case <-h.reached:
			return nil
		default:
		}
		close(h.reached)
		return <-h.decide
	})
}

var errDecided = errors.New("decided otherwise")

// TestFeedOrder: of two revocations, the one that has its number first and the one that
// commits first are the same; one that does not commit leaves no gap. With a
// plain sequence the second would become visible with the higher number, a reader
// would move past the first, and never see it.
func TestFeedOrder(t *testing.T) {
	for _, commits := range []bool{true, false} {
		t.Run(fmt.Sprintf("commits=%v", commits), func(t *testing.T) {
			ctx := t.Context()
			conn := server.Database(t)
			a, b, reader := openTest(t, conn), openTest(t, conn), openTest(t, conn)
			var edges []store.Edge
			for _, label := range []string{"one", "two"} {
				e, _, err := a.Share(ctx, store.Host, store.Share{Label: label, Object: "o"})
				if err != nil {
					t.Fatal(err)
				}
				edges = append(edges, e)
			}
			slow := hold(a.engine)
			first := a.Ledger.With(slow)
			done := make(chan error, 2)
			go func() {
				_, err := first.Revoke(ctx, store.Host, edges[0].ID, "")
				done <- err
			}()
			<-slow.reached // the first has number 1, and has not committed
			quick, stop := context.WithTimeout(ctx, 300*time.Millisecond)
			defer stop()
			if r, err := b.Revoke(quick, store.Host, edges[1].ID, ""); err == nil {
				t.Errorf("the second revocation overtook the first, as number %d", r.Cursor)
			}
			second := make(chan store.Revocation, 1)
			go func() {
				r, err := b.Revoke(ctx, store.Host, edges[1].ID, "")
				second <- r
				done <- err
			}()
			if events, err := reader.Since(ctx, 0, 10); err != nil || len(events) != 0 {
				t.Errorf("before any commit: %+v, %v", events, err)
			}
			want := []store.EdgeID{edges[0].ID, edges[1].ID}
			if commits {
				slow.decide <- nil
			} else {
				slow.decide <- errDecided
				want = want[1:]
			}
			for range 2 {
				if err := <-done; err != nil && (commits || err != errDecided) {
					t.Error(err)
				}
			}
			events, err := reader.Since(ctx, 0, 10)
			if err != nil || len(events) != len(want) {
				t.Fatalf("events %+v, %v", events, err)
			}
			for i, e := range events {
				if e.Edge != want[i] || e.Cursor != store.Cursor(i+1) {
					t.Errorf("event %d is %+v", i, e)
				}
			}
			if r := <-second; r.Cursor != store.Cursor(len(want)) {
				t.Errorf("the second revocation says it is number %d", r.Cursor)
			}
		})
	}
}

// TestPlainSequenceLoses is the control: numbers from a sequence, as one would have
// written it first, and a reader who misses a revocation for ever.
func TestPlainSequenceLoses(t *testing.T) {
	ctx := t.Context()
	db := admin(t, server.Database(t))
	if _, err := db.ExecContext(ctx, `create table feed (seq bigserial, edge bigint)`); err != nil {
		t.Fatal(err)
	}
	slow, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.ExecContext(ctx, `insert into feed (edge) values (1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, `insert into feed (edge) values (2)`); err != nil {
		t.Fatal(err)
	}
	cursor, seen := 0, 0
	read := func() {
		var seq int
		if err := db.QueryRowContext(ctx, `select coalesce(max(seq), $1), count(*) from feed where seq > $1`, cursor).Scan(&cursor, &seq); err != nil {
			t.Fatal(err)
		}
		seen += seq
	}
	read()
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	read()
	if seen != 1 || cursor != 2 {
		t.Errorf("a reader of a plain sequence saw %d of 2 events, up to %d: the control does not show the fault", seen, cursor)
	}
}

// TestListenerDropped: who waits hears of a revocation without the connection that
// listens, and it comes back.
func TestListenerDropped(t *testing.T) {
	ctx := t.Context()
	conn := server.Database(t)
	a, b := openTest(t, conn), openTest(t, conn)
	db := admin(t, conn)
	e, _, err := a.Share(ctx, store.Host, store.Share{Label: "x", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	listening := func() uint32 {
		b.engine.mu.Lock()
		defer b.engine.mu.Unlock()
		return b.engine.listening
	}
	for round := range 3 {
		pid := listening()
		for ; pid == 0; pid = listening() {
			if err := b.Wait(ctx, store.Cursor(round-1)); err != nil { // returns when it listens again
				t.Fatal(err)
			}
		}
		if _, err := db.ExecContext(ctx, `select pg_terminate_backend($1, 10000)`, pid); err != nil {
			t.Fatal(err)
		}
		head, err := b.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan error, 1)
		go func() {
			for {
				if err := b.Wait(ctx, head); err != nil {
					heard <- err
					return
				}
				if now, err := b.Head(ctx); err != nil || now > head {
					heard <- err
					return
				}
			}
		}()
		r, err := a.Revoke(ctx, store.Host, e.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := <-heard; err != nil {
			t.Error(err)
		}
		if events, err := b.Since(ctx, head, 10); err != nil || len(events) != 1 || events[0].Cursor != r.Cursor {
			t.Errorf("events %+v, %v", events, err)
		}
	}
}

// TestCrash: the server stops at once while vats share and revoke; after it has
// recovered, what was acknowledged is there, and the vats go on by themselves.
func TestCrash(t *testing.T) {
	ctx := t.Context()
	l := openTest(t, server.Database(t))
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	alive, dead := map[store.EdgeID]store.Secret{}, map[store.EdgeID]store.Secret{}
	started := make(chan struct{}, 1000)
	var busy sync.WaitGroup
	for w := range 4 {
		busy.Go(func() {
			for n := 0; ; n++ {
				e, s, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint(w, " ", n), Stored: true})
				if err != nil {
					return // the crash
				}
				kind := alive
				if n%2 == 1 {
					if _, err := l.Revoke(ctx, root.ID, e.ID, ""); err != nil {
						return
					}
					kind = dead
				}
				mu.Lock()
				kind[e.ID] = s
				mu.Unlock()
				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 30 {
		<-started
	}
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	busy.Wait()
	if len(alive) == 0 || len(dead) == 0 {
		t.Fatalf("%d and %d", len(alive), len(dead))
	}
	var first error
	for range 30 { // connections that died are noticed one by one
		if _, first = l.Head(ctx); first == nil {
			break
		}
	}
	if first != nil {
		t.Fatal(first)
	}
	for id, s := range alive {
		if c, err := l.Restore(ctx, s, nil); err != nil || c.Edge().ID != id {
			t.Errorf("edge %d was acknowledged before the crash: %v", id, err)
		}
	}
	for id, s := range dead {
		if _, err := l.Restore(ctx, s, nil); err != store.ErrUnknown {
			t.Errorf("edge %d was revoked before the crash: %v", id, err)
		}
	}
	if _, _, err := l.Share(ctx, root.ID, store.Share{Label: "after"}); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := t.Context()
	conn := server.Database(t)
	l := openTest(t, conn)
	if _, _, err := l.Share(ctx, store.Host, store.Share{Label: "x", Object: "o"}); err != nil {
		t.Fatal(err)
	}
	open := func(conn string, key store.Key) error {
		l, err := Open(ctx, conn, key, nil)
		if err == nil {
			l.Close()
		}
		return err
	}
	if err := open(conn, store.NewKey()); !errors.Is(err, store.ErrKey) {
		t.Errorf("another key: %v", err)
	}
	if err := open(conn+" default_transaction_read_only=on", testKey); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("read-only: %v", err)
	}
	if err := open("host=/nowhere password=hunter2", testKey); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no server: %v", err)
	}
	if err := open("postgres://u:hunter2@host:port/x", testKey); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("bad connection string: %v", err)
	}
	if _, err := admin(t, conn).ExecContext(ctx, `insert into ledger_versions (version_id, is_applied) values (99, true)`); err != nil {
		t.Fatal(err)
	}
	if err := open(conn, testKey); !errors.Is(err, store.ErrNewer) {
		t.Errorf("newer: %v", err)
	}
}

// TestOpenTogether: several vats start on an empty database.
func TestOpenTogether(t *testing.T) {
	conn := server.Database(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			l, err := Open(t.Context(), conn, testKey, &Options{Connections: 3})
			if err == nil {
				err = l.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestSettings: a commit is waited for, and a vat that hangs in a transaction is ended.
func TestSettings(t *testing.T) {
	l := openTest(t, server.Database(t))
	for name, want := range map[string]string{"synchronous_commit": "on", "idle_in_transaction_session_timeout": "5s", "transaction_isolation": "read committed"} {
		var got string
		if err := l.engine.db.QueryRowContext(t.Context(), "show "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

// TestMigrationInterrupted: a migration that fails after any of its statements has not
// happened, and the next attempt does it all.
func TestMigrationInterrupted(t *testing.T) {
	points, err := ledger.Interrupted(t.Context(), goose.DialectPostgres, func() (*sql.DB, error) {
		return admin(t, server.Database(t)), nil
	}, `select tablename from pg_tables where schemaname = current_schema() and tablename like 'ledger\_%' and tablename <> 'ledger_versions'`)
	if err != nil || points < 10 {
		t.Errorf("%d points, %v", points, err)
	}
}

// TestDumpIsWorthNothing: no secret, and no part of one, stands in any table.
func TestDumpIsWorthNothing(t *testing.T) {
	ctx := t.Context()
	conn := server.Database(t)
	l := openTest(t, conn)
	_, secret, err := l.Share(ctx, store.Host, store.Share{Label: "x", Object: "o", Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	var dump string
	err = admin(t, conn).QueryRowContext(ctx, `select string_agg(e::text, ' ') || (select string_agg(m::text, ' ') from ledger_meta m) from ledger_edges e`).Scan(&dump)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(dump, fmt.Sprintf("%x", testKey.Sum("secret", secret[:]))) {
		t.Fatal("the test does not find the keyed hash")
	}
	for i := 0; i+6 <= len(secret); i++ {
		if part := fmt.Sprintf("%x", secret[i:i+6]); strings.Contains(dump, part) {
			t.Errorf("the dump holds %s", part)
		}
	}
}
