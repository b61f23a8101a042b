package schemas_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/schemas"
)

// The names are what `import` finds, so they are part of the language as people use it.
func TestFSHasTheStandardFiles(t *testing.T) {
	var got []string
	err := fs.WalkDir(schemas.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"capnp/c++.capnp",
		"capnp/compat/byte-stream.capnp",
		"capnp/compat/http-over-capnp.capnp",
		"capnp/compat/json.capnp",
		"capnp/persistent.capnp",
		"capnp/rpc-twoparty.capnp",
		"capnp/rpc.capnp",
		"capnp/schema.capnp",
		"capnp/stream.capnp",
		"go.capnp",
		"lanyard.capnp",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range got {
		text, err := fs.ReadFile(schemas.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "@0x") {
			t.Errorf("%s does not start with its id", name)
		}
	}
}
