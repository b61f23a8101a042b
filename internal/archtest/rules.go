package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A problem is one breach of one rule.
type problem struct {
	path string
	line int // 0 when the whole file or folder is meant
	text string
}

func (p problem) String() string {
	if p.line == 0 {
		return fmt.Sprintf("%s: %s", p.path, p.text)
	}
	return fmt.Sprintf("%s:%d: %s", p.path, p.line, p.text)
}

// A rule looks at the whole repository and reports what breaks it.
type rule struct {
	name  string
	check func(*repo) []problem
}

// rules is every rule. The names are the subtests of TestRepository and
// TestRulesRefuse.
var rules = []rule{
	{"rings", checkRings},
	{"bans", checkBans},
	{"core", checkCore},
	{"unsafe", checkUnsafe},
	{"packageDoc", checkPackageDoc},
	{"packageName", checkPackageName},
	{"exportDoc", checkExportDoc},
	{"noInit", checkNoInit},
	{"globals", checkGlobals},
	{"names", checkNames},
	{"library", checkLibrary},
	{"tests", checkTests},
	{"generated", checkGenerated},
	{"machine", checkMachine},
	{"identity", checkIdentity},
}

// An exception lets one file break one rule, for the reason it gives.
type exception struct{ rule, path, why string }

// exceptions may only shrink: one that is no longer needed fails the test.
var exceptions = []exception{
	{"unsafe", "internal/wire/kind.go", "proves once per element type that a cast is safe"},
	{"library", "store/storetest/pgtest/pgtest.go", "a helper of tests: LANYARD_INTEROP says whether a missing server is a failure"},
	{"globals", "capnp/mode.go", "pipeMu orders links between calls that end as others; it guards no state of its own"},
	{"globals", "capnp/hook.go", "graphMu orders edges between promises; it guards no state of its own"},
}

// checkRings: imports point to packages that come earlier in the rings.
func checkRings(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		from, ok := ringOf(f.dir)
		if !ok {
			out = append(out, problem{f.path, 0, "folder " + f.dir + " has no place in the rings (internal/archtest/rings.go)"})
			continue
		}
		for _, spec := range f.syntax.Imports {
			dir, ok := r.local(strings.Trim(spec.Path.Value, `"`))
			if !ok {
				continue
			}
			to, ok := ringOf(dir)
			// A test may import the package it stands in, and helpers from further out
			// only when the language allows it, that is from an external test package.
			if !ok || to > from && !(f.test && strings.HasSuffix(f.syntax.Name.Name, "_test")) {
				out = append(out, problem{f.path, r.line(spec), f.dir + " may not import " + dir + ": imports point down the rings"})
			}
		}
	}
	return out
}

// checkBans: what the order allows and the design forbids.
func checkBans(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		for _, spec := range f.syntax.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if dir, ok := r.local(path); ok {
				path = "./" + dir
			}
			for _, b := range bans {
				if within(f.dir, b.from) && within(path, b.path) && !f.test {
					out = append(out, problem{f.path, r.line(spec), f.dir + " may not import " + path + ": " + b.why})
				}
			}
		}
	}
	return out
}

// checkCore: the core depends on nothing that users would inherit.
func checkCore(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		if !inCore(f.dir) {
			continue
		}
		for _, spec := range f.syntax.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			_, local := r.local(path)
			allowed := local || isStd(path) || within(path, "golang.org/x/sys") ||
				f.test && slices.ContainsFunc(testModules, func(m string) bool { return within(path, m) })
			if !allowed {
				out = append(out, problem{f.path, r.line(spec), "the core imports the standard library and golang.org/x/sys only, not " + path})
			}
		}
	}
	return out
}

// checkUnsafe: unsafe in internal/wire, reflect in capnp/native (and tests),
// cgo nowhere.
func checkUnsafe(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		for _, spec := range f.syntax.Imports {
			switch path := strings.Trim(spec.Path.Value, `"`); {
			case path == "C":
				out = append(out, problem{f.path, r.line(spec), "no cgo"})
			case path == "unsafe" && !within(f.dir, "internal/wire"):
				out = append(out, problem{f.path, r.line(spec), "only internal/wire imports unsafe"})
			case path == "reflect" && !f.test && !within(f.dir, "capnp/native"):
				out = append(out, problem{f.path, r.line(spec), "only capnp/native imports reflect"})
			}
		}
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:linkname") {
					out = append(out, problem{f.path, r.line(c), "no linkname"})
				}
			}
		}
	}
	return out
}

// checkNoInit: nothing happens because a package was imported.
func checkNoInit(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, problem{f.path, r.line(fn), "no init functions"})
			}
		}
		for _, spec := range f.syntax.Imports {
			if spec.Name != nil && spec.Name.Name == "_" && !f.test && spec.Path.Value != `"embed"` {
				out = append(out, problem{f.path, r.line(spec), "no imports for their side effect"})
			}
		}
	}
	return out
}

// checkPackageName: a name says what is inside.
func checkPackageName(r *repo) []problem {
	var out []problem
	for _, p := range r.packages() {
		switch name := p.files[0].syntax.Name.Name; name {
		case "util", "utils", "common", "helper", "helpers", "types", "base", "misc", "shared":
			out = append(out, problem{p.dir, 0, "package name " + name + " says nothing"})
		}
	}
	return out
}

// line is the line on which n starts.
func (r *repo) line(n ast.Node) int { return r.at(n.Pos()) }

func (r *repo) at(pos token.Pos) int { return r.fset.Position(pos).Line }
