package compiler_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
)

// write makes files below the current folder.
func write(t *testing.T, files map[string]string) {
	t.Helper()
	n := 0
	for name, text := range files {
		if strings.HasSuffix(name, ".capnp") {
			n++
			text = fmt.Sprintf("@0x%x;\n%s", uint64(0xc2a1c3d4e5f60000)+uint64(len(name))*256+uint64(n), text)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// names are the display names of the file nodes, requested files first.
func names(t *testing.T, opt *compiler.Options, files ...string) []string {
	t.Helper()
	res, err := compiler.Compile(files, opt)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var all []string
	for _, d := range res.Diags {
		all = append(all, d.String())
	}
	if !res.OK() {
		return all
	}
	for _, f := range res.Request.RequestedFiles().All() {
		all = append(all, f.Filename())
	}
	for _, n := range res.Request.Nodes().All() {
		if n.ScopeId() == 0 && n.Which() == 0 && n.Id() != res.Request.RequestedFiles().At(0).Id() {
			all = append(all, "needs "+n.DisplayName())
		}
	}
	return all
}

func TestFilesAreNamedFromTheirRoot(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, map[string]string{
		"src/app/main.capnp":   "struct A { b @0 :import \"util/b.capnp\".B; c @1 :import \"/lib/c.capnp\".C; }",
		"src/app/util/b.capnp": "struct B { c @0 :import \"../../lib/d.capnp\".D; }",
		"src/lib/d.capnp":      "struct D {}",
		"include/lib/c.capnp":  "struct C { e @0 :import \"e.capnp\".E; }",
		"include/lib/e.capnp":  "struct E {}",
	})
	include := []string{"include"}
	for _, tt := range []struct {
		name string
		opt  compiler.Options
		file string
		want []string
	}{
		{
			"working directory", compiler.Options{ImportPaths: include}, "src/app/main.capnp",
			[]string{"src/app/main.capnp", "needs src/app/util/b.capnp", "needs lib/c.capnp", "needs src/lib/d.capnp", "needs lib/e.capnp"},
		},
		{
			"prefix", compiler.Options{ImportPaths: include, SrcPrefixes: []string{"src"}}, "./src/../src/app/main.capnp",
			[]string{"app/main.capnp", "needs app/util/b.capnp", "needs lib/c.capnp", "needs lib/d.capnp", "needs lib/e.capnp"},
		},
		{
			"the longest prefix, which keeps imports inside", compiler.Options{ImportPaths: include, SrcPrefixes: []string{"src", "src/app"}}, "src/app/main.capnp",
			[]string{"src/app/util/b.capnp:2:25-44: error: Import failed: ../../lib/d.capnp"},
		},
		{
			"absolute", compiler.Options{ImportPaths: []string{filepath.Join(dir, "include")}, SrcPrefixes: []string{filepath.Join(dir, "src")}},
			filepath.Join(dir, "src/app/main.capnp"),
			[]string{"app/main.capnp", "needs app/util/b.capnp", "needs lib/c.capnp", "needs lib/d.capnp", "needs lib/e.capnp"},
		},
		{
			"a file system", compiler.Options{Files: os.DirFS(dir), ImportFS: nil, ImportPaths: include, SrcPrefixes: []string{"src"}}, "src/app/main.capnp",
			[]string{"app/main.capnp", "needs app/util/b.capnp", "needs lib/c.capnp", "needs lib/d.capnp", "needs lib/e.capnp"},
		},
		{"no such file", compiler.Options{}, "none.capnp", []string{"error: compile none.capnp: no such file or directory"}},
		{"a folder", compiler.Options{}, "src", []string{"error: compile src: not a regular file"}},
		{"no such import path", compiler.Options{ImportPaths: []string{"none"}}, "src/app/main.capnp", []string{"error: import path none: no such file or directory"}},
		{"no such prefix", compiler.Options{SrcPrefixes: []string{"none"}}, "src/app/main.capnp", []string{"error: source prefix none: no such file or directory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := names(t, &tt.opt, tt.file)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStandardFilesNeedNothingInstalled(t *testing.T) {
	text := "using Cxx = import \"/capnp/c++.capnp\"; $Cxx.namespace(\"x\"); interface I { m @0 () -> stream; }\n" +
		"using Json = import \"/capnp/compat/json.capnp\"; struct S { x @0 :Text $Json.name(\"y\"); }"
	wantCodes(t, compileText(t, text))
	res := compile(t, map[string]string{"main.capnp": text}, &compiler.Options{NoStandardImport: true})
	wantCodes(t, res, diag.ImportFailed, diag.NotDefined, diag.StreamFile)
}

func TestImportPathsComeBeforeStandardFiles(t *testing.T) {
	own := fstest.MapFS{"capnp/c++.capnp": {Data: []byte("@0xbdf87d7bb8304e82;\nannotation mine(*) :Void;")}}
	res := compile(t, map[string]string{"main.capnp": "$import \"/capnp/c++.capnp\".mine;"}, nil)
	wantCodes(t, res, diag.NoMember)
	opt := &compiler.Options{}
	opt.ImportFS = append(opt.ImportFS, own)
	wantCodes(t, compile(t, map[string]string{"main.capnp": "$import \"/capnp/c++.capnp\".mine;"}, opt))
}

func TestImportsStayInside(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, map[string]string{
		"outside/secret.capnp": "struct Secret {}",
		"outside/secret.txt":   "secret",
		"in/fine.capnp":        "struct Fine {}",
		"tree/empty":           "",
	})
	for link, to := range map[string]string{
		"tree/out.capnp": "../outside/secret.capnp",
		"tree/dir":       "../outside",
		"tree/in.capnp":  "inner.capnp",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
	}
	write(t, map[string]string{"tree/inner.capnp": "struct Inner {}"})
	for expr, ok := range map[string]bool{
		`import "inner.capnp".Inner`:                   true,
		`import "./inner.capnp".Inner`:                 true,
		`import "in.capnp".Inner`:                      true, // a link inside the tree
		`import "out.capnp".Secret`:                    false,
		`import "dir/secret.capnp".Secret`:             false,
		`import "../outside/secret.capnp".Secret`:      false,
		`import "x/../../outside/secret.capnp".Secret`: false,
		`import "/../outside/secret.capnp".Secret`:     false,
		`import "/inner.capnp".Inner`:                  true,
		`import "//inner.capnp".Inner`:                 false,
		`import "dir".Secret`:                          false,
		`import "".Secret`:                             false,
	} {
		write(t, map[string]string{"tree/main.capnp": "struct A { x @0 :" + expr + "; }"})
		res, err := compiler.Compile([]string{"tree/main.capnp"}, &compiler.Options{SrcPrefixes: []string{"tree"}, ImportPaths: []string{"tree"}})
		if err != nil {
			t.Fatal(err)
		}
		if res.OK() != ok {
			t.Errorf("%s: compiles is %t, want %t: %v", expr, res.OK(), ok, res.Diags)
		}
	}
	for expr, ok := range map[string]bool{
		`embed "empty"`: true, `embed "/empty"`: true,
		`embed "../outside/secret.txt"`: false, `embed "dir/secret.txt"`: false, `embed "dir"`: false, `embed "/../outside/secret.txt"`: false,
	} {
		write(t, map[string]string{"tree/main.capnp": "const a :Text = " + expr + ";"})
		res, err := compiler.Compile([]string{"tree/main.capnp"}, &compiler.Options{SrcPrefixes: []string{"tree"}, ImportPaths: []string{"tree"}})
		if err != nil {
			t.Fatal(err)
		}
		if res.OK() != ok {
			t.Errorf("%s: compiles is %t, want %t: %v", expr, res.OK(), ok, res.Diags)
		}
	}
}

// TestRequestedFileMayBeALink: the user named it. What it imports is looked for
// beside the link.
func TestRequestedFileMayBeALink(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, map[string]string{"elsewhere/real.capnp": "struct A { b @0 :import \"b.capnp\".B; }", "here/b.capnp": "struct B {}"})
	if err := os.Symlink("../elsewhere/real.capnp", "here/link.capnp"); err != nil {
		t.Skip(err)
	}
	want := []string{"link.capnp", "needs b.capnp"}
	if got := names(t, &compiler.Options{SrcPrefixes: []string{"here"}}, "here/link.capnp"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSameFileTwice(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, map[string]string{"a/b/x.capnp": "struct X {}"})
	write(t, map[string]string{"main.capnp": "struct A { x @0 :import \"/b/x.capnp\".X; y @1 :import \"/x.capnp\".X; }"})
	res, err := compiler.Compile([]string{"main.capnp"}, &compiler.Options{ImportPaths: []string{"a", "a/b"}})
	if err != nil {
		t.Fatal(err)
	}
	if !res.OK() || len(res.Diags) != 1 || res.Diags[0].Code != diag.SameFile || res.Diags[0].Severity != diag.Warning {
		t.Errorf("OK is %t, findings %v; want one warning", res.OK(), res.Diags)
	}
}

// TestOneFileInTwoTrees: a file system can serve both kinds of import.
func TestOneFileInTwoTrees(t *testing.T) {
	fsys := fstest.MapFS{
		"main.capnp": {Data: []byte(fileID + "struct A { x @0 :import \"x.capnp\".X; y @1 :import \"/x.capnp\".X; }")},
		"x.capnp":    {Data: []byte("@0xb2a1c3d4e5f60719;\nstruct X {}")},
	}
	res, err := compiler.Compile([]string{"main.capnp"}, &compiler.Options{Files: fsys, ImportFS: []fs.FS{fsys}})
	if err != nil {
		t.Fatal(err)
	}
	wantCodes(t, res)
}

func TestRequestingAFileTwice(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, map[string]string{"main.capnp": "struct A {}"})
	res, err := compiler.Compile([]string{"main.capnp", "./main.capnp"}, nil)
	if err != nil || !res.OK() || res.Request.RequestedFiles().Len() != 1 {
		t.Errorf("err %v, diags %v, want one requested file", err, res.Diags)
	}
}

// TestImportsAreLazy: a file that only an unused alias of an imported file
// mentions is not looked for.
func TestImportsAreLazy(t *testing.T) {
	files := map[string]string{
		"main.capnp": "struct A { b @0 :import \"b.capnp\".B; }",
		"b.capnp":    "using Gone = import \"gone.capnp\"; struct B {} struct C { g @0 :Gone.G; }",
	}
	wantCodes(t, compile(t, files, nil))
	files["main.capnp"] = "using import \"gone.capnp\".Gone; struct A {}"
	wantCodes(t, compile(t, files, nil), diag.ImportFailed)
}

func TestFilesWithoutID(t *testing.T) {
	fsys := fstest.MapFS{"a.capnp": {Data: []byte("struct A {}")}}
	res, err := compiler.Compile([]string{"a.capnp"}, &compiler.Options{Files: fsys, NewID: func() uint64 { return 0x8000000000000001 }})
	if err != nil || len(res.Diags) != 1 || !strings.Contains(res.Diags[0].Message, "@0x8000000000000001;") {
		t.Errorf("err %v, diags %v", err, res.Diags)
	}
	var ids []uint64
	for range 2 {
		res, err = compiler.Compile([]string{"a.capnp"}, &compiler.Options{Files: fsys, IDOptional: true})
		if err != nil || !res.OK() {
			t.Fatal(err, res.Diags)
		}
		ids = append(ids, res.Request.RequestedFiles().At(0).Id())
	}
	if ids[0] != ids[1] || ids[0]>>63 == 0 {
		t.Errorf("ids %x, want the same valid one", ids)
	}
}
