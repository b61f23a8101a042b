package gogen

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Folders finds the Go packages of schema files by where they are, for [Options.Folder]. Names are relative to dir.
// The name is that of the Go files in the folder, or else made from the path; the path is that of the
// module around the folder and what lies between.
func Folders(dir string) func(name string) (Package, error) {
	return func(name string) (Package, error) {
		folder, err := filepath.Abs(filepath.Join(dir, filepath.FromSlash(path.Dir(name))))
		if err != nil {
			return Package{}, err
		}
		clause, clauseErr := packageClause(folder)
		importPath, err := importPath(folder)
		if err := errors.Join(clauseErr, err); err != nil {
			return Package{Name: clause}, err
		}
		p := Package{Path: importPath, Name: clause}
		if p.Name == "" {
			p.Name = packageName(importPath)
		}
		return p, nil
	}
}

// packageClause returns the package that the Go files of a folder belong to, "" if there are none.
func packageClause(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", cleanPath(err)
	}
	found, from := "", ""
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil || ignored(f) {
			continue // another tool's problem, or a file that is never built
		}
		if found != "" && found != f.Name.Name {
			return "", fmt.Errorf("its folder has Go files of two packages: %s is of %s, %s of %s", from, found, name, f.Name.Name)
		}
		found, from = f.Name.Name, name
	}
	return found, nil
}

// ignored reports whether a file is kept out of every build, as generators beside a package are.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if c.Pos() > f.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			x, err := constraint.Parse(c.Text)
			if tag, ok := x.(*constraint.TagExpr); err == nil && ok && tag.Tag == "ignore" {
				return true
			}
		}
	}
	return false
}

// importPath returns the import path of a folder by the go.mod in it or above it.
func importPath(folder string) (string, error) {
	var below []string
	for at := folder; ; {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil {
			mod := modulePath(string(text))
			if mod == "" {
				return "", errors.New("the go.mod above it names no module")
			}
			slices.Reverse(below)
			return path.Join(append([]string{mod}, below...)...), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", cleanPath(err)
		}
		up := filepath.Dir(at)
		if up == at {
			return "", errors.New("nothing says which Go package it belongs to: there is no go.mod above its folder")
		}
		below = append(below, filepath.Base(at))
		at = up
	}
}

// modulePath returns what the module directive of a go.mod says.
func modulePath(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "//")
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[0] != "module" {
			continue
		}
		if s, err := strconv.Unquote(fields[1]); err == nil {
			return s
		}
		return fields[1]
	}
	return ""
}

// cleanPath leaves the absolute path out of an error.
func cleanPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s %s: %w", pe.Op, filepath.Base(pe.Path), pe.Err)
	}
	return err
}
