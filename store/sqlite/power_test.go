package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"lanyard.dev/store"
	"lanyard.dev/store/storetest"
)

// TestPowerLoss: the power fails while SQLite writes its log. What the log held when a
// share was acknowledged had been synced; what came later may be there in
// part, or be noise. However it is cut: what was acknowledged by then restores, and
// what was not is there whole or not at all.
func TestPowerLoss(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger")
	l := openTest(t, path)
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	size := func() int {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Size())
	}
	var secrets []store.Secret
	sizes := []int{size()} // of the log when so many had been acknowledged
	for n := range 25 {
		_, s, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint(n), Stored: true, Steps: make([]byte, n*300)})
		if err != nil {
			t.Fatal(err)
		}
		secrets, sizes = append(secrets, s), append(sizes, size())
	}
	main, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(t.TempDir(), "ledger")
	copyFile(t, path+".key", lost+".key")
	partial := 0
	for range storetest.Times(30) {
		n := rand.IntN(len(secrets))
		cut := sizes[n] + rand.IntN(sizes[n+1]-sizes[n]+1) // within the write of share n
		log := append([]byte(nil), wal[:cut]...)
		if rand.IntN(2) == 0 { // a sector that holds something old
			log = append(log, bytes.Repeat([]byte{0xa5}, len(wal)-cut)...)
			if at := cut + 512; at < len(log) && rand.IntN(2) == 0 {
				copy(log[at:], wal[at:]) // and later ones that were
			}
		}
		os.Remove(lost + "-shm")
		for name, b := range map[string][]byte{lost: main, lost + "-wal": log} {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Open(ctx, lost, &Options{Readers: 1}) // which checks all of it
		if err != nil {
			t.Fatalf("log cut at %d of %d: %v", cut, len(wal), err)
		}
		for i, s := range secrets {
			_, err := l.Restore(ctx, s, nil)
			switch {
			case i < n && err != nil:
				t.Errorf("share %d was acknowledged before the log was cut at %d, within %d: %v", i, cut, n, err)
			case i > n && err == nil:
				t.Errorf("share %d restores, of which the log has nothing", i)
			case i == n && err != nil:
				partial++
			}
		}
		edges, err := l.Below(ctx, root.ID, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := l.Log(ctx, store.Host, root.ID, 0, 1000)
		if err != nil || len(entries) != len(edges)+1 {
			t.Errorf("%d edges, %d entries, %v", len(edges), len(entries), err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if partial == 0 && storetest.Times(30) == 30 {
		t.Error("no share was ever cut off: nothing was tested")
	}
}
