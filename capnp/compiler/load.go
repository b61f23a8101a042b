package compiler

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/typeid"
	"lanyard.dev/capnp/schemas"
)

// tree is a directory that imports stay in: a relative import cannot lead out
// of the tree of its file, nor can a symbolic link.
type tree struct {
	fsys fs.FS
	// shown goes before a file's name in diagnostics.
	shown string
}

// key is where a file was found.
type key struct {
	in   *tree
	name string
}

// loader finds, reads and parses files. It implements resolve.Loader.
type loader struct {
	opt   *Options
	diags *diag.List

	cwd      string
	prefixes []string // absolute
	trees    map[string]*tree
	roots    []*os.Root
	search   []*tree

	files  map[key]*ast.File
	places map[*ast.File]key
	infos  map[*ast.File]fs.FileInfo
	order  []*ast.File
	embeds map[key][]byte
	warned bool

	sourceLeft, embedLeft int // bytes that may still be read
}

func newLoader(opt *Options, diags *diag.List) (*loader, error) {
	l := &loader{
		opt: opt, diags: diags,
		trees:  map[string]*tree{},
		files:  map[key]*ast.File{},
		places: map[*ast.File]key{},
		infos:  map[*ast.File]fs.FileInfo{},
		embeds: map[key][]byte{},

		sourceLeft: orDefault(opt.Limits.TotalBytes, 32<<20),
		embedLeft:  orDefault(opt.Limits.EmbedBytes, 64<<20),
	}
	if err := l.open(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func orDefault(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

// open finds the directories.
func (l *loader) open() error {
	if l.opt.Files == nil || len(l.opt.ImportPaths) > 0 {
		cwd, err := os.Getwd()
		if err != nil {
			return err
		}
		l.cwd = cwd
	}
	for _, dir := range l.opt.ImportPaths {
		t, err := l.dir(dir)
		if err != nil {
			return fmt.Errorf("import path %s: %w", dir, cause(err))
		}
		l.search = append(l.search, t)
	}
	for _, fsys := range l.opt.ImportFS {
		l.search = append(l.search, &tree{fsys: fsys})
	}
	if !l.opt.NoStandardImport {
		l.search = append(l.search, &tree{fsys: schemas.FS()})
	}
	for _, dir := range l.opt.SrcPrefixes {
		if l.opt.Files != nil {
			l.prefixes = append(l.prefixes, path.Clean(filepath.ToSlash(dir)))
			continue
		}
		if _, err := l.dir(dir); err != nil {
			return fmt.Errorf("source prefix %s: %w", dir, cause(err))
		}
		l.prefixes = append(l.prefixes, l.abs(dir))
	}
	// The longest prefix counts.
	slices.SortStableFunc(l.prefixes, func(a, b string) int { return len(b) - len(a) })
	return nil
}

func (l *loader) close() {
	for _, r := range l.roots {
		r.Close()
	}
}

func (l *loader) abs(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(l.cwd, name)
}

// dir is the tree of a directory of the machine.
func (l *loader) dir(name string) (*tree, error) {
	abs := l.abs(name)
	if t := l.trees[abs]; t != nil {
		return t, nil
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	l.roots = append(l.roots, root)
	t := &tree{fsys: root.FS()}
	switch abs {
	case l.cwd:
	case string(filepath.Separator):
		t.shown = abs
	default:
		t.shown = strings.TrimSuffix(filepath.ToSlash(name), "/") + "/"
	}
	l.trees[abs] = t
	return t, nil
}

// requested loads a file that was named by the user.
func (l *loader) requested(name string) (*ast.File, error) {
	k, err := l.place(name)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", name, cause(err))
	}
	at := k
	if l.opt.Files == nil {
		// The user named it, so it may be a link to anywhere.
		dir, base := filepath.Split(l.abs(name))
		at = key{&tree{fsys: os.DirFS(dir)}, base}
	}
	f, err := l.loadFrom(k, at)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", name, cause(err))
	}
	return f, nil
}

// place is where a file named by the user belongs.
func (l *loader) place(name string) (key, error) {
	if l.opt.Files != nil {
		return l.placeIn(l.opt.Files, path.Clean(filepath.ToSlash(name)))
	}
	abs := l.abs(name)
	dir := filepath.VolumeName(abs) + string(filepath.Separator)
	for _, d := range append(slices.Clip(l.prefixes), l.cwd) {
		if inside(d, abs) {
			dir = d
			break
		}
	}
	t, err := l.dir(dir)
	if err != nil {
		return key{}, err
	}
	rel, err := filepath.Rel(dir, abs)
	if err != nil {
		return key{}, err
	}
	return key{t, filepath.ToSlash(rel)}, nil
}

func (l *loader) placeIn(fsys fs.FS, name string) (key, error) {
	dir := "."
	for _, d := range l.prefixes {
		if rest, ok := strings.CutPrefix(name, d+"/"); ok {
			dir, name = d, rest
			break
		}
	}
	t := l.trees[dir]
	if t == nil {
		t = &tree{fsys: fsys}
		if dir != "." {
			sub, err := fs.Sub(fsys, dir)
			if err != nil {
				return key{}, err
			}
			t.fsys, t.shown = sub, dir+"/"
		}
		l.trees[dir] = t
	}
	return key{t, name}, nil
}

func inside(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != "." && filepath.IsLocal(rel)
}

// Import finds the file that an import means.
func (l *loader) Import(from *ast.File, name string) (*ast.File, error) {
	candidates, err := l.candidates(from, name)
	if err != nil {
		return nil, err
	}
	for _, k := range candidates {
		f, err := l.load(k)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, cause(err)
		}
	}
	return nil, errNotFound(name)
}

// Embed reads the file that an embed means.
func (l *loader) Embed(from *ast.File, name string) ([]byte, error) {
	candidates, err := l.candidates(from, name)
	if err != nil {
		return nil, err
	}
	for _, k := range candidates {
		if content, ok := l.embeds[k]; ok {
			return content, nil
		}
		content, _, err := read(k, l.embedLeft)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, cause(err)
		}
		l.embedLeft -= len(content)
		l.embeds[k] = content
		return content, nil
	}
	return nil, errNotFound(name)
}

