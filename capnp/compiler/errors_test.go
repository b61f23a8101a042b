package compiler_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/diag/diagtest"
)

const errorDir = "testdata/errors"

func errorFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(errorDir + "/*.capnp")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	return paths
}

// compileBad compiles a schema of errorDir.
func compileBad(t *testing.T, path string) *compiler.Result {
	t.Helper()
	res, err := compiler.Compile([]string{filepath.Base(path)}, &compiler.Options{Files: os.DirFS(errorDir)})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestErrors compiles broken schemas; each error stands in a comment on its
// line.
func TestErrors(t *testing.T) {
	for _, path := range errorFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			res := compileBad(t, path)
			if res.OK() {
				t.Fatal("it compiles")
			}
			for _, d := range res.Diags {
				if d.File.Name() != filepath.Base(path) {
					t.Errorf("in another file: %s", d)
				}
			}
			diagtest.Check(t, res.Diags[0].File, res.Diags)
		})
	}
}

// TestErrorsEqualUpstream compares text and place of the errors. Upstream
// prints no notes: what are notes here are errors there.
func TestErrorsEqualUpstream(t *testing.T) {
	need(t, "capnp")
	differ := map[string]string{
		"extends.capnp": "upstream accepts interfaces that extend themselves",
		"ours.capnp":    "upstream has another place, a crash or nothing for each of these",
	}
	for _, path := range errorFiles(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			if reason := differ[name]; reason != "" {
				t.Skip(reason)
			}
			var got []string
			for _, d := range compileBad(t, path).Diags {
				got = append(got, d.String())
				for _, n := range d.Notes {
					got = append(got, diag.Diagnostic{File: n.File, Span: n.Span, Message: n.Message}.String())
				}
			}
			cmd := exec.Command("capnp", "compile", "-o-", name)
			cmd.Dir = errorDir
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Run(); err == nil {
				t.Fatal("upstream accepts it")
			}
			want := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			slices.Sort(got)
			slices.Sort(want)
			diff := difference(strings.Join(slices.Compact(got), "\n"), strings.Join(slices.Compact(want), "\n"))
			if diff != "" {
				t.Errorf("ours (-), theirs (+):\n%s", diff)
			}
		})
	}
}
