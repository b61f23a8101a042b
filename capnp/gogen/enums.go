package gogen

import (
	"lanyard.dev/capnp/schema"
)

func (p *printer) enumNode(n schema.Node) {
	name := p.g.goName(n.Id())
	p.declare(n.Id(), name)
	p.doc(p.g.doc(n), "")
	p.f("type %s uint16\n", name)
	list := n.Enum().Enumerants()
	names := make([]string, list.Len())
	for i, e := range list.All() {
		names[i] = e.Name()
		switch tag := textAnnotation(e.Annotations(), tagAnnotation); {
		case tag != "":
			names[i] = tag
		case hasAnnotation(e.Annotations(), noTagAnnotation):
			names[i] = ""
		}
	}
	if len(names) > 0 {
		p.f("// The values of [%s].\nconst (", name)
		for i, e := range list.All() {
			o := p.g.originOf(n.Id())
			o.member = e.Name()
			c := name + p.g.enumerantName(n, e)
			p.g.declare(p.scope, c, o)
			p.doc(p.g.memberDoc(n.Id(), i), "")
			p.f("%s %s = %d", c, name, i)
		}
		p.f(")\n")
	}
	p.stringer(name, "e", names)
}
