package gogen

import (
	"fmt"
	"path"
	"strings"

	"lanyard.dev/capnp/schema"
)

// interfaceNode prints the client, the descriptors of the methods, and what a server needs.
func (p *printer) interfaceNode(n schema.Node) {
	i := &interfacePrinter{printer: p, node: n, name: p.g.goName(n.Id()), bases: p.g.ancestors(n)}
	i.declare(n.Id(), i.name, i.name+"Server", "Unimplemented"+i.name, "New"+i.name, lower(i.name)+"Dispatch")
	i.client()
	i.own = p.g.methods(n)
	for _, m := range i.own {
		i.checkMethod(m)
		i.descriptor(m)
	}
	for _, m := range i.own {
		i.clientMethod(m)
	}
	for _, base := range i.bases {
		for _, m := range p.g.methods(base) {
			i.inheritedMethod(base, m)
		}
	}
	i.server()
	i.unimplemented()
	for _, m := range i.own {
		i.call(m)
	}
	i.dispatch()
}

type interfacePrinter struct {
	*printer
	node  schema.Node
	name  string
	bases []schema.Node
	own   []method
}

func (i *interfacePrinter) origin(m method) origin {
	o := i.g.originOf(m.iface)
	o.member = m.Name()
	return o
}

// checkMethod refuses what only a broken request has.
func (i *interfacePrinter) checkMethod(m method) {
	for _, id := range []uint64{m.ParamStructType(), m.ResultStructType()} {
		if n, ok := i.g.nodes[id]; id != streamResult && (!ok || n.Which() != schema.NodeWhichStruct || n.Struct().IsGroup()) {
			i.g.problem(i.origin(m), "", fmt.Sprintf("its parameters or results are @0x%x, which the request does not describe", id))
		}
	}
}

func (i *interfacePrinter) client() {
	i.printer.doc(i.g.doc(i.node), "")
	i.f("type %s struct{ %s.Client }\n", i.name, i.rt())
}

// descriptorName returns how to write the variable that describes a method.
func (i *interfacePrinter) descriptorName(m method) string {
	return i.printer.name(m.iface, i.g.methodName(m)+"Method")
}

func (i *interfacePrinter) descriptor(m method) {
	rt, name := i.rt(), i.name+i.g.methodName(m)+"Method"
	i.g.declare(i.scope, name, i.origin(m))
	i.f("// %s describes [%s.%s].", name, i.name, clientMember(i.g.methodName(m)))
	i.f("var %s = %s.NewMethod(%s.MethodSpec{", name, rt, rt)
	i.f("InterfaceID: %#x,\nMethodID: %d,", m.iface, m.index)
	i.f("InterfaceName: %s,\nMethodName: %s,", quote(path.Base(i.file.name)+":"+i.g.originOf(i.node.Id()).name), quote(m.Name()))
	i.f("Params: %s,", i.size(m.ParamStructType()))
	if m.streaming() {
		i.f("Streaming: true,")
	} else {
		i.f("Results: %s,", i.size(m.ResultStructType()))
	}
	if i.g.hasCaps(m.ResultStructType()) {
		i.f("ResultsHaveCaps: true,")
	}
	i.f("})\n")
}

// signature returns parameters and result of the client's method.
func (i *interfacePrinter) signature(m method) string {
	result := "error"
	if !m.streaming() {
		result = i.printer.name(m.ResultStructType(), "Promise")
	}
	return fmt.Sprintf("(ctx %s.Context, fill func(%s)) %s", i.context(), i.printer.name(m.ParamStructType(), "Builder"), result)
}

func (i *interfacePrinter) clientMethod(m method) {
	rt, name := i.rt(), clientMember(i.g.methodName(m))
	i.member(i.name, i.origin(m), name)
	i.printer.doc(i.g.memberDoc(m.iface, m.index), "")
	head := fmt.Sprintf("func (c %s) %s%s", i.name, name, i.signature(m))
	if m.streaming() {
		i.f("%s {\nreturn %s.SendStream(ctx, c.Client, %s, fill)\n}\n", head, rt, i.descriptorName(m))
		return
	}
	i.f("%s {\nreturn %s{Promise: %s.Send[%s](ctx, c.Client, %s, fill)}\n}\n", head,
		i.printer.name(m.ResultStructType(), "Promise"), rt, i.printer.name(m.ResultStructType(), ""), i.descriptorName(m))
}

func (i *interfacePrinter) inheritedMethod(base schema.Node, m method) {
	name := clientMember(i.g.methodName(m))
	i.member(i.name, i.origin(m), name)
	i.printer.doc(i.g.memberDoc(m.iface, m.index), "")
	i.f("func (c %s) %s%s {\nreturn %s{Client: c.Client}.%s(ctx, fill)\n}\n",
		i.name, name, i.signature(m), i.printer.name(base.Id(), ""), name)
}

func (i *interfacePrinter) callName(m method) string {
	return i.printer.name(m.iface, i.g.methodName(m)+"Call")
}

func (i *interfacePrinter) serverSignature(m method) string {
	return fmt.Sprintf("%s(ctx %s.Context, call %s) error", clientMember(i.g.methodName(m)), i.context(), i.callName(m))
}

