package compiler_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
)

// need skips the test if a peer is not installed, or fails it where peers are
// required.
func need(t *testing.T, program string) {
	t.Helper()
	policy := os.Getenv("LANYARD_INTEROP")
	if policy == "off" {
		t.Skip("LANYARD_INTEROP=off")
	}
	if _, err := exec.LookPath(program); err != nil {
		if policy == "require" {
			t.Fatalf("LANYARD_INTEROP=require: %v", err)
		}
		t.Skipf("peer missing: %v", err)
	}
}

// standard is the directory of the standard schemas. Both compilers read ours:
// the peer's own are of another version.
func standard(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../schemas")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// subject is one file that both compilers compile.
type subject struct{ dir, file string }

func subjects(t *testing.T) []subject {
	t.Helper()
	var all []subject
	// LANYARD_SCHEMAS names more directories, for instance those of other projects.
	dirs := filepath.SplitList(os.Getenv("LANYARD_SCHEMAS"))
	for _, dir := range append(dirs, standard(t), "testdata/corpus", "../../service/calculator") {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, ".capnp") {
				all = append(all, subject{dir, name})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// knownGaps reads failing.txt: files that differ, each with the reason.
func knownGaps(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/failing.txt")
	if err != nil {
		t.Fatal(err)
	}
	gaps := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, reason, _ := strings.Cut(line, " ")
		gaps[name] = strings.TrimSpace(reason)
	}
	return gaps
}

// TestNodesEqualUpstream compiles with both compilers and compares everything
// that they give to code generators.
func TestNodesEqualUpstream(t *testing.T) {
	need(t, "capnp")
	gaps := knownGaps(t)
	positions := knowsPositions(t)
	for _, s := range subjects(t) {
		t.Run(filepath.Base(s.dir)+"/"+s.file, func(t *testing.T) {
			reason, gap := gaps[filepath.Base(s.dir)+"/"+s.file]
			want, err := upstream(t, s)
			if err != nil {
				if !gap {
					t.Fatal(err)
				}
				t.Skipf("known gap: %s", reason)
			}
			got := ours(t, s)
			diff := difference(unknown(dump(got, positions), dump(want, positions)))
			switch {
			case diff != "" && !gap:
				t.Errorf("ours (-), theirs (+):\n%s", diff)
			case diff == "" && gap && !positions:
				t.Errorf("listed in failing.txt (%s) but equal", reason)
			}
		})
	}
}

// knowsPositions reports whether the peer writes where declarations stand:
// version 1.0 and later do.
func knowsPositions(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("capnp", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return !strings.HasPrefix(string(out), "Cap'n Proto version 0.")
}

func ours(t *testing.T, s subject) schema.CodeGeneratorRequest {
	t.Helper()
	res, err := compiler.Compile([]string{s.file}, &compiler.Options{
		Files: os.DirFS(s.dir), ImportPaths: []string{s.dir, standard(t)}, NoStandardImport: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Diags {
		t.Error(d)
	}
	if !res.OK() {
		t.FailNow()
	}
	return res.Request
}

func upstream(t *testing.T, s subject) (schema.CodeGeneratorRequest, error) {
	t.Helper()
	cmd := exec.Command("capnp", "compile", "--no-standard-import", "-I.", "-I"+standard(t), "-o-", s.file)
	cmd.Dir = s.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return schema.CodeGeneratorRequest{}, &exec.Error{Name: "capnp compile " + s.file, Err: errorText(stderr.String())}
	}
	m, rest, err := frame.Unmarshal(out, nil)
	if err != nil || len(rest) > 0 {
		t.Fatalf("capnp compile %s: read its output: %v, %d bytes left", s.file, err, len(rest))
	}
	return capnp.Root[schema.CodeGeneratorRequest](m), nil
}

// unknown removes from ours the positions that the peer does not know: later
// versions know more.
func unknown(ours, theirs string) (string, string) {
	x, y := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(x), len(y)) {
		if before, after, ok := strings.Cut(y[i], " [?)"); ok && strings.HasPrefix(x[i], before) && strings.HasSuffix(x[i], after) {
			x[i] = y[i]
		}
	}
	return strings.Join(x, "\n"), theirs
}

type errorText string

func (e errorText) Error() string { return string(e) }

// difference is a line diff with a little context; "" if a and b are equal.
func difference(a, b string) string {
	if a == b {
		return ""
	}
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out strings.Builder
	for i, j := 0, 0; i < len(x) || j < len(y); {
		if i < len(x) && j < len(y) && x[i] == y[j] {
			i, j = i+1, j+1
			continue
		}
		di, dj := resync(x[i:], y[j:])
		if i > 0 {
			out.WriteString("  " + x[i-1] + "\n")
		}
		for _, l := range x[i : i+di] {
			out.WriteString("- " + l + "\n")
		}
		for _, l := range y[j : j+dj] {
			out.WriteString("+ " + l + "\n")
		}
		i, j = i+di, j+dj
		if out.Len() > 8000 {
			out.WriteString("…\n")
			break
		}
	}
	return out.String()
}

// resync finds how many lines to skip on both sides until they are equal again.
func resync(x, y []string) (int, int) {
	const window = 400
	for d := 1; d < window; d++ {
		for i := 0; i <= d; i++ {
			j := d - i
			if i < len(x) && j < len(y) && x[i] == y[j] {
				return i, j
			}
		}
	}
	return len(x), len(y)
}
