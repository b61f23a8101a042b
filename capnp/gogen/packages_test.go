package gogen_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/gogen"
)

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolders(t *testing.T) {
	dir := tree(t, map[string]string{
		"go.mod":                "// a comment\nmodule example.org/m // another\n\ngo 1.26\n",
		"x.capnp":               "",
		"plain/x.capnp":         "",
		"go-things.v2/x.capnp":  "",
		"9lives/x.capnp":        "",
		"type/x.capnp":          "",
		"api/v2/x.capnp":        "",
		"named/a.go":            "// Package other is.\npackage other\n",
		"named/a_test.go":       "package other_test\n",
		"named/gen.go":          "//go:build ignore\n\npackage main\n",
		"broken/a.go":           "pack age",
		"two/a.go":              "package a\n",
		"two/b.go":              "package b\n",
		"vendor/q.org/x/go.mod": "module \"q.org/x\"\n",
		"vendor/none/go.mod":    "go 1.26\n",
	})
	find := gogen.Folders(dir)
	tests := []struct {
		name, path, pkg, err string
	}{
		{"x.capnp", "example.org/m", "m", ""},
		{"plain/x.capnp", "example.org/m/plain", "plain", ""},
		{"go-things.v2/x.capnp", "example.org/m/go-things.v2", "gothings", ""},
		{"9lives/x.capnp", "example.org/m/9lives", "x9lives", ""},
		{"type/x.capnp", "example.org/m/type", "xtype", ""},
		{"api/v2/x.capnp", "example.org/m/api/v2", "api", ""},
		{"named/x.capnp", "example.org/m/named", "other", ""},
		{"broken/x.capnp", "example.org/m/broken", "broken", ""},
		{"new/folder/x.capnp", "example.org/m/new/folder", "folder", ""},
		{"two/x.capnp", "", "", "a.go is of a, b.go of b"},
		{"vendor/q.org/x/y/x.capnp", "q.org/x/y", "y", ""},
		{"vendor/none/x.capnp", "", "", "names no module"},
		{"../x.capnp", "", "", "no go.mod above its folder"},
	}
	for _, test := range tests {
		p, err := find(test.name)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), dir) {
				t.Errorf("%s: error is %v, want %q", test.name, err, test.err)
			}
			continue
		}
		if want := (gogen.Package{Path: test.path, Name: test.pkg}); err != nil || p != want {
			t.Errorf("%s: %v, %v, want %v", test.name, p, err, want)
		}
	}
}

// Sources of the package, most telling first: annotations, options, the folder.
func TestPackageSources(t *testing.T) {
	folder := func(string) (gogen.Package, error) { return gogen.Package{Path: "f.org/folder", Name: "fold"}, nil }
	const imp = "using Go = import \"/go.capnp\";\n"
	tests := []struct {
		text string
		opt  gogen.Options
		want gogen.Package
	}{
		{"", gogen.Options{Folder: folder}, gogen.Package{Path: "f.org/folder", Name: "fold"}},
		{"", gogen.Options{Folder: folder, Packages: map[string]string{"x.capnp": "o.org/opt"}}, gogen.Package{Path: "o.org/opt", Name: "opt"}},
		{"", gogen.Options{Packages: map[string]string{"x.capnp": "o.org/opt-ion/v3"}}, gogen.Package{Path: "o.org/opt-ion/v3", Name: "option"}},
		{"", gogen.Options{Packages: map[string]string{"@0x9eb32e19f86ee174": "o.org/opt;named"}}, gogen.Package{Path: "o.org/opt", Name: "named"}},
		{"", gogen.Options{Packages: map[string]string{"0x9eb32e19f86ee174": "o.org/opt"}}, gogen.Package{Path: "o.org/opt", Name: "opt"}},
		{imp + "$Go.package(\"a\"); $Go.import(\"a.org/ann\");\n", gogen.Options{Folder: folder, Packages: map[string]string{"x.capnp": "o.org/opt"}}, gogen.Package{Path: "a.org/ann", Name: "a"}},
		{imp + "$Go.package(\"a\");\n", gogen.Options{Folder: folder}, gogen.Package{Path: "f.org/folder", Name: "a"}},
		{imp + "$Go.import(\"a.org/ann\");\n", gogen.Options{Folder: folder}, gogen.Package{Path: "a.org/ann", Name: "ann"}},
		{imp + "$Go.package(\"a\");\n", gogen.Options{}, gogen.Package{Name: "a"}},
	}
	for _, test := range tests {
		req := compile(t, map[string]string{"x.capnp": "@0x9eb32e19f86ee174;\n" + test.text}, "x.capnp")
		files, err := gogen.Generate(req, &test.opt)
		if err != nil || files[0].Package != test.want {
			t.Errorf("%q: %v, %v, want %v", test.text, files, err, test.want)
			continue
		}
		if want := "\npackage " + test.want.Name + "\n"; !strings.Contains(string(files[0].Source), want) {
			t.Errorf("%q: code lacks %q", test.text, want)
		}
	}
}

