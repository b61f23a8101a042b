package gogen

import (
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Annotations of go.capnp.
const (
	packageAnnotation = 0xbea97f1023792be0
	importAnnotation  = 0xe130b601260e44b5
	docAnnotation     = 0xc58ad6bd519f935e
	tagAnnotation     = 0xa574b41924caefc7
	noTagAnnotation   = 0xc8768679ec52e012
	nameAnnotation    = 0xc2b96012172f8df1
)

// textAnnotation returns the text of an annotation, or "" if it is absent or has no text.
func textAnnotation(list capnp.List[schema.Annotation], id uint64) string {
	for _, a := range list.All() {
		if a.Id() == id {
			return a.Value().Text()
		}
	}
	return ""
}

func hasAnnotation(list capnp.List[schema.Annotation], id uint64) bool {
	for _, a := range list.All() {
		if a.Id() == id {
			return true
		}
	}
	return false
}

// maxName bounds the Go name of a node, which holds the names of all nodes around it.
const maxName = 1024

// goName returns the Go name of a node: the names from the file inwards, put together.
func (g *generator) goName(id uint64) string { return g.goNameAt(id, 0) }

func (g *generator) goNameAt(id uint64, depth int) string {
	if name, ok := g.names[id]; ok {
		return name
	}
	n, ok := g.nodes[id]
	if !ok || n.Which() == schema.NodeWhichFile || depth > maxScopes {
		return ""
	}
	plain := g.plainName(n)
	if name := g.rename(n); name != "" {
		plain = name
	}
	name := g.goNameAt(g.parent(n), depth+1) + g.exported(plain, g.originOf(id))
	if len(name) > maxName {
		g.problem(g.originOf(id), "", "its Go name is too long")
		name = name[:maxName]
	}
	g.names[id] = name
	return name
}

// plainName returns a node's own name. For the structs of methods it is made of the method's.
func (g *generator) plainName(n schema.Node) string {
	if made, ok := g.made[n.Id()]; ok {
		m := method{g.nodes[made.iface].Interface().Methods().At(made.method), made.method, made.iface}
		return g.methodName(m) + made.suffix
	}
	name, prefix := n.DisplayName(), int(n.DisplayNamePrefixLength())
	if prefix > len(name) {
		return ""
	}
	return name[prefix:]
}

// rename returns what $Go.name says of a node. A group is annotated where its field is.
func (g *generator) rename(n schema.Node) string {
	if n.Struct().IsGroup() {
		for _, f := range g.nodes[n.ScopeId()].Struct().Fields().All() {
			if f.Which() == schema.FieldWhichGroup && f.Group().TypeId() == n.Id() {
				return textAnnotation(f.Annotations(), nameAnnotation)
			}
		}
	}
	return textAnnotation(n.Annotations(), nameAnnotation)
}

// fieldName, enumerantName and methodName return the Go name of a member.
func (g *generator) fieldName(n schema.Node, f field) string {
	return g.memberName(n.Id(), f.Name(), f.Annotations())
}

func (g *generator) enumerantName(n schema.Node, e schema.Enumerant) string {
	return g.memberName(n.Id(), e.Name(), e.Annotations())
}

func (g *generator) methodName(m method) string {
	return g.memberName(m.iface, m.Name(), m.Annotations())
}

func (g *generator) memberName(id uint64, name string, list capnp.List[schema.Annotation]) string {
	o := g.originOf(id)
	o.member = name
	if renamed := textAnnotation(list, nameAnnotation); renamed != "" {
		name = renamed
	}
	return g.exported(name, o)
}

// exported makes a name of the schema an exported Go name: camelCase is capitalised, and an underscore,
// which other tools let pass, ends a word.
func (g *generator) exported(name string, o origin) string {
	var b strings.Builder
	up := true
	for _, r := range name {
		switch {
		case r == '_':
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	if s := b.String(); token.IsExported(s) && token.IsIdentifier(s) {
		return s
	}
	g.problem(o, "", "its name makes no exported Go identifier: "+name)
	return "X"
}

// lower makes an exported name an unexported one.
func lower(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// clientMembers and promiseMembers are what typed clients and promises have from package capnp. A method or
// field of that name gets a suffix.
func clientMember(name string) string {
	switch name {
	case "Client", "IsNull", "Release", "Resolve", "String":
		return name + "Method"
	}
	return name
}

func promiseMember(name string) string {
	switch name {
	case "Promise", "Wait", "WaitContext", "Done", "Release":
		return name + "Field"
	}
	return name
}
