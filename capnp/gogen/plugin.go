package gogen

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
)

// Plugin is what capnpc-lanyard does: it reads the request that a schema compiler writes to a plugin, and
// writes the Go files below dir. If opt has no Folder, packages are found by where files are below dir.
func Plugin(in io.Reader, dir string, opt *Options) error {
	req, err := readRequest(in)
	if err != nil {
		return fmt.Errorf("read the compiler's request: %w", err)
	}
	var o Options
	if opt != nil {
		o = *opt
	}
	if o.Folder == nil {
		o.Folder = Folders(dir)
	}
	files, err := Generate(req, &o)
	if err != nil {
		return err
	}
	return Write(files, dir)
}

// readRequest reads a request and checks it. A request that is larger to walk than to read was made by no compiler,
// and would take longer than its size lets expect.
func readRequest(in io.Reader) (schema.CodeGeneratorRequest, error) {
	m, err := frame.NewReader(in, nil).Read()
	if err != nil {
		return schema.CodeGeneratorRequest{}, err
	}
	words := 0
	for _, s := range m.Segments() {
		words += len(s) / 8
	}
	m = capnp.OpenMessage(m.Segments(), &capnp.Limits{TraversalWords: int64(words) + 64})
	if err := m.Verify(); err != nil {
		return schema.CodeGeneratorRequest{}, err
	}
	return capnp.Root[schema.CodeGeneratorRequest](m), nil
}

// Write writes generated files below dir and makes folders as needed. A file that is up to date already keeps
// its time.
func Write(files []File, dir string) error {
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return Problems{{File: f.Name, Text: "its name leads out of the output folder", Fix: "give the compiler a --src-prefix"}}
		}
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if old, err := os.ReadFile(name); err == nil && string(old) == string(f.Source) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Source, 0o666); err != nil {
			return err
		}
	}
	return nil
}
