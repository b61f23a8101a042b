package resolve

import (
	"strings"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/source"
)

// Kind says what a Decl declares.
type Kind uint8

const (
	File Kind = iota
	Const
	Enum
	Struct
	Interface
	Annotation

	// The rest are the built-in types.
	Void
	Bool
	Int8
	Int16
	Int32
	Int64
	UInt8
	UInt16
	UInt32
	UInt64
	Float32
	Float64
	Text
	Data
	List
	Object // the name of AnyPointer before 0.4
	AnyPointer
	AnyStruct
	AnyList
	Capability
	kindEnd
)

var builtinNames = [...]string{
	Void: "Void", Bool: "Bool", Int8: "Int8", Int16: "Int16", Int32: "Int32", Int64: "Int64",
	UInt8: "UInt8", UInt16: "UInt16", UInt32: "UInt32", UInt64: "UInt64",
	Float32: "Float32", Float64: "Float64", Text: "Text", Data: "Data", List: "List",
	Object: "Object", AnyPointer: "AnyPointer", AnyStruct: "AnyStruct", AnyList: "AnyList",
	Capability: "Capability",
}

var astKinds = map[ast.Kind]Kind{
	ast.Const: Const, ast.Enum: Enum, ast.Struct: Struct, ast.Interface: Interface,
	ast.AnnotationDecl: Annotation,
}

// Decl is a declaration with a node of its own (file, const, enum, struct,
// interface, annotation), or a built-in type.
type Decl struct {
	Kind        Kind
	ID          uint64 // never shared: a duplicate gets a number below typeid.Min
	DisplayName string // "calc.capnp:Calculator.Value"
	Module      *Module
	AST         *ast.Decl // nil for a file or built-in type
	Parent      *Decl     // nil for a file or built-in type
	Params      []ast.Ident
	Nested      []*Decl // in source order
	Aliases     []*Alias

	// Members by name. Where a name stands twice, the first counts.
	decls   map[string]*Decl
	aliases map[string]*Alias

	scope *scope // for expressions that stand in this declaration
}

// Name is the declared name, "" for a file.
func (d *Decl) Name() string {
	if d.AST == nil {
		return ""
	}
	return d.AST.Name.Text
}

// PrefixLen is the length of the part of DisplayName before the declared name.
func (d *Decl) PrefixLen() int {
	dot, colon := strings.LastIndexByte(d.DisplayName, '.'), strings.LastIndexByte(d.DisplayName, ':')
	n := dot + 1
	if colon > n {
		n = colon + 1
	}
	return n
}

// Span is the whole declaration.
func (d *Decl) Span() source.Span {
	if d.AST == nil {
		return source.Span{}
	}
	return d.AST.Span
}

// NameSpan is where complaints about the declaration as a whole point.
func (d *Decl) NameSpan() source.Span {
	if d.AST == nil {
		return source.Span{}
	}
	if d.AST.Name.Text == "" {
		return d.AST.Span
	}
	return d.AST.Name.Span
}

// Generic reports whether the declaration or one that encloses it has
// parameters.
func (d *Decl) Generic() bool {
	for ; d != nil; d = d.Parent {
		if len(d.Params) > 0 {
			return true
		}
	}
	return false
}

// Alias is a `using` declaration.
type Alias struct {
	In  *Decl
	AST *ast.Decl

	started bool
	target  *target // nil if it has no meaning
}

// Module is one schema file.
type Module struct {
	File *ast.File
	Name string
	Root *Decl

	// Identifiers are the places that name a declaration, as they were met.
	Identifiers []Identifier

	depth int // of imports, from a requested file
}

// Declares reports whether the file declares a name at its top.
func (m *Module) Declares(name string) bool { return m.Root.decls[name] != nil }

// Identifier is a place in a file that names a declaration.
type Identifier struct {
	Span source.Span
	ID   uint64
}
