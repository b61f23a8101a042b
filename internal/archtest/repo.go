// Package archtest keeps the shape of this repository: which package may
// import which, and what every file must look like. It is not for users; its
// tests read the source tree, and a change that breaks a rule fails them.
//
// The rules are a table (rules.go), the rings are a table (rings.go), and
// selftest_test.go feeds each rule a small tree that it must refuse, so that a
// rule cannot go blind unnoticed.
package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A file is one text file of the repository.
type file struct {
	path string // slash-separated, relative to the root
	src  []byte

	// The rest is set for Go files outside testdata only.
	syntax    *ast.File
	dir       string // folder, which is also the import path below the module
	module    string // folder of the go.mod that governs the file, "." for the main one
	test      bool   // a _test.go file
	generated bool   // carries the "Code generated" line
}

// imports lists the file's import paths.
func (f *file) imports() []string {
	var out []string
	for _, spec := range f.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// A repo is the part of the source tree that the rules look at.
type repo struct {
	module string // the main module's path
	fset   *token.FileSet
	files  []*file
}

// goFiles lists the Go files of the main module.
func (r *repo) goFiles() []*file {
	var out []*file
	for _, f := range r.files {
		if f.syntax != nil && f.module == "." {
			out = append(out, f)
		}
	}
	return out
}

// packages groups the main module's Go files by folder, in order of folder.
func (r *repo) packages() []pkg {
	byDir := map[string][]*file{}
	for _, f := range r.goFiles() {
		byDir[f.dir] = append(byDir[f.dir], f)
	}
	var out []pkg
	for dir, files := range byDir {
		out = append(out, pkg{dir, files})
	}
	slices.SortFunc(out, func(a, b pkg) int { return strings.Compare(a.dir, b.dir) })
	return out
}

// A pkg is the Go files of one folder.
type pkg struct {
	dir   string
	files []*file
}

// local turns an import path into a folder of the main module.
func (r *repo) local(importPath string) (dir string, ok bool) {
	if importPath == r.module {
		return ".", true
	}
	return strings.CutPrefix(importPath, r.module+"/")
}

// load reads the named files of fsys. Binary files are left out.
func load(fsys fs.FS, names []string) (*repo, error) {
	r := &repo{fset: token.NewFileSet()}
	nested := moduleDirs(names)
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	r.module = modulePath(mod)
	if r.module == "" {
		return nil, fmt.Errorf("go.mod: no module line")
	}
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(src, 0) >= 0 {
			continue
		}
		f := &file{path: name, src: src}
		if err := r.parse(f, nested); err != nil {
			return nil, err
		}
		r.files = append(r.files, f)
	}
	return r, nil
}

// parse fills in what only Go files have.
func (r *repo) parse(f *file, nested []string) error {
	if path.Ext(f.path) != ".go" || isTestdata(f.path) {
		return nil
	}
	syntax, err := parser.ParseFile(r.fset, f.path, f.src, parser.ParseComments)
	if err != nil {
		return err
	}
	f.syntax = syntax
	f.dir = path.Dir(f.path)
	f.module = "."
	for _, dir := range nested {
		if strings.HasPrefix(f.path, dir+"/") {
			f.module = dir
		}
	}
	f.test = strings.HasSuffix(f.path, "_test.go")
	f.generated = ast.IsGenerated(syntax)
	return nil
}

// moduleDirs lists the folders other than the root that hold a go.mod.
func moduleDirs(names []string) []string {
	var out []string
	for _, name := range names {
		if dir := path.Dir(name); path.Base(name) == "go.mod" && dir != "." && !isTestdata(name) {
			out = append(out, dir)
		}
	}
	return out
}

// modulePath finds the module line of a go.mod file.
func modulePath(mod []byte) string {
	for line := range strings.Lines(string(mod)) {
		if rest, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// isTestdata reports whether the Go tool ignores the file's folder.
func isTestdata(name string) bool {
	for elem := range strings.SplitSeq(path.Dir(name), "/") {
		if elem == "testdata" || (elem != "." && elem[0] == '.') || elem[0] == '_' {
			return true
		}
	}
	return false
}
