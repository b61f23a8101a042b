// Package resolve binds the names in schema files to declarations, and the
// parameters of generics to what they are applied to.
//
// It looks up, loads imports and forms types; what a declaration means beyond
// its name and id is package lower's.
package resolve

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/typeid"
)

// Loader finds the files that a schema mentions.
type Loader interface {
	// Import returns the parsed file that path means in from. The same file must
	// be the same pointer each time. An error says why there is none.
	Import(from *ast.File, path string) (*ast.File, error)
	// Embed returns the content of the file that path means in from.
	Embed(from *ast.File, path string) ([]byte, error)
	// Name is what the names of the file's declarations begin with.
	Name(f *ast.File) string
}

// Limits bound what a program may ask for. Zero fields take the defaults.
type Limits struct {
	Imports    int // files on a chain of imports; 64
	Nodes      int // declarations in all files; 100 000
	Brand      int // types that one generic expression stands for; 10 000
	BrandTotal int // the sum of that over all expressions; 8 000 000
	AliasDepth int // `using` declarations on a chain; 1000

	_ struct{}
}

// WithDefaults fills in the zero fields.
func (l *Limits) WithDefaults() Limits {
	var full Limits
	if l != nil {
		full = *l
	}
	set := func(p *int, def int) {
		if *p <= 0 {
			*p = def
		}
	}
	set(&full.Imports, 64)
	set(&full.Nodes, 100_000)
	set(&full.Brand, 10_000)
	set(&full.BrandTotal, 8_000_000)
	set(&full.AliasDepth, 1000)
	return full
}

// Program is the files of one compilation and everything declared in them. It
// is for one goroutine.
type Program struct {
	loader   Loader
	diags    *diag.List
	limits   Limits
	modules  map[*ast.File]*Module
	byID     map[uint64]*Decl
	builtins [kindEnd]*Decl
	byName   map[string]*Decl // of the builtins

	seen       map[complaint]bool
	bogus      uint64 // the next number for a declaration whose id is taken
	nodes      int
	brandTotal int
	aliasDepth int
}

// complaint is what makes two diagnostics the same.
type complaint struct {
	file    *source.File
	span    source.Span
	message string
}

// Ids below typeid.Min belong to nothing that a schema can declare. The
// numbers of the built-in types are those that C++ gives them in file source
// info.
const (
	builtinID  = 1014
	firstBogus = 2000
)

// New makes an empty program. Findings go to diags.
func New(loader Loader, diags *diag.List, limits *Limits) *Program {
	p := &Program{
		loader:  loader,
		diags:   diags,
		limits:  limits.WithDefaults(),
		modules: map[*ast.File]*Module{},
		byID:    map[uint64]*Decl{},
		byName:  map[string]*Decl{},
		seen:    map[complaint]bool{},
		bogus:   firstBogus,
	}
	for k := Void; k < kindEnd; k++ {
		d := &Decl{Kind: k, ID: builtinID + uint64(k-Void), DisplayName: builtinNames[k]}
		if k == List {
			d.Params = []ast.Ident{{Text: "Element"}}
		}
		p.builtins[k] = d
		p.byName[d.DisplayName] = d
	}
	return p
}

// Add adds a file that is compiled for its own sake.
func (p *Program) Add(f *ast.File) *Module { return p.add(f, 0) }

// Decl returns the declaration with an id, or nil.
func (p *Program) Decl(id uint64) *Decl { return p.byID[id] }

// CountNode counts a node that has no Decl (a group or parameter list) against
// the limit. It reports at the span, once, when the limit is met.
func (p *Program) CountNode(m *Module, span source.Span) bool {
	p.nodes++
	if p.nodes == p.limits.Nodes+1 {
		p.Report(m, span, diag.TooManyNodes, fmt.Sprintf("There are more than %d declarations.", p.limits.Nodes))
	}
	return p.nodes <= p.limits.Nodes
}

