package grant_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/store"
	"lanyard.dev/store/sqlite"
)

// envServe makes the test binary share and save as fast as it can, on the ledger named, until it is killed.
const envServe = "GRANT_TEST_SERVE"

// serveUntilKilled writes each reference when the share, or the save, that made it has returned.
func serveUntilKilled(path string) error {
	ctx := context.Background()
	l, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	s := &shelf.Store{}
	k, err := grant.New(ctx, l, l, nil, s.Objects, &grant.Options{Reference: reference})
	if err != nil {
		return err
	}
	_, secret, err := k.Issue(ctx, "box a", &grant.Terms{Label: "process " + strconv.Itoa(os.Getpid())})
	if err != nil {
		return err
	}
	root, err := k.Restore(ctx, secret, nil)
	if err != nil {
		return err
	}
	errs := make(chan error)
	lines := make(chan string)
	for i := range 4 {
		go func() {
			for n := 0; ; n++ {
				var ref string
				var err error
				if n%2 == 0 {
					ref, _, err = share(ctx, grant.Grant{Client: root}, &grant.Terms{Label: fmt.Sprint(i, " ", n)})
				} else {
					ref, err = save(ctx, root)
				}
				if err != nil {
					errs <- err
					return
				}
				lines <- ref
			}
		}()
	}
	for {
		select {
		case err := <-errs:
			return err
		case ref := <-lines:
			if _, err := fmt.Println(ref); err != nil {
				return err
			}
		}
	}
}

// save saves a capability whole, as anybody who holds one can.
func save(ctx context.Context, c capnp.Client) (string, error) {
	p := persistent.Persistent{Client: c}.Save(ctx, nil)
	defer p.Release()
	res, err := p.Wait()
	if err != nil {
		return "", err
	}
	return capnp.PtrAs[grant.SturdyRef](res.SturdyRef()).Text(), nil
}

// A process that is killed while it shares and saves has done whatever it said it had, and nothing by
// half. LANYARD_KILLS says how often that is tried.
func TestKillsWhileSharing(t *testing.T) {
	rounds := 100 / slowly
	if n, err := strconv.Atoi(os.Getenv("LANYARD_KILLS")); err == nil {
		rounds = n
	}
	path := ""
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		if round%10 == 0 { // so that looking through it stays quick
			path = filepath.Join(t.TempDir(), "ledger")
		}
		refs := killAfter(t, path, 1+rnd.IntN(30))
		checkShared(t, path, refs)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// killAfter starts a process and kills it when it has written n references. It returns all it wrote.
func killAfter(t *testing.T, path string, n int) (refs []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envServe+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was not said
		}
		if refs = append(refs, strings.TrimSpace(line)); len(refs) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(refs) < n {
		t.Fatalf("the process ended by itself: %v, after %d references", err, len(refs))
	}
	return refs
}

// checkShared restores every reference, and looks for halves.
func checkShared(t *testing.T, path string, refs []string) {
	t.Helper()
	l, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &shelf.Store{}
	k, err := grant.New(t.Context(), l, l, nil, s.Objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, ref := range refs {
		c, err := k.Restore(t.Context(), secretOf(t, ref), nil)
		if err != nil {
			t.Errorf("a reference that was given: %v", err)
			continue
		}
		if err := add(t.Context(), c, 1); err != nil {
			t.Errorf("what it restores to: %v", err)
		}
		c.Release()
	}
	var after store.EdgeID
	for {
		edges, err := l.Below(t.Context(), store.Host, store.Query{After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range edges {
			after = e.ID
			chain, err := l.Lookup(t.Context(), e.ID)
			if err != nil || chain.Edges[0].Object != "box a" || !e.Stored {
				t.Errorf("edge %d, %q: half of one: %v", e.ID, e.Label, err)
			}
		}
		if len(edges) == 0 {
			return
		}
	}
}
