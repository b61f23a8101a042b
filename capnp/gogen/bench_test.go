package gogen_test

import (
	"testing"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/gogen"
)

func BenchmarkGenerate(b *testing.B) {
	res, err := compiler.Compile([]string{"internal/gentest/all/all.capnp"}, nil)
	if err != nil || !res.OK() {
		b.Fatal(err, res.Diags)
	}
	opt := &gogen.Options{Folder: func(string) (gogen.Package, error) { return gogen.Package{Path: "example.org/p", Name: "p"}, nil }}
	for b.Loop() {
		if _, err := gogen.Generate(res.Request, opt); err != nil {
			b.Fatal(err)
		}
	}
}
