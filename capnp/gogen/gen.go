package gogen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
)

// GenOptions steer [Gen]. Nil means the defaults.
type GenOptions struct {
	_ struct{}

	// ImportPaths are directories to search for imports that begin with a slash.
	ImportPaths []string
	// Packages is [Options.Packages].
	Packages map[string]string
	// Check writes nothing: Stale tells what would be written.
	Check bool
}

// GenResult is what [Gen] did.
type GenResult struct {
	// Stale are the files that were not up to date.
	Stale []string
	// Diags are what the compiler found in the schemas, warnings included.
	Diags []diag.Diagnostic
}

// ErrSchemas says that schemas have errors, which are in GenResult.Diags.
var ErrSchemas = errors.New("the schemas have errors")

// Gen writes the Go code for .capnp files, foo.capnp.go beside foo.capnp. A pattern is a file, a folder or
// folder/... for everything below it; as for the go command that leaves out folders called testdata or vendor
// or beginning with a dot or an underscore, and modules inside.
//
// A schema's name, as it appears in errors of calls, is its path from the folder of its go.mod, whatever the
// working folder is, so that the code is the same for everybody. Copies of the standard files are left
// alone: their code is in Lanyard already.
func Gen(patterns []string, opt *GenOptions) (*GenResult, error) {
	if opt == nil {
		opt = &GenOptions{}
	}
	folders, err := findSchemas(patterns)
	if err != nil {
		return nil, err
	}
	res := &GenResult{}
	var all []File
	var problems Problems
	for _, folder := range folders {
		files, err := genFolder(folder, opt, res)
		if ps, ok := errors.AsType[Problems](err); ok {
			problems = append(problems, ps...)
		} else if err != nil {
			return res, err
		}
		all = append(all, files...)
	}
	switch {
	case slices.ContainsFunc(res.Diags, func(d diag.Diagnostic) bool { return d.Severity == diag.Error }):
		return res, ErrSchemas
	case len(problems) > 0:
		return res, problems
	}
	for _, f := range all {
		if old, err := os.ReadFile(f.Name); err == nil && string(old) == string(f.Source) {
			continue
		}
		res.Stale = append(res.Stale, f.Name)
		if opt.Check {
			continue
		}
		if err := os.WriteFile(f.Name, f.Source, 0o666); err != nil {
			return res, err
		}
	}
	return res, nil
}

// schemaFolder is a folder and the schema files in it, both as the person names them.
type schemaFolder struct {
	dir   string
	files []string
}

// genFolder compiles the schemas of one folder and returns their code, with names relative to the working folder.
func genFolder(folder schemaFolder, opt *GenOptions, res *GenResult) ([]File, error) {
	root, mod := moduleRoot(folder.dir)
	var own, std []string
	prefix := root
	for _, name := range folder.files {
		switch f, at, ok := standardAt(name); {
		case !ok:
			own = append(own, name)
		case mod == module && f.dir != "" && at == filepath.Join(root, "capnp", "schemas"):
			std, prefix = append(std, name), at
		}
	}
	files, err := genFiles(own, root, root, opt, res)
	if err != nil || len(std) == 0 {
		return files, err
	}
	made, err := genFiles(std, prefix, root, opt, res)
	for _, f := range made {
		dir, ok := strings.CutPrefix(f.Package.Path, module+"/")
		if ok {
			f.Name = filepath.Join(root, filepath.FromSlash(dir), filepath.Base(f.Name))
			files = append(files, f)
		}
	}
	return files, err
}

// genFiles compiles files whose names begin below prefix, in a module that begins at root.
func genFiles(names []string, prefix, root string, opt *GenOptions, res *GenResult) ([]File, error) {
	if len(names) == 0 {
		return nil, nil
	}
	copt := &compiler.Options{ImportPaths: opt.ImportPaths, SrcPrefixes: []string{prefix}}
	if prefix != root {
		copt.ImportPaths = append([]string{prefix}, copt.ImportPaths...)
	}
	compiled, err := compiler.Compile(names, copt)
	if err != nil {
		return nil, err
	}
	res.Diags = append(res.Diags, compiled.Diags...)
	if !compiled.OK() {
		return nil, nil
	}
	files, err := Generate(compiled.Request, &Options{Packages: opt.Packages, Folder: Folders(prefix)})
	for i := range files {
		files[i].Name = filepath.Join(prefix, filepath.FromSlash(files[i].Name))
	}
	return files, err
}

// moduleRoot returns the folder of the go.mod around dir, and its module; without one the working folder if dir is
// below it, else dir itself.
func moduleRoot(dir string) (root, mod string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir, ""
	}
	for root := abs; ; root = filepath.Dir(root) {
		if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil {
			if rel, err := filepath.Rel(abs, root); err == nil {
				return filepath.Join(dir, rel), modulePath(string(text))
			}
			return root, modulePath(string(text))
		}
		if root == filepath.Dir(root) {
			if filepath.IsLocal(dir) {
				return ".", ""
			}
			return dir, ""
		}
	}
}

// findSchemas returns the schema files that patterns name, by folder.
func findSchemas(patterns []string) ([]schemaFolder, error) {
	byDir := map[string][]string{}
	add := func(name string) {
		dir := filepath.Dir(name)
		if !slices.Contains(byDir[dir], name) {
			byDir[dir] = append(byDir[dir], name)
		}
	}
	for _, pattern := range patterns {
		dir, deep := strings.CutSuffix(filepath.ToSlash(pattern), "...")
		if deep {
			dir = path.Clean(strings.TrimSuffix(dir, "/"))
		}
		if !deep && strings.HasSuffix(pattern, ".capnp") {
			add(filepath.Clean(pattern))
			continue
		}
		if err := walkSchemas(filepath.FromSlash(dir), deep, add); err != nil {
			return nil, err
		}
	}
	var out []schemaFolder
	for dir, files := range byDir {
		slices.Sort(files)
		out = append(out, schemaFolder{dir, files})
	}
	slices.SortFunc(out, func(a, b schemaFolder) int { return strings.Compare(a.dir, b.dir) })
	if len(out) == 0 {
		return nil, fmt.Errorf("no .capnp files match %s", strings.Join(patterns, " "))
	}
	return out, nil
}

func walkSchemas(dir string, deep bool, add func(string)) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			if strings.HasSuffix(name, ".capnp") && d.Type().IsRegular() {
				add(name)
			}
			return nil
		case name == dir:
			return nil
		case !deep || skipped(name, d.Name()):
			return fs.SkipDir
		}
		return nil
	})
}

func skipped(name, base string) bool {
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Lstat(filepath.Join(name, "go.mod"))
	return err == nil
}
