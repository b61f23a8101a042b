package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pressly/goose/v3"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
	"lanyard.dev/store/storetest"
)

// small makes a ledger with alice > bob > carol, and dave revoked, closes it and
// returns its path.
func small(t testing.TB) (path string, secrets map[string]store.Secret) {
	t.Helper()
	ctx := t.Context()
	path = filepath.Join(t.TempDir(), "ledger")
	l, err := Open(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	secrets = map[string]store.Secret{}
	by := store.Host
	var alice store.EdgeID
	for _, label := range []string{"alice", "bob", "carol", "dave"} {
		e, s, err := l.Share(ctx, by, store.Share{
			Label: label, Object: "the book", Stored: true, Uses: 7,
			Steps: []byte("steps of " + label), Text: "text of " + label, SealedFor: []byte("key of " + label),
		})
		if err != nil {
			t.Fatal(err)
		}
		secrets[label], by = s, e.ID
		if label == "alice" {
			alice = e.ID
		}
		if label == "dave" {
			if _, err := l.Revoke(ctx, alice, e.ID, "gone"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path, secrets
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := openTest(t, path)
	if _, _, err := l.Share(t.Context(), store.Host, store.Share{Label: "x", Object: "o"}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) < 3 { // the database, its log, its key
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

// TestCopyIsWorthNothing: the database alone, log included, holds no secret, no part
// of one and no hash that can be computed without the key, and does not open.
func TestCopyIsWorthNothing(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	l := openTest(t, filepath.Join(dir, "ledger"))
	root, first, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o", Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []store.Secret{first}
	for i := range 20 {
		_, s, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint(i), Stored: true})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, s)
	}
	s, err := l.Rotate(ctx, root.ID, root.ID)
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, s)
	key, err := store.LoadKey(filepath.Join(dir, "ledger.key"))
	if err != nil {
		t.Fatal(err)
	}
	stolen := filepath.Join(t.TempDir(), "ledger")
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, filepath.Join(dir, "ledger"+suffix), stolen+suffix)
		b, err := os.ReadFile(stolen + suffix)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if !bytes.Contains(all, key.Sum("secret", secrets[3][:])) {
		t.Fatal("the test does not find what should be there, the keyed hash")
	}
	forms := func(b []byte) [][]byte {
		return [][]byte{b, []byte(hex.EncodeToString(b)), []byte(base64.RawURLEncoding.EncodeToString(b)[:len(b)]), []byte(base64.StdEncoding.EncodeToString(b)[:len(b)])}
	}
	for _, s := range append(secrets, store.Secret(key)) {
		var parts [][]byte
		for i := 0; i+8 <= len(s); i++ {
			parts = append(parts, forms(s[i:i+8])...)
		}
		plain := sha256.Sum256(s[:])
		for _, part := range append(parts, forms(plain[:])...) {
			if bytes.Contains(all, part) {
				t.Fatalf("the database holds %x", part)
			}
		}
	}
	if _, err := Open(ctx, stolen, nil); !errors.Is(err, store.ErrKey) {
		t.Errorf("opened without the key: %v", err)
	}
	if _, err := store.CreateKey(stolen + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, stolen, nil); !errors.Is(err, store.ErrKey) {
		t.Errorf("opened with another key: %v", err)
	}
}

func TestNotADatabase(t *testing.T) {
	ctx := t.Context()
	path, _ := small(t)
	for name, damage := range map[string]func(b []byte) []byte{
		"noise":           func([]byte) []byte { return bytes.Repeat([]byte("noise "), 4096) },
		"a text":          func([]byte) []byte { return []byte("hello") },
		"cut off":         func(b []byte) []byte { return b[:len(b)/2] },
		"a page of zeros": func(b []byte) []byte { clear(b[3*4096 : 4*4096]); return b },
		"a page of noise": func(b []byte) []byte { copy(b[2*4096:], bytes.Repeat([]byte{0xa5}, 4096)); return b },
	} {
		bad := filepath.Join(t.TempDir(), "ledger")
		copyFile(t, path, bad)
		copyFile(t, path+".key", bad+".key")
		b, err := os.ReadFile(bad)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(bad, damage(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(ctx, bad, nil); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				l.Close()
			}
		}
	}
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "no", "such", "folder"), nil); err == nil {
		t.Error("opened in a folder that does not exist")
	}
	if _, err := Open(ctx, t.TempDir(), nil); err == nil {
		t.Error("opened a folder")
	}
}

