package gogen

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp/schema"
)

// structNode prints the reader, the builder and the promise of a struct or group.
func (p *printer) structNode(n schema.Node) {
	name := p.g.goName(n.Id())
	builder := name + "Builder"
	p.declare(n.Id(), name, builder)
	p.doc(p.g.doc(n), p.structDoc(n))
	p.f("type %s %s.Struct\n", name, p.rt())
	p.f("// %s builds a [%s].\ntype %s %s.StructBuilder\n", builder, name, builder, p.rt())
	if _, made := p.g.made[n.Id()]; !made && !n.Struct().IsGroup() {
		p.root(n, name)
	}
	if n.Struct().DiscriminantCount() > 0 {
		p.which(n, name)
	}
	for _, f := range p.g.fields(n) {
		s := slotPrinter{printer: p, node: n, f: f, typ: name, name: p.g.fieldName(n, f)}
		s.origin = p.g.originOf(n.Id())
		s.origin.member = f.Name()
		s.print()
		p.f("")
	}
	p.promise(n, name)
}

// structDoc describes a struct that has no comment.
func (p *printer) structDoc(n schema.Node) string {
	name := p.g.goName(n.Id())
	if made, ok := p.g.made[n.Id()]; ok {
		m := p.g.nodes[made.iface].Interface().Methods().At(made.method)
		what := "parameters"
		if made.suffix == "Results" {
			what = "results"
		}
		return fmt.Sprintf("%s holds the %s of %s.%s.", name, what, p.g.originOf(made.iface), m.Name())
	}
	what := "struct"
	if n.Struct().IsGroup() {
		what = "group"
	}
	return fmt.Sprintf("%s is the %s %s.", name, what, p.g.originOf(n.Id()))
}

// root prints what a struct has and a group has not.
func (p *printer) root(n schema.Node, name string) {
	p.declare(n.Id(), "NewRoot"+name)
	p.f("// NewRoot%s makes a new %s the root of the message.", name, name)
	p.f("func NewRoot%s(m *%s.MessageBuilder) %sBuilder { return %sBuilder(%s.NewRootStruct(m, %s)) }\n",
		name, p.rt(), name, name, p.rt(), p.size(n.Id()))
	if !p.taken(name + "Size") {
		p.f("// %sSize is how much a [%s] holds besides what it points to.\nvar %sSize = %s\n", name, name, name, p.size(n.Id()))
	}
}

// taken reports whether a node of the package has the given Go name.
func (p *printer) taken(name string) bool {
	if p.g.taken == nil {
		p.g.taken = map[takenName]bool{}
		for _, n := range p.g.req.Nodes().All() {
			if f := p.g.fileOf(n.Id()); f != nil && n.Which() != schema.NodeWhichFile {
				p.g.taken[takenName{f.pkg, p.g.goName(n.Id())}] = true
			}
		}
	}
	return p.g.taken[takenName{p.file.pkg, name}]
}

// which prints the tag of a union.
func (p *printer) which(n schema.Node, name string) {
	which, rt := name+"Which", p.rt()
	at := n.Struct().DiscriminantOffset() * 2
	p.declare(n.Id(), which)
	p.member(name, p.g.originOf(n.Id()), "Which")
	p.f("// %s says which member of the union in a [%s] is set.\ntype %s uint16\n", which, name, which)
	p.f("// The members of the union.\nconst (")
	var names []string
	for _, f := range p.g.fields(n) {
		if !f.inUnion() {
			continue
		}
		c := which + p.g.fieldName(n, f)
		o := p.g.originOf(n.Id())
		o.member = f.Name()
		p.g.declare(p.scope, c, o)
		p.f("%s %s = %d", c, which, f.DiscriminantValue())
		tag := int(f.DiscriminantValue())
		if tag >= int(n.Struct().DiscriminantCount()) {
			p.g.problem(o, "", "its tag is beyond those of its union")
			return
		}
		for len(names) <= tag {
			names = append(names, "")
		}
		names[tag] = f.Name()
	}
	p.f(")\n")
	p.stringer(which, "w", names)
	p.f("// Which returns the member that is set. It can be one that a later schema added.")
	p.f("func (s %s) Which() %s { return %s(%s.Struct(s).Uint16(%d)) }", name, which, which, rt, at)
	p.f("func (b %sBuilder) Which() %s { return %s(%s.StructBuilder(b).Uint16(%d)) }\n", name, which, which, rt, at)
}

