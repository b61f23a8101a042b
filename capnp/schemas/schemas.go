// Package schemas holds the standard .capnp files, so that schemas can import them with nothing installed.
//
// It is for compilers and tools. Programs that want the types use the packages generated from these
// files: capnp/schema, and rpc, twoparty, persistent and so on beside this one.
package schemas

//go:generate go run lanyard.dev/cmd/lanyard schema gen ./...

import (
	"embed"
	"io/fs"
)

//go:embed capnp/*.capnp capnp/compat/*.capnp go.capnp lanyard.capnp
var files embed.FS

// FS returns the standard files. Their names are import names without the first slash: an import of
// "/capnp/c++.capnp" is the file "capnp/c++.capnp".
func FS() fs.FS { return files }
