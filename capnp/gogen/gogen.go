// Package gogen turns compiled schemas into Go source.
//
// It is for build tools; programs use the code it writes, together with package capnp. [Generate] is a
// function from a request to files and knows no folders; [Plugin] is the process around it that a schema
// compiler starts, and [Gen] the command that people run.
package gogen

//go:generate go run lanyard.dev/cmd/lanyard schema gen ./internal/...

import (
	"fmt"
	"slices"

	"lanyard.dev/capnp/schema"
)

// Options steer [Generate]. Nil means the zero Options.
type Options struct {
	_ struct{}

	// Packages gives Go packages to schema files that do not say themselves ($Go.package, $Go.import).
	// Keys are file names as in the request, or ids written as in a schema ("@0x85150b117366d14b" or
	// without the @). Values are import paths, followed by ";name" if the package is not called like
	// the last element.
	Packages map[string]string

	// Folder finds the package of a schema file by where the file is; nil finds nothing. A file that no
	// source gives a package is a [Problem].
	Folder func(name string) (Package, error)
}

// A Package is where generated code goes.
type Package struct {
	Path string // what other packages import; empty if they cannot
	Name string // what its package clause says
}

// A File is one file of generated Go.
type File struct {
	Name    string // that of the schema file with ".go" appended
	Source  []byte
	Package Package
}

// Generate returns the Go code for the requested files of a request, one file each. The same request
// always gives the same code. The error is of type [Problems] unless this package is wrong.
func Generate(req schema.CodeGeneratorRequest, opt *Options) ([]File, error) {
	if opt == nil {
		opt = &Options{}
	}
	g := newGenerator(req, opt)
	g.resolvePackages()
	g.checkCycles()
	if len(g.problems) > 0 {
		return nil, g.problems
	}
	var files []File
	for _, f := range g.requested {
		src, err := g.printFile(f)
		if len(g.problems) > 0 {
			continue // keep collecting problems; what was printed is of no use
		}
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.name + ".go", src, f.pkg})
	}
	if len(g.problems) > 0 {
		return nil, g.problems
	}
	return files, nil
}

// generator is what is known of one request.
type generator struct {
	opt       *Options
	req       schema.CodeGeneratorRequest
	nodes     map[uint64]schema.Node
	info      map[uint64]schema.NodeSourceInfo
	files     map[uint64]*file
	requested []*file
	made      map[uint64]madeStruct // parameter and result structs that methods brought along
	owners    map[uint64]uint64     // node to file
	names     map[uint64]string     // node to Go name
	caps      map[uint64]bool       // structs that lead to capabilities, made on demand
	declared  map[string]origin     // package-level and member names taken so far
	taken     map[takenName]bool    // names of nodes, made on demand
	problems  Problems
}

// takenName is the Go name of a node in its package.
type takenName struct {
	pkg  Package
	name string
}

// file is a schema file, requested or imported.
type file struct {
	id        uint64
	name      string
	node      schema.Node
	requested bool
	pkg       Package
	std       bool // the package comes from the fixed table
}

// madeStruct says whose parameters or results a struct is that was declared in a method.
type madeStruct struct {
	iface  uint64
	method int
	suffix string // Params or Results
}

func newGenerator(req schema.CodeGeneratorRequest, opt *Options) *generator {
	g := &generator{
		opt:      opt,
		req:      req,
		nodes:    map[uint64]schema.Node{},
		info:     map[uint64]schema.NodeSourceInfo{},
		files:    map[uint64]*file{},
		made:     map[uint64]madeStruct{},
		owners:   map[uint64]uint64{},
		names:    map[uint64]string{},
		declared: map[string]origin{},
	}
	for _, n := range req.Nodes().All() {
		g.nodes[n.Id()] = n
		if n.Which() == schema.NodeWhichFile {
			g.files[n.Id()] = &file{id: n.Id(), name: n.DisplayName(), node: n}
		}
	}
	for _, n := range req.Nodes().All() {
		g.findMade(n)
	}
	for _, s := range req.SourceInfo().All() {
		g.info[s.Id()] = s
	}
	for _, r := range req.RequestedFiles().All() {
		f := g.files[r.Id()]
		if f == nil || f.requested {
			g.problem(origin{file: r.Filename()}, "", "the request has no node for this file, or names it twice")
			continue
		}
		f.name, f.requested = r.Filename(), true
		g.requested = append(g.requested, f)
	}
	return g
}

// findMade notes the structs that the methods of n brought along: they have no scope of their own.
func (g *generator) findMade(n schema.Node) {
	for i, m := range n.Interface().Methods().All() {
		if id := m.ParamStructType(); g.unscoped(id) {
			g.made[id] = madeStruct{n.Id(), i, "Params"}
		}
		if id := m.ResultStructType(); g.unscoped(id) {
			g.made[id] = madeStruct{n.Id(), i, "Results"}
		}
	}
}

func (g *generator) unscoped(id uint64) bool {
	n, ok := g.nodes[id]
	return ok && n.Which() == schema.NodeWhichStruct && n.ScopeId() == 0
}

// parent returns the node that n is declared in, for a parameter struct the interface; 0 for files.
func (g *generator) parent(n schema.Node) uint64 {
	if m, ok := g.made[n.Id()]; ok {
		return m.iface
	}
	return n.ScopeId()
}

