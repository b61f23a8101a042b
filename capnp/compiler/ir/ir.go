// Package ir is a compiled schema as plain Go values: what schema.capnp says,
// before it is written into a message.
//
// It exists for the phases inside the compiler. Programs read schema.Node.
package ir

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/source"
)

// NodeKind tells what a node is. The numbers are those of schema.capnp.
type NodeKind uint8

const (
	FileNode NodeKind = iota
	StructNode
	EnumNode
	InterfaceNode
	ConstNode
	AnnotationNode
)

// Node is one schema.Node. Which of the lower fields are set depends on Kind.
type Node struct {
	ID          uint64
	ScopeID     uint64
	DisplayName string
	PrefixLen   int // of DisplayName, up to and including the last separator
	Params      []string
	Generic     bool // this node or one that encloses it has Params
	Nested      []Nested
	Annotations []Annotation
	Span        source.Span
	Kind        NodeKind

	Struct     *Struct
	Enumerants []Enumerant
	Interface  *Interface
	Type       *Type       // of a const or annotation
	Value      *Value      // of a const
	Targets    ast.Targets // of an annotation
}

// Nested names a declaration inside another.
type Nested struct {
	Name string
	ID   uint64
}

// Struct is the body of a struct, a group, or a parameter list.
type Struct struct {
	DataWords, Pointers uint32
	Group               bool
	Discriminants       int    // members of the unnamed union
	DiscriminantOffset  uint32 // in units of 16 bits
	Fields              []*Field
}

// NoDiscriminant is the Discriminant of a field outside the unnamed union.
const NoDiscriminant = 0xffff

// Field is a member of a struct: a group if Group is set, otherwise a slot.
type Field struct {
	Name         string
	CodeOrder    int
	Annotations  []Annotation
	Discriminant uint16
	HasOrdinal   bool
	Ordinal      uint16

	Group *Node

	Offset          uint32 // in units of the field's size
	Type            *Type
	Default         *Value
	ExplicitDefault bool // it is written in the source
}

// Enumerant is a member of an enum.
type Enumerant struct {
	Name        string
	CodeOrder   int
	Annotations []Annotation
}

// Interface is the body of an interface.
type Interface struct {
	Superclasses []Superclass
	Methods      []Method
}

// Superclass is an interface that another extends.
type Superclass struct {
	ID    uint64
	Brand *Brand
}

// Method is a member of an interface.
type Method struct {
	Name        string
	CodeOrder   int
	Implicit    []string
	ParamID     uint64
	ParamBrand  *Brand
	ResultID    uint64
	ResultBrand *Brand
	Annotations []Annotation
}

// Annotation is an application of an annotation.
type Annotation struct {
	ID    uint64
	Brand *Brand
	Value *Value
}

// SourceInfo is what schema.Node.SourceInfo says of a node.
type SourceInfo struct {
	ID      uint64
	Doc     string
	Span    source.Span
	Members []MemberInfo
}

// MemberInfo is what SourceInfo says of a field, enumerant or method.
type MemberInfo struct {
	Doc  string
	Span source.Span
}

// Request is one schema.CodeGeneratorRequest.
type Request struct {
	Nodes      []*Node
	SourceInfo []*SourceInfo
	Files      []RequestedFile
}

// RequestedFile is a file that code is wanted for.
type RequestedFile struct {
	ID          uint64
	Name        string
	Imports     []Import
	Identifiers []Identifier
}

// Import is a file that a requested file mentions outside of values.
type Import struct {
	ID   uint64
	Name string
}

// Identifier is a place in a source file that names a type.
type Identifier struct {
	Span   source.Span
	TypeID uint64
}
