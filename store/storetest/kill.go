package storetest

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lanyard.dev/store"
)

// Work shares, saves, rotates and revokes without end, and writes a line after
// each thing that the ledger has acknowledged. It is for a process that will be
// killed: see [Kills].
func Work(ctx context.Context, l Store, out io.Writer) error {
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: fmt.Sprint("root ", rand.Uint64()), Object: "object"})
	if err != nil {
		return err
	}
	below := []store.EdgeID{root.ID}
	for n := 0; ; n++ {
		by := below[rand.IntN(len(below))]
		s := store.Share{Label: fmt.Sprint("label ", n), Stored: n%3 != 0, Steps: []byte(strings.Repeat("s", n%500)), Uses: int64(n % 4)}
		e, secret, err := l.Share(ctx, by, s)
		if err != nil {
			return err
		}
		if e.Stored {
			_, err = fmt.Fprintf(out, "stored %d %s\n", e.ID, hex.EncodeToString(secret[:]))
		} else {
			_, err = fmt.Fprintf(out, "live %d\n", e.ID)
		}
		if err != nil {
			return err
		}
		switch n % 8 {
		case 3: // a leaf of its own, so that nothing else is affected
			r, err := l.Revoke(ctx, by, e.ID, "")
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "revoked %d %d\n", e.ID, r.Cursor)
		case 4:
			// It may or may not be in time: both secrets are announced before.
			fmt.Fprintf(out, "rotating %d\n", e.ID)
			secret, err := l.Rotate(ctx, by, e.ID)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "rotated %d %s\n", e.ID, hex.EncodeToString(secret[:]))
		default:
			if len(below) < 20 {
				below = append(below, e.ID)
			}
		}
	}
}

// Kills starts a process that does Work on a ledger, kills it -9 at a random moment,
// opens the ledger and compares it with what was acknowledged, again and again.
// It returns how many shares were.
func Kills(t *testing.T, kills int, start func() *exec.Cmd, open func() (Store, func() error)) int {
	t.Helper()
	acknowledged := 0
	for range kills {
		cmd := start()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var complaint strings.Builder
		cmd.Stderr = &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := make(chan string, 1<<16)
		go func() {
			defer close(lines)
			for s := bufio.NewScanner(out); s.Scan(); {
				lines <- s.Text()
			}
		}()
		// It may die as soon as it has written something. (A few lines that the kill cut
		// off end without being seen; the scanner would give half a line as its last.)
		var got []string
		first, ok := <-lines
		if !ok {
			cmd.Wait()
			t.Fatalf("the process ended by itself: %s", complaint.String())
		}
		got = append(got, first)
		timer := time.NewTimer(time.Duration(rand.Int64N(int64(30 * time.Millisecond))))
		for alive := true; alive; {
			select {
			case line, ok := <-lines:
				if alive = ok; ok {
					got = append(got, line)
				}
			case <-timer.C:
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		if complaint.Len() > 0 {
			t.Fatal(complaint.String())
		}
		l, done := open()
		acknowledged += compare(t, l, got)
		if err := done(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			break
		}
	}
	return acknowledged
}

// compare checks one process's lines against the ledger.
func compare(t *testing.T, l Store, lines []string) int {
	t.Helper()
	ctx := t.Context()
	type state struct {
		secret            store.Secret
		stored            bool
		revoked, rotating bool
	}
	edges := map[store.EdgeID]*state{}
	var last store.EdgeID
	parse := func(text string) (s store.Secret) {
		b, err := hex.DecodeString(text)
		if err != nil || copy(s[:], b) != len(s) {
			t.Fatalf("line with the secret %q", text)
		}
		return s
	}
	for i, line := range lines {
		f := strings.Fields(line)
		var id store.EdgeID
		if len(f) < 2 {
			t.Fatalf("line %q", line)
		}
		fmt.Sscan(f[1], &id)
		switch {
		case f[0] == "stored" && len(f) == 3 && len(f[2]) == 64:
			edges[id] = &state{secret: parse(f[2]), stored: true}
			last = id
		case f[0] == "live":
			edges[id] = &state{}
			last = id
		case f[0] == "revoked":
			edges[id].revoked = true
		case f[0] == "rotating":
			edges[id].rotating = true
		case f[0] == "rotated" && len(f) == 3 && len(f[2]) == 64:
			edges[id].rotating, edges[id].stored, edges[id].secret = false, true, parse(f[2])
		case i < len(lines)-1: // the last may have been cut off
			t.Fatalf("line %q", line)
		}
	}
	for id, e := range edges {
		c, err := l.Lookup(ctx, id)
		switch {
		case e.revoked && err != store.ErrUnknown:
			t.Errorf("edge %d was revoked, and is alive: %v", id, err)
		case e.revoked:
		case err != nil && id != last: // the last one may have been revoked just before it was killed
			t.Errorf("edge %d was acknowledged, and is gone: %v", id, err)
		case err == nil && c.Edge().ID != id:
			t.Errorf("edge %d is %d", id, c.Edge().ID)
		case err == nil && e.stored && !e.rotating:
			if c, err := l.Restore(ctx, e.secret, nil); err != nil || c.Edge().ID != id {
				t.Errorf("edge %d does not restore: %v", id, err)
			}
		}
	}
	halves(t, l)
	return len(edges)
}

// halves checks that every edge is whole: each hangs below one
// that exists, says what it is, and stands in the log once.
func halves(t *testing.T, l Store) {
	t.Helper()
	ctx := t.Context()
	edges, err := l.Below(ctx, store.Host, store.Query{Max: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := l.Log(ctx, store.Host, store.Host, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	shared := map[store.EdgeID]int{}
	cuts := map[store.EdgeID]int{}
	events := 0
	for _, e := range entries {
		switch e.Verb {
		case store.VerbShared:
			shared[e.Edge]++
		case store.VerbRevoked:
			cuts[e.Edge]++
			events++
		default:
			events++
		}
	}
	known := map[store.EdgeID]bool{store.Host: true}
	for _, e := range edges {
		known[e.ID] = true
		if !known[e.Parent] || e.Label == "" || e.Object == "" || e.Created.IsZero() || shared[e.ID] != 1 {
			t.Errorf("half an edge: %+v, in the log %d times", e, shared[e.ID])
		}
		if (e.State == store.Revoked) != (cuts[e.ID] > 0) {
			t.Errorf("edge %d is %v, and was revoked %d times", e.ID, e.State, cuts[e.ID])
		}
	}
	if len(shared) != len(edges) {
		t.Errorf("%d edges, %d in the log", len(edges), len(shared))
	}
	if head, err := l.Head(ctx); err != nil || int(head) != events {
		t.Errorf("%d events in the feed, %d in the log: %v", head, events, err)
	}
}