// stringer prints a String method for a numeric type.
func (p *printer) stringer(typ, recv string, names []string) {
	p.f("// String returns the name in the schema.")
	var args strings.Builder
	width := 0
	for _, name := range names {
		args.WriteByte(',')
		arg := quote(name)
		if width += len(arg) + 2; width > lineBytes {
			args.WriteByte('\n')
			width = len(arg) + 2
		}
		args.WriteString(arg)
	}
	p.f("func (%s %s) String() string {\nreturn %s.EnumName(uint16(%s)%s)\n}\n", recv, typ, p.rt(), recv, args.String())
}

// promise prints the promise of a struct, with its capabilities and what leads to them. Members of unions
// are not there: which one is set is known only when the results are.
func (p *printer) promise(n schema.Node, name string) {
	rt := p.rt()
	if !p.promised(n) {
		return
	}
	promise := name + "Promise"
	p.declare(n.Id(), promise)
	p.f("// %s is a [%s] to come.\ntype %s struct{ %s.Promise[%s] }\n", promise, name, promise, rt, name)
	for _, f := range p.g.fields(n) {
		if f.inUnion() {
			continue
		}
		typ, expr := p.pipelined(f)
		if typ == "" {
			continue
		}
		m := promiseMember(p.g.fieldName(n, f))
		o := p.g.originOf(n.Id())
		o.member = f.Name()
		p.member(promise, o, m)
		p.doc(p.g.memberDoc(n.Id(), f.index), "")
		p.f("func (p %s) %s() %s { return %s }\n", promise, m, typ, expr)
	}
}

// promised reports whether a struct has a promise type: every struct that can be a method's result, and groups that
// lead to capabilities.
func (p *printer) promised(n schema.Node) bool {
	if made, ok := p.g.made[n.Id()]; ok {
		return made.suffix == "Results"
	}
	return !n.Struct().IsGroup() || p.g.hasCaps(n.Id())
}

// pipelined returns type and value of a field of a promise, or "" if it leads to no capability.
func (p *printer) pipelined(f field) (typ, expr string) {
	rt := p.rt()
	if f.Which() == schema.FieldWhichGroup {
		id := f.Group().TypeId()
		if !p.g.hasCaps(id) {
			return "", ""
		}
		typ = p.name(id, "Promise")
		return typ, fmt.Sprintf("%s{Promise: %s.PipelineGroup[%s](p.Promise)}", typ, rt, p.name(id, ""))
	}
	t, i := f.Slot().Type(), f.Slot().Offset()
	switch t.Which() {
	case schema.TypeWhichStruct:
		id := t.Struct().TypeId()
		if !p.g.hasCaps(id) {
			return "", ""
		}
		typ = p.name(id, "Promise")
		return typ, fmt.Sprintf("%s{Promise: %s.PipelineStruct[%s](p.Promise, %d)}", typ, rt, p.name(id, ""), i)
	case schema.TypeWhichInterface:
		typ = p.name(t.Interface().TypeId(), "")
		return typ, fmt.Sprintf("%s{Client: %s.PipelineClient(p.Promise, %d)}", typ, rt, i)
	case schema.TypeWhichAnyPointer:
		switch anyKind(t) {
		case schema.TypeAnyPointerUnconstrainedWhichCapability:
			return rt + ".Client", fmt.Sprintf("%s.PipelineClient(p.Promise, %d)", rt, i)
		case schema.TypeAnyPointerUnconstrainedWhichList:
			return "", ""
		case schema.TypeAnyPointerUnconstrainedWhichStruct:
			return fmt.Sprintf("%s.Promise[%s.Struct]", rt, rt), fmt.Sprintf("%s.PipelineStruct[%s.Struct](p.Promise, %d)", rt, rt, i)
		}
		return rt + ".AnyPromise", fmt.Sprintf("%s.PipelineAny(p.Promise, %d)", rt, i)
	}
	return "", ""
}
