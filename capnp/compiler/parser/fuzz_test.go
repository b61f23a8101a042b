package parser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
)

// FuzzParse parses anything: it does not panic, the tree keeps its promises, and whatever is
// missing from it was reported.
func FuzzParse(f *testing.F) {
	for _, text := range corpusFiles(f) {
		f.Add(text)
	}
	paths, err := filepath.Glob("testdata/errors/*.capnp")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for statement := range strings.SplitAfterSeq(string(text), "\n") {
			f.Add(statement)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var diags diag.List
		opt := &parser.Options{IDOptional: true, Limits: parser.Limits{Nesting: 20, Nodes: 10_000}}
		file := parser.Parse(source.New("f", text), &diags, opt)
		checkTree(t, file)
		for _, d := range diags.All() {
			if d.Span.Start > d.Span.End || int(d.Span.End) > len(text) || d.Code == "" || d.Message == "" {
				t.Errorf("bad diagnostic %+v", d)
			}
		}
		if diags.Errors() == 0 && strings.Contains(dump(file), "BAD") && !strings.Contains(text, "BAD") {
			t.Error("something failed and nothing was said")
		}
		var b strings.Builder
		if err := diag.Write(&b, diags.All(), nil); err != nil {
			t.Error(err)
		}
	})
}
