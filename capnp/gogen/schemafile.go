package gogen

import (
	"errors"
	"path"
	"strings"
	"unicode"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/packed"
	"lanyard.dev/capnp/schema"
)

// schemaFile prints the function that returns the compiled schema of the file.
func (p *printer) schemaFile() {
	name, rt := schemaName(p.file.name), p.rt()
	p.g.declare(p.scope, name, origin{file: p.file.name})
	nodes := p.g.subtree(p.file.node)
	var imports []string
	seen := map[*file]bool{p.file: true}
	extra := map[uint64]bool{}
	for _, n := range nodes {
		for _, id := range p.g.uses(n) {
			f := p.g.fileOf(id)
			if f == nil || seen[f] {
				continue
			}
			seen[f] = true
			imports = append(imports, p.reference(f, schemaName(f.name)))
		}
		for _, m := range n.Interface().Methods().All() {
			if s, ok := p.g.nodes[streamResult]; ok && m.ResultStructType() == streamResult && !extra[streamResult] {
				extra[streamResult] = true
				nodes = append(nodes, s)
			}
		}
	}
	data, err := nodeBytes(nodes)
	if err != nil {
		p.g.problem(origin{file: p.file.name}, "", "its schema cannot be stored: "+err.Error())
		return
	}
	p.f("// %s returns the compiled schema of %s.", name, plain(path.Base(p.file.name)))
	p.f("func %s() %s.SchemaFile {\nreturn %s.SchemaFile{", name, rt, rt)
	p.f("ID: %#x,\nName: %s,\nNodes: %sNodes,", p.file.id, quote(p.file.name), lower(name))
	if len(imports) > 0 {
		p.f("Imports: []func() %s.SchemaFile{%s},", rt, strings.Join(imports, ", "))
	}
	p.f("}\n}\n")
	p.f("const %sNodes = %s\n", lower(name), long(data))
}

// subtree returns a node and everything declared in it, in the order of the source.
func (g *generator) subtree(n schema.Node) []schema.Node {
	var out []schema.Node
	seen := map[uint64]bool{}
	var add func(n schema.Node, depth int)
	add = func(n schema.Node, depth int) {
		if seen[n.Id()] || depth > maxScopes {
			return
		}
		seen[n.Id()] = true
		out = append(out, n)
		for _, c := range g.children(n) {
			add(c, depth+1)
		}
	}
	add(n, 0)
	return out
}

// schemaName makes the name of the function from that of the schema file.
func schemaName(file string) string {
	base := strings.TrimSuffix(path.Base(file), ".capnp")
	var b strings.Builder
	up := true
	for _, r := range base {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
		case up:
			if b.Len() == 0 && unicode.IsDigit(r) {
				b.WriteByte('X')
			}
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "Schema"
}

// reference returns how to write a package-level name of the code for another file.
func (p *printer) reference(f *file, name string) string {
	p.g.resolvePackage(f)
	switch {
	case f.pkg == p.file.pkg:
		return name
	case f.pkg.Path == "":
		p.g.problem(origin{file: f.name}, packageFix, "nothing says from where to import its Go package, which "+p.file.name+" needs")
		return name
	}
	return p.use(f.pkg.Path, f.pkg.Name) + "." + name
}

// nodeBytes packs nodes into a message. It depends on what the nodes say only, not on the compiler that made
// them: positions in the source are left out.
func nodeBytes(nodes []schema.Node) (string, error) {
	words, err := oneSegment(func(m *capnp.MessageBuilder) {
		list := schema.NewRootCodeGeneratorRequest(m).NewNodes(len(nodes))
		for i, n := range nodes {
			capnp.SetStructAt(list, i, n)
			list.At(i).SetStartByte(0)
			list.At(i).SetEndByte(0)
		}
	})
	return string(packed.Pack(nil, words)), err
}

// staticWords returns the message whose root is a copy of v.
func staticWords(v capnp.Ptr) (string, error) {
	words, err := oneSegment(func(m *capnp.MessageBuilder) { m.Root().Set(v) })
	return string(words), err
}

// oneSegment returns the only segment of the message that build makes.
func oneSegment(build func(*capnp.MessageBuilder)) ([]byte, error) {
	opt := &capnp.BuilderOptions{FirstWords: 512, MaxWords: maxStatic / 8}
	for range 2 {
		m := capnp.NewMessage(opt)
		build(m)
		if err := m.Err(); err != nil {
			return nil, err
		}
		segments := m.Segments()
		if len(segments) == 1 {
			return segments[0], nil
		}
		opt.FirstWords = m.Size()/8 + 1
	}
	return nil, errors.New("gogen: message does not fit one segment of its size")
}