// server prints the interface that an implementation has.
func (i *interfacePrinter) server() {
	i.f("// %sServer implements the methods of [%s].", i.name, i.name)
	i.f("// Embed [Unimplemented%s] in implementations, so that they compile when the schema gets more methods.", i.name)
	i.f("type %sServer interface {", i.name)
	for _, s := range i.node.Interface().Superclasses().All() {
		i.f("%s", i.printer.name(s.Id(), "Server"))
	}
	for _, m := range i.own {
		i.printer.doc(i.g.memberDoc(m.iface, m.index), "")
		i.f("%s", i.serverSignature(m))
	}
	i.f("}\n")
	i.f("// New%s makes a capability of an object.", i.name)
	i.f("func New%s(s %sServer) %s {\nreturn %s{Client: %s.NewServer(%sDispatch{s})}\n}\n",
		i.name, i.name, i.name, i.name, i.rt(), lower(i.name))
}

// unimplemented prints the type to embed. Go finds a method of an interface that is inherited in two ways only
// if it is embedded here as well.
func (i *interfacePrinter) unimplemented() {
	name := "Unimplemented" + i.name
	var fields strings.Builder
	taken := map[string]bool{}
	var loose []schema.Node // bases that cannot be embedded: two packages have one of that name
	for _, base := range i.embedded() {
		plain := i.g.goName(base.Id())
		if taken[plain] {
			loose = append(loose, base)
			continue
		}
		taken[plain] = true
		fields.WriteString("\n" + i.printer.affixed("Unimplemented", base.Id(), ""))
	}
	if fields.Len() > 0 {
		fields.WriteByte('\n')
	}
	i.f("// %s refuses every method.\ntype %s struct {%s}\n", name, name, fields.String())
	own := i.own
	for _, base := range loose {
		own = append(own, i.g.methods(base)...)
	}
	for _, m := range own {
		i.f("// %s fails.", clientMember(i.g.methodName(m)))
		i.f("func (%s) %s {\nreturn %s.NotImplemented(%s)\n}\n", name, i.serverSignature(m), i.rt(), i.descriptorName(m))
	}
}

// embedded returns the direct superclasses and every interface that is reached in more than one way.
func (i *interfacePrinter) embedded() []schema.Node {
	direct := map[uint64]bool{}
	ways := map[uint64]int{}
	for _, s := range i.node.Interface().Superclasses().All() {
		direct[s.Id()] = true
		ways[s.Id()]++
	}
	for _, base := range i.bases {
		for _, s := range base.Interface().Superclasses().All() {
			ways[s.Id()]++
		}
	}
	var out []schema.Node
	for _, base := range i.bases {
		if direct[base.Id()] || ways[base.Id()] > 1 {
			out = append(out, base)
		}
	}
	return out
}

// call prints what a server's method gets.
func (i *interfacePrinter) call(m method) {
	rt, name := i.rt(), i.name+i.g.methodName(m)+"Call"
	i.g.declare(i.scope, name, i.origin(m))
	params := i.printer.name(m.ParamStructType(), "")
	i.f("// %s is a call of [%s.%s].\ntype %s struct{ *%s.Call }\n", name, i.name, clientMember(i.g.methodName(m)), name, rt)
	i.f("// Params returns the parameters.\nfunc (c %s) Params() %s { return %s(c.Call.ParamsStruct()) }\n", name, params, params)
	if m.streaming() {
		return
	}
	results := i.printer.name(m.ResultStructType(), "Builder")
	i.f("// Results returns the results, to be filled in.\nfunc (c %s) Results() %s { return %s(c.Call.ResultsStruct()) }\n", name, results, results)
}

// dispatch prints the type that finds and runs the methods of a server.
func (i *interfacePrinter) dispatch() {
	rt, name := i.rt(), lower(i.name)+"Dispatch"
	i.f("type %s struct{ s %sServer }\n", name, i.name)
	i.f("func (d %s) Impl() any { return d.s }\n", name)
	var all [][]method
	for _, base := range append([]schema.Node{i.node}, i.bases...) {
		if ms := i.g.methods(base); len(ms) > 0 {
			all = append(all, ms)
		}
	}
	i.f("func (d %s) FindMethod(interfaceID uint64, methodID uint16) *%s.Method {", name, rt)
	if len(all) > 0 {
		i.f("switch interfaceID {")
		for _, ms := range all {
			i.f("case %#x:\nswitch methodID {", ms[0].iface)
			for _, m := range ms {
				i.f("case %d:\nreturn %s", m.index, i.descriptorName(m))
			}
			i.f("}")
		}
		i.f("}")
	}
	i.f("return nil\n}\n")
	i.f("func (d %s) Invoke(ctx %s.Context, call *%s.Call) error {", name, i.context(), rt)
	if len(all) > 0 {
		i.f("switch call.Method() {")
		for _, ms := range all {
			for _, m := range ms {
				i.f("case %s:\nreturn d.s.%s(ctx, %s{Call: call})", i.descriptorName(m), clientMember(i.g.methodName(m)), i.callName(m))
			}
		}
		i.f("}")
	}
	i.f("return %s.NotImplemented(call.Method())\n}\n", rt)
}
