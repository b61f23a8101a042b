package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/store"
	"lanyard.dev/store/storetest"
)

const (
	envChild = "LANYARD_STORE_CHILD" // what a process started by a test does
	envPath  = "LANYARD_STORE_PATH"  // and on which file
	envKills = "LANYARD_STORE_KILLS" // how many processes TestKills kills, 100 if unset, fewer under the race detector
)

func TestMain(m *testing.M) {
	child := map[string]func(context.Context, *Ledger) error{
		"work":   func(ctx context.Context, l *Ledger) error { return storetest.Work(ctx, l, os.Stdout) },
		"crowd":  crowd,
		"revoke": func(ctx context.Context, l *Ledger) error { return revokeBob(ctx, l) },
	}[os.Getenv(envChild)]
	if child == nil {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	l, err := Open(ctx, os.Getenv(envPath), &Options{CheckBelow: -1})
	if err == nil {
		err = errors.Join(child(ctx, l), l.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func process(t testing.TB, child, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envChild+"="+child, envPath+"="+path)
	return cmd
}

// TestKills: whatever was acknowledged before a process was killed -9 restores, and
// nothing is there by half.
func TestKills(t *testing.T) {
	kills := storetest.Times(100)
	if s := os.Getenv(envKills); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	const each = 25 // kills of one file, so that the comparison stays quick
	total := 0
	for done := 0; done < kills; done += each {
		path := filepath.Join(t.TempDir(), "ledger")
		total += storetest.Kills(t, min(each, kills-done),
			func() *exec.Cmd { return process(t, "work", path) },
			func() (storetest.Store, func() error) {
				l, err := Open(t.Context(), path, nil) // which checks the file
				if err != nil {
					t.Fatal(err)
				}
				return l, l.Close
			})
	}
	t.Logf("%d kills, %d shares acknowledged, none lost", kills, total)
}

// crowd is one of several processes that meet at a file that may not exist yet.
func crowd(ctx context.Context, l *Ledger) error {
	edge := func(by store.EdgeID, s store.Share) (store.EdgeID, error) {
		e, _, err := l.Share(ctx, by, s)
		if err == store.ErrLabel { // another process was faster
			e, err = l.Resolve(ctx, by, s.Label)
		}
		return e.ID, err
	}
	root, err := edge(store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		return err
	}
	limited, err := edge(root, store.Share{Label: "limited", Uses: 300})
	if err != nil {
		return err
	}
	var taken int64
	for n := 0; ; n++ {
		if _, _, err := l.Share(ctx, root, store.Share{Label: fmt.Sprint(os.Getpid(), " ", n)}); err != nil {
			return err
		}
		a, err := l.Take(ctx, limited, 3)
		if err == store.ErrExhausted {
			break
		} else if err != nil {
			return err
		}
		taken += a.Uses
	}
	_, err = fmt.Println(taken)
	return err
}

// TestProcesses: several processes make, migrate and use one file at once.
func TestProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	var all sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 4 {
		all.Go(func() {
			cmd := process(t, "crowd", path)
			var complaint strings.Builder
			cmd.Stderr = &complaint
			out, err := cmd.Output()
			n, err2 := strconv.Atoi(strings.TrimSpace(string(out)))
			if err := errors.Join(err, err2); err != nil {
				t.Errorf("%v: %s", err, complaint.String())
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	all.Wait()
	if total != 300 {
		t.Errorf("%d uses of 300 were given", total)
	}
	l := openTest(t, path)
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if e, err := l.Resolve(t.Context(), store.Host, "root", "limited"); err != nil || e.Uses != 300 {
		t.Errorf("%d uses are counted, %v", e.Uses, err)
	}
}

func revokeBob(ctx context.Context, l *Ledger) error {
	bob, err := l.Resolve(ctx, store.Host, "alice", "bob")
	if err == nil {
		_, err = l.Revoke(ctx, store.Host, bob.ID, "from afar")
	}
	return err
}

// TestFeedOfAnotherProcess: who waits hears of it.
func TestFeedOfAnotherProcess(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "ledger")
	l := openTest(t, path)
	alice, _, err := l.Share(ctx, store.Host, store.Share{Label: "alice", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := l.Share(ctx, alice.ID, store.Share{Label: "bob", Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() { heard <- l.Wait(ctx, 0) }()
	if out, err := process(t, "revoke", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := <-heard; err != nil {
		t.Fatal(err)
	}
	events, err := l.Since(ctx, 0, 10)
	if err != nil || len(events) != 1 || events[0].Reason != "from afar" {
		t.Errorf("events %+v, %v", events, err)
	}
	if _, err := l.Restore(ctx, secret, nil); err != store.ErrUnknown {
		t.Errorf("restored: %v", err)
	}
}
