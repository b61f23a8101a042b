package gogen_test

import (
	"bytes"
	"os"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/gogen"
	"lanyard.dev/capnp/schema"
)

// FuzzGenerate: whatever the request, there is code that parses or there are problems.
func FuzzGenerate(f *testing.F) {
	for _, names := range [][]string{
		{"internal/gentest/shape/shape.capnp"},
		{"internal/gentest/clash/user/x.capnp"},
	} {
		res, err := compiler.Compile(names, nil)
		if err != nil || !res.OK() {
			f.Fatal(err, res.Diags)
		}
		f.Add(frame.Marshal(res.Message))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := frame.NewReader(bytes.NewReader(b), nil).Read()
		if err != nil {
			return
		}
		m = capnp.OpenMessage(m.Segments(), &capnp.Limits{TraversalWords: int64(len(b) / 8)})
		if m.Verify() != nil {
			return
		}
		files, err := gogen.Generate(capnp.Root[schema.CodeGeneratorRequest](m), &gogen.Options{
			Folder: func(string) (gogen.Package, error) { return gogen.Package{Path: "example.org/p", Name: "p"}, nil },
		})
		if err != nil {
			if _, ok := err.(gogen.Problems); !ok {
				t.Fatal(err)
			}
			return
		}
		for _, file := range files {
			if _, err := parse(file.Source); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestPluginRefusesGarbage(t *testing.T) {
	for _, in := range []string{"", "x", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if err := gogen.Plugin(bytes.NewReader([]byte(in)), t.TempDir(), nil); err == nil {
			t.Errorf("no error for %q", in)
		}
	}
}

func TestWriteStaysInItsFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"../x.go", "/x.go", "a/../../x.go"} {
		if err := gogen.Write([]gogen.File{{Name: name}}, dir); err == nil {
			t.Errorf("no error for %q", name)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("folder has %v, %v", entries, err)
	}
}
