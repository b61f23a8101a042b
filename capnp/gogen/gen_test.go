package gogen_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/gogen"
)

func TestGen(t *testing.T) {
	dir := tree(t, map[string]string{
		"go.mod":                   "module example.org/m\n",
		"a/a.capnp":                "@0xa93fc509624c72d0; using B = import \"../b/b.capnp\"; struct A { b @0 :B.B; }",
		"b/b.capnp":                "@0xa93fc509624c72d1; struct B {}",
		"b/inner/c.capnp":          "@0xa93fc509624c72d2; interface C { m @0 (); }",
		"std/capnp/rpc.capnp":      "@0xb312981b2552a250; struct Changed {}",
		"testdata/bad.capnp":       "no schema",
		"_old/bad.capnp":           "no schema",
		"module/inside/go.mod":     "module other\n",
		"module/inside/bad.capnp":  "no schema",
		"node/.hidden/bad.capnp":   "no schema",
		"node/README.capnp.backup": "no schema",
	})
	t.Chdir(dir)
	want := []string{"a/a.capnp.go", "b/b.capnp.go", "b/inner/c.capnp.go"}
	res, err := gogen.Gen([]string{"./..."}, &gogen.GenOptions{Check: true})
	if err != nil || !slices.Equal(slash(res.Stale), want) {
		t.Fatalf("check: %v, %v, want %v", res, err, want)
	}
	if _, err := os.Stat("a/a.capnp.go"); err == nil {
		t.Fatal("check wrote a file")
	}
	res, err = gogen.Gen([]string{"./..."}, nil)
	if err != nil || !slices.Equal(slash(res.Stale), want) {
		t.Fatalf("%v, %v, want %v", res, err, want)
	}
	res, err = gogen.Gen([]string{"a/a.capnp", "./b", "b/..."}, nil)
	if err != nil || len(res.Stale) != 0 {
		t.Fatalf("again: %v, %v, want nothing stale", res, err)
	}
	src, err := os.ReadFile("a/a.capnp.go")
	if err != nil {
		t.Fatal(err)
	}
	checkSource(t, src)
	for _, want := range []string{"package a\n", "b2 \"example.org/m/b\"", "func (s A) B() b2.B ", "\"a/a.capnp\""} {
		if !strings.Contains(string(src), want) {
			t.Errorf("code lacks %q:\n%s", want, src)
		}
	}

	// The code is the same from everywhere.
	t.Chdir(filepath.Join(dir, "b", "inner"))
	res, err = gogen.Gen([]string{".", "../../a"}, nil)
	if err != nil || len(res.Stale) != 0 {
		t.Fatalf("from inside: %v, %v, want nothing stale", res, err)
	}
}

// Without a go.mod the schemas have to say which package they belong to.
func TestGenWithoutModule(t *testing.T) {
	const goFile = "using Go = import \"/go.capnp\"; $Go.package(\"p\"); $Go.import(\"example.org/p\");"
	dir := tree(t, map[string]string{
		"a/a.capnp": "@0xa93fc509624c72d0; " + goFile + "using B = import \"../b/b.capnp\"; struct A { b @0 :B.B; }",
		"b/b.capnp": "@0xa93fc509624c72d1; " + goFile + "struct B {}",
		"c/c.capnp": "@0xa93fc509624c72d2; struct C {}",
	})
	t.Chdir(dir)
	for _, pattern := range []string{"a", filepath.Join(dir, "b")} {
		if _, err := gogen.Gen([]string{pattern}, nil); err != nil {
			t.Error(err)
		}
	}
	_, err := gogen.Gen([]string{"c"}, nil)
	if want := "c/c.capnp: nothing says which Go package it belongs to: there is no go.mod above its folder; "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}

// Copies of the standard files stay as they are; their code is in this module.
func TestGenKnowsTheStandardFiles(t *testing.T) {
	text, err := os.ReadFile("../schemas/capnp/rpc.capnp")
	if err != nil {
		t.Fatal(err)
	}
	for mod, want := range map[string][]string{
		"example.org/m": nil,
		"lanyard.dev":   {"capnp/schemas/rpc/rpc.capnp.go"},
	} {
		t.Chdir(tree(t, map[string]string{
			"go.mod":                            "module " + mod + "\n",
			"capnp/schemas/capnp/rpc.capnp":     string(text),
			"capnp/schemas/rpc/doc.go":          "package rpc\n",
			"elsewhere/include/capnp/rpc.capnp": string(text),
		}))
		res, err := gogen.Gen([]string{"./..."}, nil)
		if err != nil || !slices.Equal(slash(res.Stale), want) {
			t.Errorf("%s: %v, %v, want %v", mod, res, err, want)
		}
	}
}

func slash(names []string) []string {
	for i := range names {
		names[i] = filepath.ToSlash(names[i])
	}
	return names
}

func TestGenReportsWhatIsWrong(t *testing.T) {
	dir := tree(t, map[string]string{
		"go.mod":      "module example.org/m\n",
		"a/a.capnp":   "@0xa93fc509624c72d0; struct A { b @0 :Missing; }",
		"b/b.capnp":   "@0xa93fc509624c72d1; struct B {} struct BBuilder {}",
		"c/c.capnp":   "@0xa93fc509624c72d2; struct C {}",
		"empty/x.txt": "",
	})
	t.Chdir(dir)
	res, err := gogen.Gen([]string{"./..."}, nil)
	if !errors.Is(err, gogen.ErrSchemas) || len(res.Diags) == 0 {
		t.Errorf("errors in a schema: %v, %v", res, err)
	}
	if _, err := gogen.Gen([]string{"./b"}, nil); err == nil || !strings.Contains(err.Error(), "b/b.capnp: BBuilder: its Go name BBuilder is taken by B") {
		t.Errorf("collision: %v", err)
	}
	if _, err := os.Stat("c/c.capnp.go"); err == nil {
		t.Error("files were written beside errors")
	}
	for _, pattern := range []string{"./empty", "nowhere", "nowhere/...", "c/missing.capnp"} {
		if _, err := gogen.Gen([]string{pattern}, nil); err == nil {
			t.Errorf("no error for %s", pattern)
		}
	}
}

// The plugin makes of a request of the C++ compiler what Gen makes with our own, except for the schema that the
// code carries, where the two differ in ways that do not matter.
func TestPluginOfTheCompilerInC(t *testing.T) {
	tool, err := exec.LookPath("capnp")
	if err != nil {
		if os.Getenv("LANYARD_INTEROP") == "require" {
			t.Fatal("the capnp tool is required but not installed")
		}
		t.Skip("the capnp tool is not installed")
	}
	cmd := exec.Command(tool, "compile", "-I../../../schemas", "-o-", "all/all.capnp", "all/more.capnp", "shape/shape.capnp")
	cmd.Dir = "internal/gentest"
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"go.mod": "module lanyard.dev/capnp/gogen/internal/gentest\n"})
	if err := gogen.Plugin(strings.NewReader(string(out)), dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"all/all.capnp.go", "all/more.capnp.go", "shape/shape.capnp.go"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("internal/gentest", name))
		if err != nil {
			t.Fatal(err)
		}
		g, w := code(string(got)), code(string(want))
		for i := range max(len(g), len(w)) {
			if i >= len(g) || i >= len(w) || g[i] != w[i] {
				t.Errorf("%s:%d: %q, want %q", name, i+1, at(g, i), at(w, i))
				break
			}
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// code returns the lines before the embedded schema.
func code(src string) []string {
	src, _, _ = strings.Cut(src, "Schema returns the compiled schema of")
	return strings.Split(src, "\n")
}
