package parser_test

import (
	"os"
	"path/filepath"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/diag/diagtest"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
)

// TestErrors parses broken schemas; each error stands in a comment on its line.
func TestErrors(t *testing.T) {
	paths, err := filepath.Glob("testdata/errors/*.capnp")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file := source.New(filepath.Base(path), string(text))
			var diags diag.List
			parser.Parse(file, &diags, nil)
			diagtest.Check(t, file, diags.All())
		})
	}
}
