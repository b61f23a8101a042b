package lower

import (
	"cmp"
	"fmt"
	"slices"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/layout"
	"lanyard.dev/capnp/compiler/resolve"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/typeid"
)

// maxSection is the largest size of a struct's data or pointer section, and
// the largest number of members directly in it.
const maxSection = 1<<16 - 1

// builder makes the node of one struct, and those of its groups.
type builder struct {
	u       *unit
	env     *resolve.Env
	root    *member
	all     []*member // as written, without the root
	ordered []*member // those with a number
	tooMany bool
	groups  []*ir.Node
	infos   []*ir.SourceInfo
}

// member is a field, a group or union with a name, or the struct itself.
//
// Fields of the node come into being in the order of the numbers: a group's
// when the first member of it does. Its index there decides a group's id.
type member struct {
	parent    *member // nil for the struct itself
	codeOrder int
	inUnion   bool // of the parent
	kind      ast.Kind

	name        ast.Ident
	ordinal     *ast.Number // as written
	number      int         // ordinal, or the place in a parameter list
	typ, def    ast.Expr    // of a field
	annotations []ast.Annotation
	span        source.Span
	doc         string
	param       bool

	place  *layout.Member // of a field or named union
	union  *layout.Member // of a named union, or the unnamed one in a group or struct
	field  *ir.Field      // nil until its turn comes
	index  int            // of field in the parent
	node   *ir.Node       // of a group or union, or the struct itself
	info   *ir.SourceInfo
	inUse  int // fields that exist
	active int // of them, in the unnamed union
}

// structure compiles a struct declaration.
func (u *unit) structure(info *ir.SourceInfo) {
	b := &builder{u: u, env: u.env}
	b.root = &member{node: u.node, info: info}
	u.node.Kind, u.node.Struct = ir.StructNode, &ir.Struct{}
	decls := u.decl.AST.Decls
	places := b.scope(decls, b.root)
	b.finish(places, u.decl.NameSpan(), anyBroken(decls))
	u.aux = append(u.aux, b.groups...)
	u.infos = append(u.infos, b.infos...)
}

// parameters compiles a method's parameter list into node.
func (u *unit) parameters(list *ast.ParamList, env *resolve.Env, node *ir.Node, info *ir.SourceInfo) {
	b := &builder{u: u, env: env}
	b.root = &member{node: node, info: info}
	node.Kind, node.Struct = ir.StructNode, &ir.Struct{}
	var places []*layout.Member
	seen := nameScope{}
	for i, p := range list.Params {
		if p.Name.Text == "" || !b.room(i, p.Span) {
			continue
		}
		u.checkTwice(seen, &ast.Decl{Kind: ast.Field, Name: p.Name})
		m := &member{
			parent: b.root, codeOrder: i, kind: ast.Field, name: p.Name, number: i,
			typ: p.Type, def: p.Default, annotations: p.Annotations, span: p.Span, param: true,
			place: &layout.Member{Kind: layout.Field, Ordinal: i},
		}
		b.all, b.ordered = append(b.all, m), append(b.ordered, m)
		places = append(places, m.place)
	}
	b.finish(places, list.Span, true)
}

// room reports whether there may be a member with that place in the source.
func (b *builder) room(codeOrder int, span source.Span) bool {
	if codeOrder < maxSection {
		return true
	}
	if !b.tooMany {
		b.tooMany = true
		b.u.report(span, diag.StructTooBig, "A struct cannot have more than 65535 members.")
	}
	return false
}

// scope collects the members of a struct or group.
func (b *builder) scope(decls []*ast.Decl, parent *member) []*layout.Member {
	var places []*layout.Member
	codeOrder := 0
	for _, d := range decls {
		if d.Kind == ast.Union && d.Name.Text == "" {
			place := &layout.Member{Kind: layout.Union, Ordinal: layout.NoOrdinal}
			parent.union = place
			place.Members = b.union(d, parent, &codeOrder)
			places = append(places, place)
			continue
		}
		if m := b.member(d, parent, &codeOrder, false); m != nil {
			places = append(places, m.place)
		}
	}
	return places
}

