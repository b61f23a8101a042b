package gogen

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"lanyard.dev/capnp/schema"
)

// resolvePackages finds the package of every requested file. Imported files follow when they are used.
func (g *generator) resolvePackages() {
	for _, f := range g.requested {
		g.resolvePackage(f)
	}
	for _, f := range g.requested {
		g.checkSamePackage(f)
	}
}

func (g *generator) checkSamePackage(f *file) {
	for _, other := range g.requested {
		if other == f {
			return
		}
		samePlace := path.Dir(other.name) == path.Dir(f.name) && !f.std && !other.std
		switch {
		case f.pkg.Path != "" && f.pkg.Path == other.pkg.Path && f.pkg.Name != other.pkg.Name,
			samePlace && f.pkg.Name != "" && other.pkg.Name != "" && f.pkg != other.pkg:
			g.problem(origin{file: f.name}, "", fmt.Sprintf("it goes to package %s, %s beside it to package %s; a folder is one package", f.pkg, other.name, other.pkg))
			return
		}
	}
}

// String returns the path, and the name if that is not the last element.
func (p Package) String() string {
	switch {
	case p.Path == "":
		return p.Name
	case path.Base(p.Path) == p.Name:
		return strconv.Quote(p.Path)
	}
	return strconv.Quote(p.Path + ";" + p.Name)
}

// resolvePackage sets f.pkg: by the fixed table, else by annotation, option and folder, where each
// source adds what those before it left open.
func (g *generator) resolvePackage(f *file) {
	if f.pkg.Name != "" {
		return
	}
	if f.pkg, f.std = standardPackage(f.id); f.std {
		return
	}
	p := Package{
		Path: textAnnotation(f.node.Annotations(), importAnnotation),
		Name: textAnnotation(f.node.Annotations(), packageAnnotation),
	}
	if o, ok := g.option(f); ok {
		p = p.or(o)
	}
	if (p.Path == "" || p.Name == "") && g.opt.Folder != nil {
		found, err := g.opt.Folder(f.name)
		if err != nil && p.Path == "" && p.Name == "" {
			g.problem(origin{file: f.name}, packageFix, err.Error())
		}
		p = p.or(found)
	}
	if p.Name == "" && p.Path != "" {
		p.Name = packageName(p.Path)
	}
	f.pkg = p
	switch {
	case p.Name == "":
		g.problem(origin{file: f.name}, packageFix, "nothing says which Go package it belongs to")
		f.pkg.Name = "missing"
	case !token.IsIdentifier(p.Name) || p.Name == "_":
		g.problem(origin{file: f.name}, packageFix, "its Go package has a name that is no Go identifier: "+p.Name)
	case p.Path != "" && !validPath(p.Path):
		g.problem(origin{file: f.name}, packageFix, "its Go package has a path that cannot be imported: "+p.Path)
	}
}

const packageFix = goImport + `; $Go.package("name"); $Go.import("example.org/module/folder"), or --go-package FILE=PATH, or a go.mod above it`

// or returns p with what it leaves open taken from q, unless they disagree.
func (p Package) or(q Package) Package {
	switch {
	case p.Path == "":
		p.Path = q.Path
		if p.Name == "" {
			p.Name = q.Name
		}
	case p.Name == "" && p.Path == q.Path:
		p.Name = q.Name
	}
	return p
}

// option returns what Options.Packages says of a file.
func (g *generator) option(f *file) (Package, bool) {
	for _, key := range []string{fmt.Sprintf("@0x%016x", f.id), fmt.Sprintf("0x%016x", f.id), f.name} {
		if v, ok := g.opt.Packages[key]; ok {
			p, name, _ := strings.Cut(v, ";")
			return Package{p, name}.or(Package{p, packageName(p)}), true
		}
	}
	return Package{}, false
}

