package lower

import (
	"maps"
	"slices"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/resolve"
)

// visit is what has been reached of a declaration.
type visit struct{ queued, node, children bool }

// request compiles what code generators need: all of the requested files, all
// that they depend on and what encloses that.
//
// The order of the nodes is ours (C++ has that of a hash table): requested
// files as written, each declaration before those inside it, then the
// dependencies as they are met.
func (l *lowerer) request(modules []*resolve.Module) *ir.Request {
	for _, m := range modules {
		l.reach(m.Root)
	}
	for i := 0; i < len(l.queue); i++ {
		l.add(l.queue[i])
	}
	l.checkExtends()
	for _, m := range modules {
		l.out.Files = append(l.out.Files, ir.RequestedFile{
			ID:          m.Root.ID,
			Name:        m.Name,
			Imports:     l.imports(m),
			Identifiers: identifiers(m),
		})
	}
	return &l.out
}

// reach takes in a declaration with all that is inside it.
func (l *lowerer) reach(d *resolve.Decl) {
	if l.visits[d].children {
		return
	}
	l.add(d)
	l.visits[d] = visit{true, true, true}
	for _, n := range d.Nested {
		l.reach(n)
	}
	for _, a := range d.Aliases {
		l.program.Alias(a)
	}
}

// add takes in a declaration, and remembers what it depends on for later.
func (l *lowerer) add(d *resolve.Decl) {
	if l.visits[d].node {
		return
	}
	l.visits[d] = visit{queued: true, node: true}
	u := l.advance(d, finished)
	if u == nil {
		return
	}
	l.out.Nodes = append(append(l.out.Nodes, u.node), u.aux...)
	l.out.SourceInfo = append(l.out.SourceInfo, u.infos...)
	l.dependencies(u.node)
	for _, n := range u.aux {
		l.dependencies(n)
	}
	if d.Parent != nil {
		l.need(d.Parent.ID)
	}
}

func (l *lowerer) need(id uint64) {
	if d := l.program.Decl(id); d != nil && !l.visits[d].queued {
		l.visits[d] = visit{queued: true}
		l.queue = append(l.queue, d)
	}
}

func (l *lowerer) dependencies(n *ir.Node) {
	switch n.Kind {
	case ir.StructNode:
		for _, f := range n.Struct.Fields {
			l.needType(f.Type)
			l.needAnnotations(f.Annotations)
		}
	case ir.EnumNode:
		for _, e := range n.Enumerants {
			l.needAnnotations(e.Annotations)
		}
	case ir.InterfaceNode:
		for _, s := range n.Interface.Superclasses {
			l.need(s.ID)
			l.needBrand(s.Brand)
		}
		for _, m := range n.Interface.Methods {
			l.need(m.ParamID)
			l.needBrand(m.ParamBrand)
			l.need(m.ResultID)
			l.needBrand(m.ResultBrand)
			l.needAnnotations(m.Annotations)
		}
	case ir.ConstNode, ir.AnnotationNode:
		l.needType(n.Type)
	}
	l.needAnnotations(n.Annotations)
}

func (l *lowerer) needAnnotations(all []ir.Annotation) {
	for _, a := range all {
		l.need(a.ID)
	}
}

func (l *lowerer) needType(t *ir.Type) {
	if t == nil { // a group
		return
	}
	for t.Kind == ir.List {
		t = t.Elem
	}
	switch t.Kind {
	case ir.EnumType, ir.StructType, ir.InterfaceType:
		l.need(t.ID)
		l.needBrand(t.Brand)
	}
}

func (l *lowerer) needBrand(b *ir.Brand) {
	if b == nil {
		return
	}
	for _, s := range b.Scopes {
		for _, t := range s.Bind {
			l.needType(t)
		}
	}
}

// identifiers are the places of a file that name a type, each once.
func identifiers(m *resolve.Module) []ir.Identifier {
	seen := map[ir.Identifier]bool{}
	var all []ir.Identifier
	for _, i := range m.Identifiers {
		id := ir.Identifier{Span: i.Span, TypeID: i.ID}
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	slices.SortStableFunc(all, func(a, b ir.Identifier) int {
		if a.Span.Start != b.Span.Start {
			return int(a.Span.Start) - int(b.Span.Start)
		}
		return int(a.Span.End) - int(b.Span.End)
	})
	return all
}

// imports lists the files that a module mentions outside of values, by the
// names it uses.
func (l *lowerer) imports(m *resolve.Module) []ir.Import {
	found := map[string]bool{}
	for _, d := range m.File.Decls {
		importsOf(d, found)
	}
	importsOfAnnotations(m.File.Annotations, found)
	var all []ir.Import
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if other, err := l.program.Import(m, name); err == nil {
			all = append(all, ir.Import{ID: other.Root.ID, Name: name})
		}
	}
	return all
}

func importsOf(d *ast.Decl, found map[string]bool) {
	switch d.Kind {
	case ast.Using:
		importsIn(d.Target, found)
	case ast.Const, ast.Field:
		importsIn(d.Type, found)
	case ast.Interface:
		for _, s := range d.Superclasses {
			importsIn(s, found)
		}
	case ast.Method:
		importsOfParams(d.MethodParams, found)
		importsOfParams(d.MethodResults, found)
	}
	importsOfAnnotations(d.Annotations, found)
	for _, n := range d.Decls {
		importsOf(n, found)
	}
}

func importsOfParams(list *ast.ParamList, found map[string]bool) {
	switch {
	case list == nil:
	case list.Kind == ast.TypeParams:
		importsIn(list.Type, found)
	case list.Kind == ast.StreamParams:
		found[streamFile] = true
	default:
		for _, p := range list.Params {
			importsIn(p.Type, found)
			importsOfAnnotations(p.Annotations, found)
		}
	}
}

func importsOfAnnotations(all []ast.Annotation, found map[string]bool) {
	for _, a := range all {
		importsIn(a.Name, found)
	}
}

func importsIn(e ast.Expr, found map[string]bool) {
	for {
		switch x := e.(type) {
		case *ast.Import:
			found[x.Path.Text] = true
			return
		case *ast.Member:
			e = x.Parent
			continue
		case *ast.Apply:
			for _, a := range x.Args {
				importsIn(a.Value, found)
			}
			e = x.Func
			continue
		case *ast.List:
			for _, elem := range x.Elems {
				importsIn(elem, found)
			}
		case *ast.Tuple:
			for _, a := range x.Args {
				importsIn(a.Value, found)
			}
		}
		return
	}
}

// checkExtends reports interfaces that are their own superclass.
func (l *lowerer) checkExtends() {
	const (
		active = iota + 1
		done
	)
	state := map[uint64]int{}
	byID := map[uint64]*ir.Node{}
	for _, n := range l.out.Nodes {
		if n.Kind == ir.InterfaceNode {
			byID[n.ID] = n
		}
	}
	var walk func(n *ir.Node)
	walk = func(n *ir.Node) {
		state[n.ID] = active
		for _, s := range n.Interface.Superclasses {
			super := byID[s.ID]
			switch {
			case super == nil || state[s.ID] == done:
			case state[s.ID] == active:
				u := l.units[l.program.Decl(n.ID)]
				u.report(u.decl.NameSpan(), diag.ExtendsItself, "Interface is its own superclass.")
			default:
				walk(super)
			}
		}
		state[n.ID] = done
	}
	for _, n := range l.out.Nodes {
		if n.Kind == ir.InterfaceNode && state[n.ID] == 0 {
			walk(n)
		}
	}
}