// Name is the name of a file in display names.
func (l *loader) Name(f *ast.File) string { return l.places[f].name }

func errNotFound(name string) error {
	if strings.HasPrefix(name, "/") {
		return errors.New("no such file in the import directories")
	}
	return errors.New("no such file; names without a leading slash start at the importing file")
}

// candidates are the places that a name in from can mean, best first.
func (l *loader) candidates(from *ast.File, name string) ([]key, error) {
	if strings.ContainsRune(name, 0) || name == "" {
		return nil, errors.New("not a file name")
	}
	rest, absolute := strings.CutPrefix(name, "/")
	if !absolute {
		at := l.places[from]
		full := path.Join(path.Dir(at.name), name)
		if !fs.ValidPath(full) {
			return nil, errors.New("leads out of the directory that imports stay in")
		}
		return []key{{at.in, full}}, nil
	}
	rest = path.Clean(rest)
	if !fs.ValidPath(rest) {
		return nil, errors.New("leads out of the import directory")
	}
	var all []key
	for _, t := range l.search {
		all = append(all, key{t, rest})
	}
	return all, nil
}

// load reads and parses a file, once.
func (l *loader) load(k key) (*ast.File, error) { return l.loadFrom(k, k) }

// loadFrom is load for a file that is read from another place than its own.
func (l *loader) loadFrom(k, at key) (*ast.File, error) {
	if f := l.files[k]; f != nil {
		return f, nil
	}
	limit := orDefault(l.opt.Limits.SourceBytes, 8<<20)
	text, info, err := read(at, min(limit, l.sourceLeft))
	if err != nil {
		return nil, err
	}
	if f := l.same(k, info, string(text)); f != nil {
		l.files[k] = f
		return f, nil
	}
	l.sourceLeft -= len(text)
	f := parser.Parse(source.New(k.in.shown+k.name, string(text)), l.diags, &parser.Options{
		IDOptional: l.opt.IDOptional,
		NewID:      l.newID(k),
		Limits:     parser.Limits{Bytes: limit, Nesting: l.opt.Limits.Nesting},
	})
	l.files[k], l.places[f], l.infos[f] = f, k, info
	l.order = append(l.order, f)
	return f, nil
}

// newID gives a file that needs no id one that is the same each time.
func (l *loader) newID(k key) func() uint64 {
	if l.opt.NewID == nil && l.opt.IDOptional {
		return func() uint64 { return typeid.Child(0, k.name) }
	}
	return l.opt.NewID
}

// same finds a file that was read before under another name, or in another
// tree: a link, or what has the same name and content there.
func (l *loader) same(k key, info fs.FileInfo, text string) *ast.File {
	for _, f := range l.order {
		at := l.places[f]
		if path.Base(at.name) != path.Base(k.name) || !os.SameFile(info, l.infos[f]) &&
			(at.name != k.name || f.Source.Text() != text) {
			continue
		}
		if at.name != k.name && !l.warned {
			l.warned = true
			l.diags.Add(diag.Diagnostic{
				Code: diag.SameFile, Severity: diag.Warning, File: f.Source,
				Message: fmt.Sprintf("Found the same file as '%s' and as '%s'.", at.name, k.name),
				Hint:    "no import directory or source prefix should lie inside another",
			})
		}
		return f
	}
	return nil
}

// read returns the content of a regular file of at most limit bytes.
func read(k key, limit int) ([]byte, fs.FileInfo, error) {
	info, err := fs.Stat(k.in.fsys, k.name)
	if err != nil {
		return nil, nil, err
	}
	// Before it is opened: opening a FIFO waits.
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a regular file")
	}
	f, err := k.in.fsys.Open(k.name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, nil, err
	}
	if len(content) > limit {
		return nil, nil, fmt.Errorf("more than %d bytes", limit)
	}
	return content, info, nil
}

// cause is an error without the path that the file system adds.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