// TestBitFlips: with any bit of the file flipped, the ledger is refused, or
// answers as before, or with an error: never with another authority.
func TestBitFlips(t *testing.T) {
	ctx := t.Context()
	path, secrets := small(t)
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]store.Chain{}
	for _, label := range []string{"alice", "bob", "carol"} {
		if want[label], err = l.Restore(ctx, secrets[label], []byte("key of "+label)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	authority := func(c store.Chain) string {
		var b strings.Builder
		for _, e := range c.Edges {
			fmt.Fprintf(&b, "%d %d %q %q %q %v %d %q\n", e.ID, e.Parent, e.Label, e.Object, e.Steps, e.Expires, e.MaxUses, e.SealedFor)
		}
		return b.String()
	}
	// The rows are small and the file is mostly empty: half of the flips go to where a
	// text of ours is.
	var marks []int
	for _, text := range []string{"steps of", "key of", "the book", "alice", "dave"} {
		for at := 0; ; {
			i := bytes.Index(original[at:], []byte(text))
			if i < 0 {
				break
			}
			marks = append(marks, at+i)
			at += i + 1
		}
	}
	if len(marks) < 10 {
		t.Fatalf("the texts are found %d times", len(marks))
	}
	bad := filepath.Join(t.TempDir(), "ledger")
	copyFile(t, path+".key", bad+".key")
	refused, same := 0, 0
	for n := range storetest.Times(150) {
		at := rand.IntN(len(original))
		if n%2 == 0 {
			at = max(0, marks[rand.IntN(len(marks))]-40+rand.IntN(100))
		}
		b := slices.Clone(original)
		b[at] ^= 1 << rand.IntN(8)
		os.Remove(bad + "-wal")
		os.Remove(bad + "-shm")
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(ctx, bad, nil)
		if err != nil {
			refused++
			continue
		}
		for label, chain := range want {
			got, err := l.Restore(ctx, secrets[label], []byte("key of "+label))
			switch {
			case err != nil:
				refused++
			case authority(got) == authority(chain):
				same++
			default:
				t.Errorf("bit flipped in byte %d: %s restores as\n%swant\n%s", at, label, authority(got), authority(chain))
			}
		}
		if _, err := l.Restore(ctx, secrets["dave"], []byte("key of dave")); err == nil {
			t.Errorf("bit flipped in byte %d: what was revoked restores", at)
		}
		l.Close()
	}
	if refused+same == 0 {
		t.Errorf("%d refused, %d as before: nothing was tested", refused, same)
	}
}

// TestForgery: who can write the database but has no key can break edges, not
// widen them.
func TestForgery(t *testing.T) {
	ctx := t.Context()
	path, secrets := small(t)
	for _, forgery := range []string{
		`update ledger_edges set steps = x'' where label = 'bob'`,
		`update ledger_edges set sealed_for = null where label = 'bob'`,
		`update ledger_edges set sealed_for = cast('key of eve' as blob) where label = 'bob'`,
		`update ledger_edges set object = 'all books' where label = 'bob'`,
		`update ledger_edges set parent = 0, depth = 1 where label = 'bob'`,
		`update ledger_edges set max_uses = 0 where label = 'bob'`,
		`update ledger_edges set expires = expires - 1 where label = 'bob'`,
		`update ledger_edges set steps = (select steps from ledger_edges where label = 'alice'), mac = (select mac from ledger_edges where label = 'alice') where label = 'bob'`,
		`update ledger_edges set steps = x'' where label = 'alice'`, // above it
	} {
		bad := filepath.Join(t.TempDir(), "ledger")
		copyFile(t, path, bad)
		copyFile(t, path+".key", bad+".key")
		db, err := open(bad, 1)
		if err != nil {
			t.Fatal(err)
		}
		res, err := db.ExecContext(ctx, forgery)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := res.RowsAffected(); n != 1 {
			t.Fatalf("%s: %d rows", forgery, n)
		}
		db.Close()
		l := openTest(t, bad)
		for _, owner := range []string{"key of bob", "key of eve", ""} {
			if _, err := l.Restore(ctx, secrets["bob"], []byte(owner)); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: %v", forgery, err)
			}
		}
		if _, err := l.Restore(ctx, secrets["carol"], []byte("key of carol")); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: below it: %v", forgery, err)
		}
	}
	// A circle cannot even be written.
	db, err := open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, circle := range []string{
		`update ledger_edges set parent = (select id from ledger_edges where label = 'carol') where label = 'bob'`,
		`update ledger_edges set parent = id where label = 'bob'`,
		`update ledger_edges set parent = 1000 where label = 'bob'`,
		`delete from ledger_edges where label = 'bob'`,
	} {
		if _, err := db.ExecContext(ctx, circle); err == nil {
			t.Errorf("%s: was done", circle)
		}
	}
}

