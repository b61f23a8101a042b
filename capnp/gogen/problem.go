package gogen

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is something in a schema that has no Go, or not until the schema says more.
type Problem struct {
	File string // the schema file as the request names it
	Name string // the declaration in it, such as "Calculator.evaluate"; empty for the file itself
	Text string
	Fix  string // what to write and where, if that helps
}

// Error returns "calc.capnp: Calculator.evaluate: text (fix)".
func (p Problem) Error() string {
	var b strings.Builder
	for _, s := range []string{p.File, p.Name} {
		if s != "" {
			b.WriteString(s + ": ")
		}
	}
	b.WriteString(p.Text)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems is every problem of a request. It is never empty.
type Problems []Problem

// Error returns the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// origin says where in the schemas a name comes from.
type origin struct {
	file   string
	name   string // as in the schema
	member string // which field, enumerant or method of it, or empty
}

func (o origin) String() string {
	if o.member != "" {
		return o.name + "." + o.member
	}
	return o.name
}

// maxProblems bounds how many problems are kept.
const maxProblems = 200

func (g *generator) problem(o origin, fix, text string) {
	if len(g.problems) >= maxProblems {
		return
	}
	p := Problem{plain(o.file), plain(o.String()), plain(text), plain(fix)}
	if slices.Contains(g.problems, p) {
		return
	}
	g.problems = append(g.problems, p)
}

// plain keeps text from a schema on one line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !printable(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// originOf returns where a node is declared.
func (g *generator) originOf(id uint64) origin {
	o := origin{name: fmt.Sprintf("@0x%x", id)}
	if f := g.fileOf(id); f != nil {
		o.file = f.name
	}
	if n, ok := g.nodes[id]; ok {
		_, name, found := strings.Cut(n.DisplayName(), ":")
		if found {
			o.name = name
		} else if id == g.owner(id) {
			o.name = ""
		}
	}
	return o
}

// declare takes a name in a scope: a package's path and name for package-level names, a Go type for its
// methods. A name that is taken already is a problem of the schema.
func (g *generator) declare(scope, name string, o origin) {
	key := scope + "\x00" + name
	first, taken := g.declared[key]
	if !taken {
		g.declared[key] = o
		return
	}
	other := first.String()
	if first.file != o.file {
		other += " of " + first.file
	}
	g.problem(o, `rename one of them in Go: $Go.name("…") with `+goImport, fmt.Sprintf("its Go name %s is taken by %s", name, other))
}

const goImport = `using Go = import "/go.capnp"`