func (p *Program) add(f *ast.File, depth int) *Module {
	if m := p.modules[f]; m != nil {
		return m
	}
	m := &Module{File: f, Name: p.loader.Name(f), depth: depth}
	p.modules[f] = m
	p.CountNode(m, source.Span{})
	m.Root = &Decl{Kind: File, DisplayName: m.Name, Module: m}
	id := typeid.Child(0, m.Name)
	if f.ID != nil {
		id = f.ID.Value
	}
	p.register(m.Root, id)
	p.expand(m.Root, f.Decls)
	return m
}

// expand makes the declarations nested in d.
func (p *Program) expand(d *Decl, decls []*ast.Decl) {
	d.decls, d.aliases = map[string]*Decl{}, map[string]*Alias{}
	for _, n := range decls {
		if n.Kind == ast.Using {
			a := &Alias{In: d, AST: n}
			d.Aliases = append(d.Aliases, a)
			if d.aliases[n.Name.Text] == nil {
				d.aliases[n.Name.Text] = a
			}
			continue
		}
		kind, ok := astKinds[n.Kind]
		if !ok {
			continue
		}
		if !p.CountNode(d.Module, n.Name.Span) {
			return
		}
		separator := "."
		if d.Parent == nil {
			separator = ":"
		}
		c := &Decl{
			Kind: kind, DisplayName: d.DisplayName + separator + n.Name.Text,
			Module: d.Module, AST: n, Parent: d, Params: n.Params,
		}
		id := typeid.Child(d.ID, n.Name.Text)
		if n.ID != nil {
			id = n.ID.Value
		}
		p.register(c, id)
		d.Nested = append(d.Nested, c)
		if d.decls[n.Name.Text] == nil {
			d.decls[n.Name.Text] = c
		}
		p.expand(c, n.Decls)
	}
}

// register gives d the id, or another one if the id is taken.
func (p *Program) register(d *Decl, id uint64) {
	for {
		other := p.byID[id]
		if other == nil && id > firstBogus {
			d.ID = id
			p.byID[id] = d
			return
		}
		// An id without the top bit stands for an error reported before.
		if other != nil && id >= typeid.Min {
			p.report(diag.Diagnostic{
				Code: diag.DuplicateID, File: d.Module.File.Source, Span: d.NameSpan(),
				Message: fmt.Sprintf("Duplicate ID @0x%x.", id),
				Notes: []diag.Note{{
					File: other.Module.File.Source, Span: other.NameSpan(),
					Message: fmt.Sprintf("ID @0x%x originally used here.", id),
				}},
			})
		}
		p.bogus++
		id = p.bogus
	}
}

// Report adds a finding unless the same one was reported before.
func (p *Program) Report(m *Module, span source.Span, code diag.Code, message string, notes ...diag.Note) {
	p.report(diag.Diagnostic{Code: code, File: m.File.Source, Span: span, Message: message, Notes: notes})
}

// ReportHint is Report with a hint.
func (p *Program) ReportHint(m *Module, span source.Span, code diag.Code, message, hint string) {
	p.report(diag.Diagnostic{Code: code, File: m.File.Source, Span: span, Message: message, Hint: hint})
}

func (p *Program) report(d diag.Diagnostic) {
	// The same expression can be looked at for several reasons.
	key := complaint{d.File, d.Span, d.Message}
	if !p.seen[key] && len(p.seen) < maxSeen {
		p.seen[key] = true
		p.diags.Add(d)
	}
}

// maxSeen bounds the memory for findings: far more than a diag.List keeps.
const maxSeen = 10_000

// Embed returns the content of a file mentioned in m.
func (p *Program) Embed(m *Module, path string) ([]byte, error) {
	return p.loader.Embed(m.File, path)
}

// Import returns the module that path means in m. It reports nothing.
func (p *Program) Import(m *Module, path string) (*Module, error) {
	if m.depth+1 >= p.limits.Imports {
		return nil, fmt.Errorf("more than %d files import one another", p.limits.Imports)
	}
	f, err := p.loader.Import(m.File, path)
	if err != nil {
		return nil, err
	}
	return p.add(f, m.depth+1), nil
}
