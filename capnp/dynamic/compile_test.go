package dynamic_test

import (
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/schema"
)

// compile makes a registry of a schema.
func compile(t testing.TB, text string) *schema.Registry {
	t.Helper()
	files := fstest.MapFS{"x.capnp": {Data: []byte("@0x9eb32e19f86ee174;\n" + text)}}
	res, err := compiler.Compile([]string{"x.capnp"}, &compiler.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Diags {
		t.Fatalf("%s: %s", d.File.Name(), d.Message)
	}
	return schema.NewRegistry(res.Request)
}
