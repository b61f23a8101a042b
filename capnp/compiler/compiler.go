// Package compiler compiles .capnp schemas: it reads files, reports what is
// wrong with them and produces the message that code generators read.
//
// It is for tools. A program that only needs the schema of its own types finds
// it in the generated code; one that reads compiled schemas uses package
// schema.
//
//	res, err := compiler.Compile([]string{"calc.capnp"}, nil)
//	if err != nil { … } // a file that cannot be read
//	diag.Write(os.Stderr, res.Diags, nil)
//	if res.OK() {
//		for _, n := range res.Request.Nodes().All() { … }
//	}
package compiler

import (
	"cmp"
	"io/fs"
	"slices"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/lower"
	"lanyard.dev/capnp/compiler/resolve"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/schema"
)

// Options say where files are and what is accepted. Nil means the defaults.
type Options struct {
	// Files holds the files to compile, by the names given to Compile. Nil means
	// the machine's files.
	Files fs.FS

	// ImportPaths are directories to search for imports that begin with a slash;
	// then comes ImportFS, then the standard files that this package brings.
	ImportPaths []string
	ImportFS    []fs.FS
	// NoStandardImport leaves out the standard files.
	NoStandardImport bool
	// SrcPrefixes are directories: the name of a file to compile that lies in one
	// begins after it. Otherwise names begin after the working directory.
	SrcPrefixes []string

	// IDOptional accepts files without an id.
	IDOptional bool
	// NewID makes the id proposed to a file without one; nil means a random one.
	NewID func() uint64
	// IgnoreIssue344 accepts structs that Cap'n Proto 0.5 and before laid out
	// wrongly (capnproto issue 344), and gives them the right layout.
	IgnoreIssue344 bool

	Limits Limits

	_ struct{}
}

// Limits bound what schemas can cost. Zero fields mean the defaults. What goes
// beyond is a diagnostic.
type Limits struct {
	SourceBytes int // of one file; 8 MiB
	TotalBytes  int // of all files; 32 MiB
	EmbedBytes  int // of all embedded files; 64 MiB
	Imports     int // files that import one another; 64
	Nesting     int // of blocks and brackets; 200
	Nodes       int // declarations, groups and parameter lists; 100 000
	Brand       int // types that one generic type stands for; 10 000
	ValueWords  int // of all constants, defaults and annotations; 8 Mi words
	Diags       int // findings that are kept; 200

	_ struct{}
}

// maxMessage bounds the message that is made, in words: far more than the
// limits above allow for real schemas.
const maxMessage = 1 << 25

// version is the version of Cap'n Proto that this compiler is like.
var version = lower.Version{Major: 1, Minor: 4}

// Version is the version of Cap'n Proto that this compiler is like.
const Version = "1.4.0"

// Result is what a compilation gives.
type Result struct {
	// Request describes the compiled files and all they depend on. It is null if
	// there were errors.
	Request schema.CodeGeneratorRequest
	// Message holds Request; nil if there were errors.
	Message *capnp.Message
	// Diags are the findings: by file, then by place.
	Diags []diag.Diagnostic
	// Dropped is the number of findings beyond the limit.
	Dropped int
}

// OK reports whether there is a Request. There can be warnings.
func (r *Result) OK() bool { return r.Message != nil }

// Compile compiles schema files. The error is about files that cannot be read;
// what is wrong inside of files, imports included, is in the result. It is
// safe to call from several goroutines, and gives the same for the same input.
func Compile(files []string, opt *Options) (*Result, error) {
	if opt == nil {
		opt = &Options{}
	}
	diags := &diag.List{Max: opt.Limits.Diags}
	l, err := newLoader(opt, diags)
	if err != nil {
		return nil, err
	}
	defer l.close()

	p := resolve.New(l, diags, &resolve.Limits{
		Imports: opt.Limits.Imports,
		Nodes:   opt.Limits.Nodes,
		Brand:   opt.Limits.Brand,
	})
	var modules []*resolve.Module
	for _, name := range files {
		f, err := l.requested(name)
		if err != nil {
			return nil, err
		}
		if m := p.Add(f); !slices.Contains(modules, m) {
			modules = append(modules, m)
		}
	}
	request := lower.Lower(p, modules, &lower.Options{
		Limits:         lower.Limits{ValueWords: opt.Limits.ValueWords},
		IgnoreIssue344: opt.IgnoreIssue344,
	})
	res := &Result{}
	if diags.Errors() == 0 {
		res.Message, err = lower.Write(request, version, maxMessage)
		if err != nil {
			diags.Add(diag.Diagnostic{
				Code: diag.TooBig, File: modules[0].File.Source, Span: source.Span{},
				Message: "The compiled schema is too large.",
			})
		} else {
			res.Request = capnp.Root[schema.CodeGeneratorRequest](res.Message)
		}
	}
	res.Diags, res.Dropped = l.sorted(diags.All()), diags.Dropped()
	return res, nil
}

// sorted puts findings in the order of files, then of places.
func (l *loader) sorted(all []diag.Diagnostic) []diag.Diagnostic {
	order := map[*source.File]int{}
	for i, f := range l.order {
		order[f.Source] = i
	}
	slices.SortStableFunc(all, func(a, b diag.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(order[a.File], order[b.File]),
			cmp.Compare(a.Span.Start, b.Span.Start),
			cmp.Compare(a.Span.End, b.Span.End),
		)
	})
	return all
}