// packageName makes the name that a package most likely has from its path: the last element, leaving out
// a major version, made an identifier.
func packageName(importPath string) string {
	base := path.Base(importPath)
	if v, ok := strings.CutPrefix(base, "v"); ok && strings.Trim(v, "0123456789") == "" && v != "" && strings.Contains(importPath, "/") {
		base = path.Base(path.Dir(importPath))
	}
	if i := strings.LastIndex(base, ".v"); i > 0 {
		base = base[:i]
	}
	name := strings.Map(func(r rune) rune {
		if r == '_' || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, base)
	switch {
	case name == "":
		return ""
	case unicode.IsDigit(rune(name[0])) || token.IsKeyword(name):
		name = "x" + name
	}
	return name
}

func validPath(p string) bool {
	if len(p) > 1024 || path.Clean(p) != p || strings.HasPrefix(p, ".") || strings.HasPrefix(p, "/") {
		return false
	}
	return strings.IndexFunc(p, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._~/+", r)
	}) < 0
}

// checkCycles refuses schemas whose Go packages would import each other. Schema files may do that; Go
// packages may not.
func (g *generator) checkCycles() {
	edges := map[string][]string{} // package path to those it uses
	example := map[[2]string]origin{}
	for _, n := range g.req.Nodes().All() {
		from := g.fileOf(n.Id())
		if from == nil {
			continue
		}
		for _, id := range g.uses(n) {
			to := g.fileOf(id)
			if to == nil || to == from {
				continue
			}
			g.knownPackage(from)
			g.knownPackage(to)
			a, b := from.pkg.Path, to.pkg.Path
			if a == "" || b == "" || a == b || slices.Contains(edges[a], b) {
				continue
			}
			edges[a] = append(edges[a], b)
			example[[2]string{a, b}] = g.originOf(n.Id())
		}
	}
	for _, f := range g.requested {
		if cycle := findCycle(edges, f.pkg.Path); cycle != nil {
			o := example[[2]string{cycle[0], cycle[1]}]
			g.problem(o, "put the files in one package, or the shared types in one of their own", "Go packages would import each other: "+strings.Join(cycle, " -> "))
			return
		}
	}
}

// knownPackage resolves the package of an imported file, without complaint if it has none.
func (g *generator) knownPackage(f *file) {
	if !f.requested && f.pkg.Name == "" {
		before := len(g.problems)
		g.resolvePackage(f)
		if len(g.problems) > before {
			g.problems = g.problems[:before]
			f.pkg = Package{}
		}
	}
}

// findCycle returns a path through edges from start back to start, or nil.
func findCycle(edges map[string][]string, start string) []string {
	seen := map[string]bool{}
	var walk func(at string, way []string) []string
	walk = func(at string, way []string) []string {
		way = append(way, at)
		for _, next := range edges[at] {
			if next == start {
				return append(way, start)
			}
			if !seen[next] {
				seen[next] = true
				if found := walk(next, way); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk(start, nil)
}

// uses returns the nodes whose Go types the code for n mentions.
func (g *generator) uses(n schema.Node) []uint64 {
	var out []uint64
	ofType := func(t schema.Type) {
		for t.Which() == schema.TypeWhichList {
			t = t.List().ElementType()
		}
		switch t.Which() {
		case schema.TypeWhichStruct:
			out = append(out, t.Struct().TypeId())
		case schema.TypeWhichEnum:
			out = append(out, t.Enum().TypeId())
		case schema.TypeWhichInterface:
			out = append(out, t.Interface().TypeId())
		}
	}
	for _, f := range n.Struct().Fields().All() {
		ofType(f.Slot().Type())
	}
	for _, m := range n.Interface().Methods().All() {
		for _, id := range []uint64{m.ParamStructType(), m.ResultStructType()} {
			if id != streamResult {
				out = append(out, id)
			}
		}
	}
	for _, s := range g.ancestors(n) {
		out = append(out, s.Id())
	}
	if n.Which() == schema.NodeWhichConst {
		ofType(n.Const().Type())
	}
	return out
}
