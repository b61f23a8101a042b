//go:build unix

package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Dir(dir); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir); err != nil {
		t.Errorf("a folder that is there: %v", err)
	}
	path := filepath.Join(dir, "secret")
	if err := Create(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second file: %v", err)
	}
	if got, err := Read(path, MaxSize); string(got) != "one" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := Replace(path, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, MaxSize); string(got) != "two" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	for p, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v", p, info.Mode(), want)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

// TestRefuses: what others may have read or may change is not trusted.
func TestRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := Dir(dir); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := Create(at("good"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"group", "others can open", func(p string) error { return errors.Join(Create(p, nil), os.Chmod(p, 0o640)) }},
		{"writable", "others can open", func(p string) error { return errors.Join(Create(p, nil), os.Chmod(p, 0o602)) }},
		{"link", "is a link", func(p string) error { return os.Symlink("good", p) }},
		{"folder", "not a regular file", func(p string) error { return os.Mkdir(p, 0o700) }},
		{"long", "longer than", func(p string) error { return Create(p, make([]byte, MaxSize+1)) }},
		{"missing", "no such file", func(string) error { return nil }},
	} {
		if err := c.make(at(c.name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(at(c.name), MaxSize); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := Create(at("full"), make([]byte, MaxSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(at("full"), MaxSize); err != nil {
		t.Errorf("a file of the greatest size: %v", err)
	}

	if err := Dir(at("good")); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file as a folder: %v", err)
	}
	if err := os.Chmod(at("folder"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := Dir(at("folder")); err == nil || !strings.Contains(err.Error(), "others can enter") {
		t.Errorf("an open folder: %v", err)
	}
}
