package archtest

import (
	"slices"
	"strings"
)

// rings is the order of the packages, bottom first. A package may import what
// stands above it in this table, never what stands below. An entry covers its
// subfolders unless a longer entry names them. Packages in one entry may
// import each other.
//
// A folder that is not listed is refused: a new package gets its place here in
// the commit that makes it.
var rings = []string{
	"internal/wire", // words, pointers, bounds
	"internal/flow", // the window of a stream
	"internal/archtest",
	"internal/private", // files that only their owner may read
	"capnp",            // the data and the handle
	"capnp/packed",     // the two codecs over bytes
	"capnp/frame",
	"capnp/schema",  // the schema model
	"capnp/schemas", // the standard files, and the packages generated from them
	"internal/zoo",  // a schema for tests
	"capnp/dynamic", // values driven by a schema
	"internal/fill", // random values for tests
	"capnp/native",  // Go structs to messages
	"capnp/text",    // the text form
	"capnp/capjson", // the JSON form
	"capnp/compiler/source",
	"capnp/compiler/diag",
	"capnp/compiler/token",
	"capnp/compiler/ast",
	"capnp/compiler/parser",
	"capnp/compiler/typeid", // how ids are derived
	"capnp/compiler/ir",     // what resolve leaves for layout and lower
	"capnp/compiler/resolve",
	"capnp/compiler/layout",
	"capnp/compiler/lower",
	"capnp/compiler/format",
	"capnp/compiler",
	"capnp/gogen",
	"rpc/internal", // the engine and its parts
	"rpc",
	"rpc/websocket",
	"rpc/rpctest",
	"reflection", // schemas over a capability; needs no connection
	"ocap",
	"vat",
	"store",
	"grant", // capabilities that a ledger keeps
	"service",
	"web",
	"internal/conform",       // attacks on servers
	"internal/inexpressible", // a test over all services
	"internal/cli",
	"cmd",
	"examples",
	"interop",
}

// ringOf finds the place of a folder: the longest entry that covers it.
func ringOf(dir string) (place int, ok bool) {
	best := -1
	for i, ring := range rings {
		if within(dir, ring) && (best < 0 || len(ring) > len(rings[best])) {
			best = i
		}
	}
	return best, best >= 0
}

// within reports whether dir is ring or lies below it.
func within(dir, ring string) bool {
	rest, ok := strings.CutPrefix(dir, ring)
	return ok && (rest == "" || rest[0] == '/')
}

// A ban forbids what the order alone would allow.
type ban struct {
	from string // importing folder, with its subfolders
	path string // import path with its subpaths; "./x" is a folder of this module
	why  string
}

var bans = []ban{
	{"ocap", "./rpc", "a pattern works on any client, local or remote"},
	{"ocap", "./internal", "ocap needs the public API only"},
	{"rpc/internal/engine", "net", "the engine knows no sockets"},
	{"rpc/internal/engine", "os", "the engine knows no files"},
	{"rpc/internal/engine", "time", "the engine knows no clock"},
	{"capnp/compiler/layout", "os", "layout is a pure function"},
	{"capnp/gogen", "text/template", "generation is a printer, not templates"},
	{"service", "./internal", "services prove that the public API is enough"},
	{"service", "./rpc/internal", "services prove that the public API is enough"},
	{"web", "./internal", "the page proves that the public API is enough"},
	{"internal/cli", "./internal/wire", "the program proves that the public API is enough"},
	{"internal/cli", "./rpc/internal", "the program proves that the public API is enough"},
	{"cmd", "./internal/wire", "the program proves that the public API is enough"},
	{"cmd", "./rpc/internal", "the program proves that the public API is enough"},
	{"examples", "./internal", "users cannot import it either"},
	{"interop", "./internal", "peers see the public API only"},
}

// core lists the folders whose code depends on the standard library and
// golang.org/x/sys alone.
var core = []string{"internal/wire", "capnp", "rpc", "ocap", "store"}

// adapters lie below the core, but connect it to libraries: who does not import them has none of
// these.
var adapters = []string{
	"rpc/websocket",   // github.com/coder/websocket
	"store/internal",  // goose, rapid
	"store/postgres",  // github.com/jackc/pgx
	"store/sqlite",    // modernc.org/sqlite
	"store/storetest", // pgregory.net/rapid
}

// testModules are what tests of the core may import besides.
var testModules = []string{
	"github.com/google/go-cmp",
	"go.uber.org/goleak",
	"pgregory.net/rapid",
}

func inCore(dir string) bool {
	if slices.ContainsFunc(adapters, func(a string) bool { return within(dir, a) }) {
		return false
	}
	for _, c := range core {
		if within(dir, c) {
			return true
		}
	}
	return false
}

// isStd reports whether an import path belongs to the standard library: its
// first element has no dot.
func isStd(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
