// Package lower turns bound declarations into schema nodes: it checks members
// and values, lays out structs and collects what a code generator needs.
//
// It knows neither syntax nor files; package compiler puts the phases together.
package lower

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/layout"
	"lanyard.dev/capnp/compiler/resolve"
	"lanyard.dev/capnp/compiler/source"
)

// Limits bound the values of a schema. Zero fields take the defaults.
type Limits struct {
	ValueWords int // of constants, defaults and annotations, written out; 8 Mi (64 MiB)
	ValueDepth int // of objects within objects; 200
	Chain      int // declarations that need one another to be known; 1000

	_ struct{}
}

// Options change how schemas are lowered. Nil means the defaults.
type Options struct {
	Limits Limits
	// IgnoreIssue344 accepts structs that Cap'n Proto 0.5 laid out differently.
	IgnoreIssue344 bool

	_ struct{}
}

// Lower compiles the declarations of the given modules and everything they
// depend on. Findings go to the program; with errors among them the result is
// incomplete.
func Lower(p *resolve.Program, modules []*resolve.Module, opt *Options) *ir.Request {
	l := &lowerer{
		program:    p,
		units:      map[*resolve.Decl]*unit{},
		fields:     map[*ir.Struct]map[string]*ir.Field{},
		enumerants: map[*ir.Node]map[string]int{},
		bound:      map[binding]*ir.Type{},
		visits:     map[*resolve.Decl]visit{},
	}
	if opt != nil {
		l.limits = opt.Limits
		l.layout.IgnoreIssue344 = opt.IgnoreIssue344
	}
	set := func(p *int, def int) {
		if *p <= 0 {
			*p = def
		}
	}
	set(&l.limits.ValueWords, 8<<20)
	set(&l.limits.ValueDepth, 200)
	set(&l.limits.Chain, 1000)
	return l.request(modules)
}

// lowerer is the state of one Lower.
type lowerer struct {
	program *resolve.Program
	limits  Limits
	layout  layout.Options

	units      map[*resolve.Decl]*unit
	fields     map[*ir.Struct]map[string]*ir.Field // by name, made when asked for
	enumerants map[*ir.Node]map[string]int
	bound      map[binding]*ir.Type // memo of bind
	chain      int                  // units being worked on
	words      int                  // of values made
	total      int                  // of values written out

	brandsSpent bool   // since the last value
	groupName   string // of the group whose value is looked at

	visits map[*resolve.Decl]visit
	queue  []*resolve.Decl
	out    ir.Request
}

// phase is how far a unit is. Values of pointer types and annotations come
// last, since they can need the shapes of types that need this unit's shape.
type phase uint8

const (
	untouched phase = iota
	shaped          // all but the values of pointer types
	finished
)

// unit is the work on one declaration.
type unit struct {
	l      *lowerer
	decl   *resolve.Decl
	module *resolve.Module
	env    *resolve.Env
	phase  phase
	busy   bool // being advanced: needing it now means a cycle
	broken bool // a constant whose type is not known; that was reported

	node    *ir.Node
	aux     []*ir.Node // groups, or structs made of parameter lists
	infos   []*ir.SourceInfo
	pending []pending
}

// pending is a value that is still to be compiled.
type pending struct {
	expr ast.Expr
	typ  *ir.Type
	into *ir.Value
}

// advance brings the declaration's unit to a phase. It returns nil if that
// takes knowing the unit already, which it reports.
func (l *lowerer) advance(d *resolve.Decl, to phase) *unit {
	u := l.units[d]
	if u == nil {
		u = &unit{l: l, decl: d, module: d.Module, env: l.program.Env(d)}
		l.units[d] = u
	}
	if u.phase >= to {
		return u
	}
	if u.busy {
		u.report(d.NameSpan(), diag.DependsOnItself, "Declaration recursively depends on itself.")
		return nil
	}
	if l.chain >= l.limits.Chain {
		u.report(d.NameSpan(), diag.TooDeep, fmt.Sprintf("More than %d declarations depend on one another.", l.limits.Chain))
		return nil
	}
	u.busy = true
	l.chain++
	if u.phase < shaped {
		u.shape()
		u.phase = shaped
	}
	if to == finished {
		for i := 0; i < len(u.pending); i++ {
			p := u.pending[i]
			u.value(p.expr, p.typ, p.into, false)
		}
		u.phase = finished
	}
	l.chain--
	u.busy = false
	return u
}

func (u *unit) report(span source.Span, code diag.Code, message string, notes ...diag.Note) {
	u.l.program.Report(u.module, span, code, message, notes...)
}

func (u *unit) note(span source.Span, message string) diag.Note {
	return diag.Note{File: u.module.File.Source, Span: span, Message: message}
}

// shape makes the node.
func (u *unit) shape() {
	d := u.decl
	u.node = &ir.Node{
		ID:          d.ID,
		DisplayName: d.DisplayName,
		PrefixLen:   d.PrefixLen(),
		Params:      names(d.Params),
		Generic:     d.Generic(),
		Span:        d.Span(),
	}
	if d.Parent != nil {
		u.node.ScopeID = d.Parent.ID
	}
	for _, n := range d.Nested {
		u.node.Nested = append(u.node.Nested, ir.Nested{Name: n.Name(), ID: n.ID})
	}
	info := &ir.SourceInfo{ID: d.ID, Span: d.Span()}
	u.infos = []*ir.SourceInfo{info}

	if d.Kind == resolve.File {
		f := u.module.File
		u.checkNames(f.Decls, 0)
		u.node.Kind = ir.FileNode
		info.Doc = f.Doc
		u.node.Annotations = u.annotations(f.Annotations, ast.TargetFile)
		return
	}
	u.checkNames(d.AST.Decls, d.AST.Kind)
	info.Doc = d.AST.Doc
	var target ast.Targets
	switch d.Kind {
	case resolve.Const:
		target = ast.TargetConst
		u.constant()
	case resolve.Annotation:
		target = ast.TargetAnnotation
		u.node.Kind = ir.AnnotationNode
		u.node.Type, _ = u.env.Type(d.AST.Type)
		u.node.Targets = d.AST.Targets
	case resolve.Enum:
		target = ast.TargetEnum
		u.enum(info)
	case resolve.Struct:
		target = ast.TargetStruct
		u.structure(info)
	case resolve.Interface:
		target = ast.TargetInterface
		u.iface(info)
	}
	u.node.Annotations = u.annotations(d.AST.Annotations, target)
}

func (u *unit) constant() {
	u.node.Kind = ir.ConstNode
	t, ok := u.env.Type(u.decl.AST.Type)
	u.node.Type = t
	u.node.Value = defaultValue(t)
	u.broken = !ok
	if ok && u.decl.AST.Value != nil {
		u.bootstrap(u.decl.AST.Value, t, u.node.Value)
	}
}

func names(idents []ast.Ident) []string {
	var all []string
	for _, id := range idents {
		all = append(all, id.Text)
	}
	return all
}
