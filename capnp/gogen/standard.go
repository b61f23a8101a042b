package gogen

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
)

// module is where the packages live that generated code uses.
const module = "lanyard.dev"

// standardFile is one of the files in capnp/schemas.
type standardFile struct {
	id   uint64
	name string // for imports, without the first slash
	dir  string // of the package made from it, in the module; empty if there is none
}

var standardFiles = [...]standardFile{
	{0xa93fc509624c72d9, "capnp/schema.capnp", "capnp/schema"},
	{0xb312981b2552a250, "capnp/rpc.capnp", "capnp/schemas/rpc"},
	{0xa184c7885cdaf2a1, "capnp/rpc-twoparty.capnp", "capnp/schemas/twoparty"},
	{0xb8630836983feed7, "capnp/persistent.capnp", "capnp/schemas/persistent"},
	{0x8f5d14e1c273738d, "capnp/compat/byte-stream.capnp", "capnp/schemas/bytestream"},
	{0xb665280aaff2e632, "capnp/compat/http-over-capnp.capnp", "capnp/schemas/httpovercapnp"},
	{0x8ef99297a43a5e34, "capnp/compat/json.capnp", "capnp/schemas/json"},
	{0x86c366a91393f3f8, "capnp/stream.capnp", ""},
	{0xbdf87d7bb8304e81, "capnp/c++.capnp", ""},
	{0xd12a1c51fedd6c88, "go.capnp", ""},
	{0x827586b634205458, "lanyard.capnp", "capnp/schemas/lanyard"},
}

func standard(id uint64) (f standardFile, ok bool) {
	for _, f := range standardFiles {
		if f.id == id {
			return f, true
		}
	}
	return standardFile{}, false
}

// standardPackage returns the package made from a standard file. Annotations have no say in it.
func standardPackage(id uint64) (Package, bool) {
	f, _ := standard(id)
	if f.dir == "" {
		return Package{}, false
	}
	return Package{module + "/" + f.dir, path.Base(f.dir)}, true
}

// standardAt reports which standard file the file of a name is, or a copy of, and the folder that its import name
// begins in.
func standardAt(name string) (f standardFile, root string, ok bool) {
	text, err := os.ReadFile(name)
	if err != nil {
		return f, "", false
	}
	tree := parser.Parse(source.New(name, string(text)), &diag.List{Max: 1}, nil)
	if f, ok = standard(tree.ID.Value); !ok {
		return f, "", false
	}
	slashed := filepath.ToSlash(name)
	if root, ok := strings.CutSuffix("/"+slashed, "/"+f.name); ok {
		return f, filepath.Clean(filepath.FromSlash(strings.TrimPrefix(root, "/"))), true
	}
	return f, filepath.Dir(name), true
}
