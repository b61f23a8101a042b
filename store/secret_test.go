package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestSecretsDoNotPrint: whatever prints a secret or a key, alone or within
// something else, prints none of it.
func TestSecretsDoNotPrint(t *testing.T) {
	s, k := NewSecret(), NewKey()
	type holder struct {
		S  Secret
		P  *Secret
		K  Key
		In []Secret
	}
	h := holder{s, &s, k, []Secret{s}}
	var out bytes.Buffer
	for _, v := range []any{s, &s, k, &k, []Secret{s}, map[string]Key{"k": k}, h, &h} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		out.Write(text)
		fmt.Fprintln(&out, err, s.String(), k.GoString())
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
	}
	fmt.Fprintln(&out, fmt.Errorf("restore %v: %w", s, ErrUnknown))
	for _, b := range [][]byte{s[:], k[:]} {
		// Any four bytes in a row, in the forms in which bytes are printed.
		for i := 0; i+4 <= len(b); i++ {
			part := b[i : i+4]
			decimal := strings.Trim(fmt.Sprint(part), "[]")
			for _, form := range []string{string(part), hex.EncodeToString(part), fmt.Sprintf("%X", part), decimal, strings.ReplaceAll(decimal, " ", ",")} {
				if strings.Contains(out.String(), form) {
					t.Fatalf("the output holds %q", form)
				}
			}
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed")
	}
}

func TestParseSecret(t *testing.T) {
	s := NewSecret()
	if got, err := ParseSecret(s[:]); err != nil || got != s {
		t.Errorf("ParseSecret of its own bytes: %v", err)
	}
	for _, b := range [][]byte{nil, {}, s[:31], append(s[:], 0), make([]byte, 1<<20), []byte("' or 1=1 --"), []byte("%2e%2e%2f")} {
		if _, err := ParseSecret(b); err != ErrUnknown {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// TestSecretsDiffer: no two alike among many, and each bit is set about as often as not.
func TestSecretsDiffer(t *testing.T) {
	const n = 100_000
	seen := make(map[Secret]bool, n)
	var ones [256]int
	for range n {
		s := NewSecret()
		if seen[s] || s.IsZero() {
			t.Fatal("twice the same secret")
		}
		seen[s] = true
		for i := range ones {
			ones[i] += int(s[i/8] >> (i % 8) & 1)
		}
	}
	for i, got := range ones {
		if got < n/2-1500 || got > n/2+1500 { // nine standard deviations
			t.Errorf("bit %d is set in %d of %d secrets", i, got, n)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := LoadKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := LoadOrCreateKey(path, false); !errors.Is(err, ErrKey) {
		t.Errorf("no file and none to be made: %v", err)
	}
	var all sync.WaitGroup
	keys := make([]Key, 8)
	for i := range keys { // at once: one makes it, all have it
		all.Go(func() {
			var err error
			if keys[i], err = LoadOrCreateKey(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] || k == (Key{}) {
			t.Error("two keys")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	if _, err := CreateKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key over another: %v", err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path); !errors.Is(err, ErrKey) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if k, err := LoadKey(path); err != nil || k != keys[0] {
		t.Errorf("mode 400: %v", err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{"a link": link, "a folder": t.TempDir()} {
		if _, err := LoadKey(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "short": "00ff", "no digits": strings.Repeat("zz", 32), "long": strings.Repeat("00", 33)} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreateKey(bad, true); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSum: purposes are kept apart, and keys.
func TestSum(t *testing.T) {
	a, b := NewKey(), NewKey()
	sums := [][]byte{
		a.Sum("secret", []byte("x")), a.Sum("edge", []byte("x")), a.Sum("secret", []byte("y")),
		b.Sum("secret", []byte("x")), a.Sum("secretx", nil), a.Sum("", []byte("secret\x00x")),
	}
	for i := range sums {
		for j := range sums[:i] {
			if bytes.Equal(sums[i], sums[j]) {
				t.Errorf("sums %d and %d are alike", i, j)
			}
		}
	}
	if !bytes.Equal(a.Sum("secret", []byte("x")), sums[0]) {
		t.Error("a sum changes")
	}
}

func ExampleSecret() {
	s := NewSecret()
	fmt.Printf("%v %x %d bytes\n", s, s, len(s[:]))
	// Output: <secret> <secret> 32 bytes
}
