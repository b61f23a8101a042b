package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRename gives a copy of the tree another module path, and builds and tests
// what carries the path.
func TestRename(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := strings.TrimRight(run(t, root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00")
	for name := range strings.SplitSeq(names, "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(dir, name))
	}
	run(t, dir, "git", "init", "-q")
	run(t, dir, "git", "add", "-A")
	old := strings.Fields(run(t, dir, "go", "list", "-m"))[0]
	run(t, dir, "make", "rename", "MODULE=example.org/tools/carabiner")

	// git grep ends with status 1 when it finds nothing.
	cmd := exec.Command("git", "grep", "-lF", old)
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		t.Errorf("files that still name %s:\n%s", old, out)
	}
	run(t, dir, "go", "build", "./...")
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "test", "./internal/archtest", "./internal/cli", "./capnp/gogen/...", "./capnp/schemas/...", "./service/...")
	run(t, dir, "git", "add", "-A")
	run(t, dir, "go", "run", "./cmd/lanyard", "schema", "gen", "./...")
	if diff := run(t, dir, "git", "diff", "--stat"); diff != "" {
		t.Errorf("generated files are not fresh after the rename:\n%s", diff)
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Lstat(from)
	if os.IsNotExist(err) {
		return // deleted in the work tree
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}