// TestFull: a write for which there is no room fails, all that was acknowledged
// is there, and when there is room again it goes on.
func TestFull(t *testing.T) {
	ctx := t.Context()
	l := openTest(t, filepath.Join(t.TempDir(), "ledger"))
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	pages := func(n int) {
		t.Helper()
		if err := l.engine.do(ctx, fmt.Sprintf("pragma max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	pages(60)
	var mu sync.Mutex
	var secrets []store.Secret
	var full atomic.Int64
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 40 {
				_, s, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint(w, " ", n), Stored: true, Steps: make([]byte, 2000)})
				switch {
				case err == nil:
					mu.Lock()
					secrets = append(secrets, s)
					mu.Unlock()
				case errors.Is(err, store.ErrFull):
					full.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if full.Load() == 0 || len(secrets) == 0 {
		t.Errorf("%d shares, %d refused", len(secrets), full.Load())
	}
	pages(1 << 20)
	if _, s, err := l.Share(ctx, root.ID, store.Share{Label: "after", Stored: true}); err != nil {
		t.Errorf("after there is room again: %v", err)
	} else {
		secrets = append(secrets, s)
	}
	for _, s := range secrets {
		if _, err := l.Restore(ctx, s, nil); err != nil {
			t.Fatalf("what was acknowledged does not restore: %v", err)
		}
	}
	if got, err := l.Below(ctx, root.ID, store.Query{Max: 1 << 20}); err != nil || len(got) != len(secrets) {
		t.Errorf("%d edges, %d acknowledged, %v", len(got), len(secrets), err)
	}
	if err := l.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	ctx := t.Context()
	l := openTest(t, filepath.Join(t.TempDir(), "ledger"))
	root, secret, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o", Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	child, _, err := l.Share(ctx, root.ID, store.Share{Label: "child"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.engine.do(ctx, "pragma query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Share(ctx, root.ID, store.Share{Label: "x"}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("share: %v", err)
	}
	if _, err := l.Revoke(ctx, root.ID, child.ID, ""); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("revoke: %v", err)
	}
	if _, err := l.Restore(ctx, secret, nil); err != nil {
		t.Errorf("restore: %v", err)
	}
}

// TestBackup: a copy taken while others write has all that was acknowledged before, and
// works with the key.
func TestBackup(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	l := openTest(t, filepath.Join(dir, "ledger"))
	root, _, err := l.Share(ctx, store.Host, store.Share{Label: "root", Object: "o"})
	if err != nil {
		t.Fatal(err)
	}
	var before []store.Secret
	for n := range 20 {
		_, s, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint("before ", n), Stored: true})
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, s)
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, _, err := l.Share(ctx, root.ID, store.Share{Label: fmt.Sprint("meanwhile ", n)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	copied := filepath.Join(dir, "copy")
	err = l.Backup(ctx, copied)
	close(stop)
	writer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := l.Backup(ctx, copied); err == nil {
		t.Error("a backup over another")
	}
	copyFile(t, filepath.Join(dir, "ledger.key"), copied+".key")
	restored := openTest(t, copied)
	for _, s := range before {
		if _, err := restored.Restore(ctx, s, nil); err != nil {
			t.Errorf("from the backup: %v", err)
		}
	}
}

// TestMigrationInterrupted: a migration that fails after any of its statements has not
// happened, and the next attempt does it all.
func TestMigrationInterrupted(t *testing.T) {
	points, err := ledger.Interrupted(t.Context(), goose.DialectSQLite3,
		func() (*sql.DB, error) { return open(filepath.Join(t.TempDir(), "ledger"), 1) },
		`select name from sqlite_master where name like 'ledger_%' and name not like 'ledger_versions%'`)
	if err != nil || points < 10 {
		t.Errorf("%d points, %v", points, err)
	}
}

// TestDowngradeRefused: a database from a later version is not touched.
func TestDowngradeRefused(t *testing.T) {
	ctx := t.Context()
	path, _ := small(t)
	db, err := open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `insert into ledger_versions (version_id, is_applied) values (99, 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), path, nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opened: %v", err)
	}
}