func TestImports(t *testing.T) {
	files := map[string]string{
		"a/a.capnp": `@0xa93fc509624c72d0;
			using B = import "../b/b.capnp";
			using Json = import "/capnp/compat/json.capnp";
			using Rpc = import "/capnp/rpc.capnp";
			using Other = import "other.capnp";
			struct A { b @0 :B.B $Json.name("x"); r @1 :Rpc.Call; o @2 :Other.O; f @3 :Float64; }`,
		"a/other.capnp": `@0xa93fc509624c72d1; using A = import "a.capnp"; struct O { a @0 :A.A; }`,
		"b/b.capnp":     `@0xa93fc509624c72d2; struct B {}`,
	}
	opt := &gogen.Options{Packages: map[string]string{
		"a/a.capnp": "x.org/math", "a/other.capnp": "x.org/math", "b/b.capnp": "y.org/capnp",
	}}
	for _, requested := range [][]string{{"a/a.capnp"}, {"a/other.capnp", "a/a.capnp"}} {
		out, err := gogen.Generate(compile(t, files, requested...), opt)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(out, func(f gogen.File) bool { return f.Name == "a/a.capnp.go" })
		src := string(out[i].Source)
		checkSource(t, out[i].Source)
		for _, want := range []string{
			"import (\n\t\"math\"\n\n\t\"lanyard.dev/capnp\"\n\t\"lanyard.dev/capnp/schemas/rpc\"\n\tcapnp2 \"y.org/capnp\"\n)\n",
			"func (s A) B() capnp2.B ",
			"func (s A) R() rpc.Call ",
			"func (s A) O() O ",
			"[]func() capnp.SchemaFile{capnp2.BSchema, rpc.RpcSchema, OtherSchema},",
		} {
			if !strings.Contains(src, want) {
				t.Errorf("code for %v lacks %q:\n%s", requested, want, src)
			}
		}
		if strings.Contains(src, "schemas/json") {
			t.Error("code imports a package for an annotation")
		}
	}
}

func TestImportsOfPackagesWithoutPath(t *testing.T) {
	files := map[string]string{
		"a.capnp": `@0xa93fc509624c72d0; using B = import "b.capnp"; using Go = import "/go.capnp"; $Go.package("a"); struct A { b @0 :B.B; }`,
		"b.capnp": `@0xa93fc509624c72d2; using Go = import "/go.capnp"; $Go.package("b"); struct B {}`,
	}
	_, err := gogen.Generate(compile(t, files, "a.capnp"), nil)
	if want := "b.capnp: nothing says from where to import its Go package, which a.capnp needs"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
	_, err = gogen.Generate(compile(t, files, "b.capnp"), nil)
	if err != nil {
		t.Error(err)
	}
}

func TestPackagesThatImportEachOther(t *testing.T) {
	files := map[string]string{
		"a/a.capnp": `@0xa93fc509624c72d0; using B = import "../b/b.capnp"; struct A { b @0 :B.B; }`,
		"b/b.capnp": `@0xa93fc509624c72d1; using C = import "../c/c.capnp"; struct B { c @0 :List(C.C); }`,
		"c/c.capnp": `@0xa93fc509624c72d2; using A = import "../a/a.capnp"; struct C {} interface I { m @0 A.A -> (); }`,
	}
	opt := &gogen.Options{Packages: map[string]string{"a/a.capnp": "x.org/a", "b/b.capnp": "x.org/b", "c/c.capnp": "x.org/c"}}
	_, err := gogen.Generate(compile(t, files, "a/a.capnp", "b/b.capnp", "c/c.capnp"), opt)
	if want := "Go packages would import each other: x.org/a -> x.org/b -> x.org/c -> x.org/a"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
	opt.Packages = map[string]string{"a/a.capnp": "x.org/a", "b/b.capnp": "x.org/a", "c/c.capnp": "x.org/a"}
	if _, err := gogen.Generate(compile(t, files, "a/a.capnp", "b/b.capnp", "c/c.capnp"), opt); err != nil {
		t.Errorf("in one package: %v", err)
	}
}

func TestFolderIsOnePackage(t *testing.T) {
	files := map[string]string{
		"d/a.capnp": `@0xa93fc509624c72d0; struct A {}`,
		"d/b.capnp": `@0xa93fc509624c72d1; struct B {}`,
	}
	opt := &gogen.Options{Packages: map[string]string{"d/a.capnp": "x.org/a", "d/b.capnp": "x.org/b"}}
	_, err := gogen.Generate(compile(t, files, "d/a.capnp", "d/b.capnp"), opt)
	if want := "a folder is one package"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}
