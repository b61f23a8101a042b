package archtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRepository holds the repository to every rule.
func TestRepository(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	names, err := list(root)
	if err != nil {
		t.Fatal(err)
	}
	r, err := load(os.DirFS(root), names)
	if err != nil {
		t.Fatal(err)
	}
	needed := map[exception]bool{}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range rule.check(r) {
				i := slices.IndexFunc(exceptions, func(e exception) bool { return e.rule == rule.name && e.path == p.path })
				if i < 0 {
					t.Error(p)
					continue
				}
				needed[exceptions[i]] = true
			}
		})
	}
	for _, e := range exceptions {
		if !needed[e] {
			t.Errorf("%s keeps the rule %s now: remove the exception", e.path, e.rule)
		}
	}
}

// list names the repository's files: those git tracks or would track, or all
// of them where there is no git.
func list(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		var names []string
		for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
			// A tracked file may be deleted in the work tree; links are not followed.
			if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
				names = append(names, name)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		return names, nil
	}
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".venv" || name == "interop/build"):
			return fs.SkipDir
		case d.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	return names, err
}