// union collects the members of a union. The parent is the union if it has a
// name, otherwise what it stands in.
func (b *builder) union(d *ast.Decl, parent *member, codeOrder *int) []*layout.Member {
	if len(d.Decls) < 2 && !d.Broken {
		b.u.report(d.Span, diag.UnionSize, "Union must have at least two members.")
	}
	var places []*layout.Member
	for _, n := range d.Decls {
		if n.Kind == ast.Union && n.Name.Text == "" {
			b.u.report(n.Span, diag.UnionInUnion, "Unions cannot contain unnamed unions.")
			continue
		}
		if m := b.member(n, parent, codeOrder, true); m != nil {
			places = append(places, m.place)
		}
	}
	return places
}

// member makes the member for a declaration and collects what is in it. It
// returns nil for what is no member.
func (b *builder) member(d *ast.Decl, parent *member, codeOrder *int, inUnion bool) *member {
	switch d.Kind {
	case ast.Field, ast.Union, ast.Group:
	default:
		return nil
	}
	if d.Kind == ast.Field && !numbered(d) || !b.room(*codeOrder, d.Name.Span) {
		return nil
	}
	m := &member{
		parent: parent, codeOrder: *codeOrder, inUnion: inUnion, kind: d.Kind,
		name: d.Name, typ: d.Type, def: d.Value, annotations: d.Annotations, span: d.Span, doc: d.Doc,
		place: &layout.Member{Ordinal: layout.NoOrdinal},
	}
	*codeOrder++
	b.all = append(b.all, m)
	if d.Kind != ast.Field {
		b.group(m, d)
	}
	var inner int
	switch d.Kind {
	case ast.Field:
		m.place.Kind = layout.Field
	case ast.Union:
		m.place.Kind, m.union = layout.Union, m.place
		m.place.Members = b.union(d, m, &inner)
	case ast.Group:
		m.place.Kind = layout.Group
		if len(d.Decls) == 0 && !d.Broken {
			b.u.report(d.Span, diag.GroupSize, "Group must have at least one member.")
		}
		m.place.Members = b.scope(d.Decls, m)
	}
	if d.Kind != ast.Group && numbered(d) {
		m.ordinal, m.number = d.Ordinal, int(d.Ordinal.Value)
		m.place.Ordinal = m.number
		b.ordered = append(b.ordered, m)
	}
	return m
}

// group gives a group or named union its node.
func (b *builder) group(m *member, d *ast.Decl) {
	b.u.l.program.CountNode(b.u.module, d.Name.Span)
	outer := m.parent.node
	m.node = &ir.Node{
		DisplayName: outer.DisplayName + "." + d.Name.Text,
		PrefixLen:   len(outer.DisplayName) + 1,
		Generic:     outer.Generic,
		Span:        d.Span,
		Kind:        ir.StructNode,
		Struct:      &ir.Struct{Group: true},
	}
	m.info = &ir.SourceInfo{Span: d.Span, Doc: d.Doc}
	b.groups, b.infos = append(b.groups, m.node), append(b.infos, m.info)
}

// finish compiles the fields in the order of their numbers and lays them out.
func (b *builder) finish(places []*layout.Member, name source.Span, gaps bool) {
	slices.SortStableFunc(b.ordered, func(x, y *member) int { return cmp.Compare(x.number, y.number) })
	check := ordinals{u: b.u, gaps: gaps}
	for _, m := range b.ordered {
		if m.ordinal != nil {
			check.check(m.ordinal)
		}
		f := m.materialize()
		f.HasOrdinal, f.Ordinal = true, uint16(m.number)
		if m.kind == ast.Field {
			b.slot(m, f)
		}
	}
	at := layout.Compute(places, &b.u.l.layout)
	b.findings(at, name)
	if at.DataWords > maxSection || at.Pointers > maxSection {
		b.u.report(name, diag.StructTooBig, fmt.Sprintf("A struct cannot have more than 65535 words of data or pointers; "+
			"this one has %d and %d.", at.DataWords, at.Pointers))
		at.DataWords, at.Pointers = min(at.DataWords, maxSection), min(at.Pointers, maxSection)
	}

	b.root.close(at)
	for _, m := range b.all {
		f := m.materialize()
		target := ast.TargetField
		switch {
		case m.param:
			target = ast.TargetParam
		case m.kind == ast.Union:
			target = ast.TargetUnion
		case m.kind == ast.Group:
			target = ast.TargetGroup
		}
		if m.kind == ast.Field {
			f.Offset = at.Offset(m.place)
		} else {
			m.close(at)
		}
		f.Annotations = b.u.annotations(m.annotations, target)
	}
}