// maxScopes bounds how deep declarations nest. Compilers allow far less.
const maxScopes = 256

// owner returns the id of the file that a node is declared in, 0 if the request does not say.
func (g *generator) owner(id uint64) uint64 {
	if f, ok := g.owners[id]; ok {
		return f
	}
	at := id
	for range maxScopes {
		n, ok := g.nodes[at]
		if !ok {
			break
		}
		if n.Which() == schema.NodeWhichFile {
			g.owners[id] = at
			return at
		}
		at = g.parent(n)
	}
	g.owners[id] = 0
	return 0
}

// fileOf returns the file that a node is declared in, or nil.
func (g *generator) fileOf(id uint64) *file { return g.files[g.owner(id)] }

// children returns the nodes declared in n, in the order of the source: nested declarations, groups, and
// the structs of methods.
func (g *generator) children(n schema.Node) []schema.Node {
	var out []schema.Node
	add := func(id uint64) {
		if c, ok := g.nodes[id]; ok && g.parent(c) == n.Id() && c.Id() != n.Id() {
			out = append(out, c)
		}
	}
	for _, f := range g.fields(n) {
		if f.Which() == schema.FieldWhichGroup {
			add(f.Group().TypeId())
		}
	}
	for _, m := range g.methods(n) {
		for _, id := range []uint64{m.ParamStructType(), m.ResultStructType()} {
			if made, ok := g.made[id]; ok && made.method == m.index {
				add(id)
			}
		}
	}
	for _, c := range n.NestedNodes().All() {
		add(c.Id())
	}
	return out
}

// field is a field with its place in the node's list, which is where its comment is, too.
type field struct {
	schema.Field
	index int
}

// fields returns the fields of a struct in the order of the source.
func (g *generator) fields(n schema.Node) []field {
	var out []field
	for i, f := range n.Struct().Fields().All() {
		out = append(out, field{f, i})
	}
	slices.SortStableFunc(out, func(a, b field) int { return int(a.CodeOrder()) - int(b.CodeOrder()) })
	return out
}

func (f field) inUnion() bool { return f.DiscriminantValue() != schema.FieldNoDiscriminantConst }

// method is a method with its ordinal.
type method struct {
	schema.Method
	index int
	iface uint64
}

// methods returns the methods an interface declares, in the order of the source.
func (g *generator) methods(n schema.Node) []method {
	var out []method
	for i, m := range n.Interface().Methods().All() {
		out = append(out, method{m, i, n.Id()})
	}
	slices.SortStableFunc(out, func(a, b method) int { return int(a.CodeOrder()) - int(b.CodeOrder()) })
	return out
}

// streamResult is the result type of methods declared with "-> stream".
const streamResult = 0x995f9a3377c0b16e

func (m method) streaming() bool { return m.ResultStructType() == streamResult }

// maxAncestors bounds how many interfaces one inherits from.
const maxAncestors = 1000

// ancestors returns every interface that n inherits from, each once, nearest first.
func (g *generator) ancestors(n schema.Node) []schema.Node {
	var out []schema.Node
	seen := map[uint64]bool{n.Id(): true}
	queue := []schema.Node{n}
	for len(queue) > 0 {
		n, queue = queue[0], queue[1:]
		for _, s := range n.Interface().Superclasses().All() {
			if seen[s.Id()] {
				continue
			}
			seen[s.Id()] = true
			if len(out) == maxAncestors {
				g.problem(g.originOf(n.Id()), "", "it inherits from too many interfaces")
				return out
			}
			base, ok := g.nodes[s.Id()]
			if !ok || base.Which() != schema.NodeWhichInterface {
				g.problem(g.originOf(n.Id()), "", fmt.Sprintf("it extends @0x%x, which the request does not describe", s.Id()))
				continue
			}
			out = append(out, base)
			queue = append(queue, base)
		}
	}
	return out
}

// hasCaps reports whether values of a struct can lead to capabilities, so that pipelining on
// a promise for one makes sense.
func (g *generator) hasCaps(id uint64) bool {
	if g.caps == nil {
		g.caps = g.findCaps()
	}
	return g.caps[id]
}

// findCaps returns the structs that have a capability or a pointer of any type somewhere below.
func (g *generator) findCaps() map[uint64]bool {
	found := map[uint64]bool{}
	users := map[uint64][]uint64{} // struct to those that have it as a field
	var queue []uint64
	for _, n := range g.req.Nodes().All() {
		for _, f := range n.Struct().Fields().All() {
			t := f.Slot().Type()
			for t.Which() == schema.TypeWhichList {
				t = t.List().ElementType()
			}
			switch {
			case f.Which() == schema.FieldWhichGroup:
				users[f.Group().TypeId()] = append(users[f.Group().TypeId()], n.Id())
			case t.Which() == schema.TypeWhichStruct:
				users[t.Struct().TypeId()] = append(users[t.Struct().TypeId()], n.Id())
			case t.Which() == schema.TypeWhichInterface || t.Which() == schema.TypeWhichAnyPointer:
				queue = append(queue, n.Id())
			}
		}
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if !found[id] {
			found[id] = true
			queue = append(queue, users[id]...)
		}
	}
	return found
}
