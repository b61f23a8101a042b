package compiler_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
)

// FuzzCompile compiles two schemas that can import each other and embed a
// file: it ends, and gives either errors or a sound request.
func FuzzCompile(f *testing.F) {
	for _, dir := range []string{"testdata/corpus", "testdata/errors"} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".capnp") {
				return err
			}
			text, err := os.ReadFile(filepath.Join(dir, name))
			f.Add(string(text), fileID+"struct Foo(T) { x @0 :T; }", "\x00\x00\x00\x00\x00\x00\x00\x00")
			return err
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	limits := compiler.Limits{SourceBytes: 1 << 16, Nodes: 2000, Brand: 200, ValueWords: 1 << 14}
	f.Fuzz(func(t *testing.T, a, b, file string) {
		fsys := fstest.MapFS{
			"a.capnp": {Data: []byte(a)},
			"b.capnp": {Data: []byte(b)},
			"c.bin":   {Data: []byte(file)},
		}
		res, err := compiler.Compile([]string{"a.capnp"}, &compiler.Options{
			Files: fsys, ImportFS: []fs.FS{fsys}, IDOptional: true, Limits: limits,
		})
		if err != nil {
			if len(a) <= limits.SourceBytes {
				t.Fatal(err)
			}
			return
		}
		if !res.OK() {
			if len(res.Diags) == 0 {
				t.Fatal("no request and no findings")
			}
			return
		}
		dump(res.Request, true)
		// Our own message is sound; so is the same one from outside.
		m := capnp.OpenMessage(res.Message.Segments(), &capnp.Limits{TraversalWords: 1 << 30, Depth: 255})
		if err := m.Verify(); err != nil {
			t.Fatal(err)
		}
	})
}
