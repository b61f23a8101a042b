package petname

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "petnames")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestNames(t *testing.T) {
	s, dir := open(t)
	if _, err := s.Reference("book"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a name that nobody gave: %v", err)
	}
	note := Note{Interface: 0xc8484f46b6ee3bf0, From: "alice", Added: noon}
	if err := s.Add("book", []byte("secret"), note, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Add("book", []byte("other"), note, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a name that is taken: %v", err)
	}
	if got, err := s.Reference("book"); string(got) != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := s.Note("book"); got != note || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, note)
	}
	if _, err := s.Reference("Book"); err == nil || !strings.HasSuffix(err.Error(), "; did you mean book?") {
		t.Errorf("another case: %v", err)
	}
	if err := s.Add("book", []byte("other"), note, true); err != nil {
		t.Fatal(err)
	}
	if err := s.Add("a", []byte("x"), Note{}, false); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Names(); !slices.Equal(got, []string{"a", "book"}) || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", p, info.Mode(), err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "a.toml")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Note("a"); got != (Note{}) || err != nil {
		t.Errorf("a note that is lost: %v, %v", got, err)
	}
	for _, name := range []string{"a", "book"} {
		if err := s.Remove(name); err != nil {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	if err := s.Remove("book"); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestHostileNames: a name is no path and drives no terminal, wherever it comes from.
func TestHostileNames(t *testing.T) {
	s, dir := open(t)
	for _, name := range []string{"", "..", "../x", "a/b", "a.b", "$(id)", "a b", "`id`", "a\nb", "\x1b]0;x\a", "-rf", "аlice", strings.Repeat("a", 65)} {
		if err := s.Add(name, nil, Note{}, true); err == nil {
			t.Errorf("petname %q is taken", name)
		}
		if _, err := s.Reference(name); err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("petname %q: %v", name, err)
		}
		if s.Remove(name) == nil {
			t.Errorf("petname %q is removed", name)
		}
	}
	// Somebody else's file does not become a name.
	if err := os.WriteFile(filepath.Join(dir, "$(id).cap"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Names(); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, label := range []string{"", " a", "a ", "a\nb", "\x1b[31m", "\u202eevil", "\xff", strings.Repeat("a", 101)} {
		if err := s.Give(Gift{Label: label}, false); err == nil {
			t.Errorf("label %q is taken", label)
		}
	}
}

func TestGifts(t *testing.T) {
	s, _ := open(t)
	bob := Gift{Label: "bob's phone / 2", Petname: "book", What: `book.contact(id: "1")`, Edge: 1 << 60, Given: noon.Add(time.Hour)}
	amy := Gift{Label: "änne", Petname: "calc", Edge: 2, Given: noon}
	for _, g := range []Gift{bob, amy} {
		if err := s.Give(g, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Give(bob, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a label in use: %v", err)
	}
	bob.Revocation = 7
	if err := s.Give(bob, true); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Given(bob.Label); got != bob || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, bob)
	}
	if got, err := s.Gifts(); !slices.Equal(got, []Gift{amy, bob}) || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := s.Forget(bob.Label); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Given(bob.Label); !errors.Is(err, ErrUnknown) {
		t.Errorf("a label that was forgotten: %v", err)
	}
	if err := s.Forget(bob.Label); !errors.Is(err, ErrUnknown) {
		t.Errorf("forgotten twice: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "others can enter") {
		t.Errorf("a folder that others can enter: %v", err)
	}
}