// findings reports what the layout has to say.
func (b *builder) findings(at *layout.Layout, name source.Span) {
	if len(at.Findings) == 0 {
		return
	}
	members := map[*layout.Member]*member{}
	for _, m := range b.ordered {
		members[m.place] = m
	}
	for _, f := range at.Findings {
		m := members[f.Member]
		switch f.Problem {
		case layout.LateOrdinal:
			b.u.report(m.ordinal.Span, diag.OrdinalLate, "Union ordinal, if specified, must be greater than no more than one of its "+
				"member ordinals (i.e. there can only be one field retroactively unionized).")
		case layout.Issue344:
			b.u.l.program.ReportHint(b.u.module, m.name.Span, diag.Issue344,
				fmt.Sprintf("Cap'n Proto 0.5.x and previous contained a bug which would cause this schema to be compiled incorrectly, at '%s'. "+
					"Please see: https://github.com/capnproto/capnproto/issues/344", m.name.Text),
				"number the members so that larger ones of the nested union come first")
		case layout.TooComplex:
			b.u.report(name, diag.StructTooBig, "The layout of this struct is too complex.")
		}
	}
}

// materialize makes the member's field, if there is none yet, at the end of
// the parent's fields.
func (m *member) materialize() *ir.Field {
	if m.field != nil {
		return m.field
	}
	p := m.parent
	if p.parent != nil {
		p.materialize()
	}
	m.index = p.inUse
	p.inUse++
	m.field = &ir.Field{Name: m.name.Text, CodeOrder: m.codeOrder, Discriminant: ir.NoDiscriminant, Group: m.node}
	if m.inUnion {
		m.field.Discriminant = uint16(p.active)
		p.active++
	}
	p.node.Struct.Fields = append(p.node.Struct.Fields, m.field)
	p.info.Members = append(p.info.Members, ir.MemberInfo{Doc: m.doc, Span: m.span})
	return m.field
}

// close completes the node of a struct, group or union.
func (m *member) close(at *layout.Layout) {
	s := m.node.Struct
	s.DataWords, s.Pointers = at.DataWords, at.Pointers
	if m.union != nil {
		s.Discriminants, s.DiscriminantOffset = m.active, at.Offset(m.union)
	}
	if m.parent != nil {
		m.materialize()
		outer := m.parent.node.ID
		m.node.ID, m.node.ScopeID = typeid.Group(outer, uint16(m.index)), outer
		m.info.ID = m.node.ID
	}
}

// slot compiles the type and default of a field.
func (b *builder) slot(m *member, f *ir.Field) {
	t, ok := b.env.Type(m.typ)
	f.Type = t
	f.Default = defaultValue(t)
	m.place.Size = size(t)
	if !ok || m.def == nil {
		return
	}
	f.ExplicitDefault = true
	if name, isName := m.def.(*ast.Name); m.param && isName && !name.Absolute && name.Name.Text == "null" {
		if !t.Pointer() {
			b.u.report(name.Name.Span, diag.NullDefault, "Only pointer parameters can declare their default as 'null'.")
		}
		return
	}
	b.u.bootstrap(m.def, t, f.Default)
}

// size is the room that a field of type t takes.
func size(t *ir.Type) layout.Size {
	switch t.Kind {
	case ir.Void:
		return layout.Void
	case ir.Bool:
		return layout.Bit
	case ir.Int8, ir.Uint8:
		return layout.Byte
	case ir.Int16, ir.Uint16, ir.EnumType:
		return layout.TwoBytes
	case ir.Int32, ir.Uint32, ir.Float32:
		return layout.FourBytes
	case ir.Int64, ir.Uint64, ir.Float64:
		return layout.EightBytes
	}
	return layout.Pointer
}
