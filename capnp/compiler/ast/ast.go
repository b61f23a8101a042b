// Package ast is the tree of one schema file as it was written: declarations, expressions and
// where each of them stands. Names are not bound and values are not checked; a schema whose
// meaning you want is schema.Node.
//
// Nodes point down only. Every span is in bytes of the file of the enclosing [File].
// Spans are those that the C++ compiler reports, so that diagnostics agree column for column:
// an id's or ordinal's span is its number without the @, a negative number's lacks the sign,
// a parenthesized expression's lacks the parentheses.
//
//	var diags diag.List
//	file := parser.Parse(source.New("calc.capnp", text), &diags, nil)
//	for _, d := range file.Decls {
//		fmt.Println(d.Kind, d.Name.Text)
//	}
package ast

import "lanyard.dev/capnp/compiler/source"

// File is the root of a tree.
type File struct {
	Source *source.File

	// ID is never nil after parsing: a file that declares none gets a random id with an empty span
	// (and a diagnostic, unless ids are optional).
	ID *Number
	// Doc is the doc comment of the @0x…; statement; a second id's is not kept.
	Doc string

	Annotations []Annotation
	Decls       []*Decl // in source order
}

// Ident is a name where it was written.
type Ident struct {
	Text string
	Span source.Span
}

// Number is an id or ordinal where it was written.
type Number struct {
	Value uint64
	Span  source.Span // the digits, not the @
}

// Kind says what a declaration declares.
type Kind uint8

// The kinds of declaration. [File] is not one: it is the root.
const (
	Using Kind = iota + 1
	Const
	Enum
	Enumerant
	Struct
	Field
	Union
	Group
	Interface
	Method
	AnnotationDecl
)

var kindNames = [...]string{"invalid", "using", "const", "enum", "enumerant", "struct", "field",
	"union", "group", "interface", "method", "annotation"}

// String is the kind's word in messages: "struct", "enumerant", ….
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		k = 0
	}
	return kindNames[k]
}

// Decl is one declaration. Which of the lower fields are set depends on Kind.
type Decl struct {
	Kind Kind

	// Broken says that the statement did not parse: what was understood is here, so that
	// uses of the name do not look undefined; the rest is nil or *Bad. The error has been reported.
	Broken bool

	// Span is the statement from its first token up to and including its `;` or `}` and
	// the doc comment that follows it: Node.startByte and Node.endByte of SourceInfo.
	Span source.Span

	// Name is the declared name. An unnamed union has Text "" and the span of the word `union`.
	// A `using` without `=` has the name and span of the last member (Text "" if there is none;
	// that has been reported).
	Name Ident

	ID      *Number // explicit @0x… of a type, const or annotation; nil if none
	Ordinal *Number // @n of a field, enumerant, method, or of a union (`@n!`); nil if none. ≤ 65535 unless reported.

	// Params are the generic parameters of a struct or interface, and the implicit
	// ones `[T]` of a method.
	Params []Ident

	Annotations []Annotation
	Doc         string // each line ends in \n; "" if there is no doc comment

	Target Expr // Using: what the name stands for

	Type  Expr // Const, Field, AnnotationDecl
	Value Expr // Const: the value; Field: the default, nil if none

	Superclasses []Expr // Interface: what `extends(…)` lists

	MethodParams  *ParamList // Method
	MethodResults *ParamList // Method: nil if there is no `->`

	Targets Targets // AnnotationDecl

	// Decls are the members and nested declarations in source order
	// (Enum, Struct, Union, Group, Interface).
	Decls []*Decl
}

// Annotation is one `$name(value)`.
type Annotation struct {
	Span  source.Span // from the $
	Name  Expr
	Value Expr // nil if none was written, which means void; `$a(x = 1)` gives a *Tuple
}

// ParamListKind tells the three ways to write what a method takes or returns.
type ParamListKind uint8

// The ways to write a parameter list.
const (
	NamedParams  ParamListKind = iota // (a :Int32, b :Text)
	TypeParams                        // SomeStruct
	StreamParams                      // stream
)

// ParamList is what a method takes or returns.
type ParamList struct {
	Kind   ParamListKind
	Span   source.Span
	Params []*Param // NamedParams
	Type   Expr     // TypeParams
}

// Param is one named parameter.
type Param struct {
	Span        source.Span
	Name        Ident
	Type        Expr
	Default     Expr // nil if none
	Annotations []Annotation
}

// Targets is the set of places where an annotation may stand.
type Targets uint16

// The targets in the order of schema.capnp's Node.annotation.targets… fields.
const (
	TargetFile Targets = 1 << iota
	TargetConst
	TargetEnum
	TargetEnumerant
	TargetStruct
	TargetField
	TargetUnion
	TargetGroup
	TargetInterface
	TargetMethod
	TargetParam
	TargetAnnotation

	// AllTargets is what `*` stands for.
	AllTargets Targets = 1<<iota - 1
)

// Has reports whether all of t are in the set.
func (s Targets) Has(t Targets) bool { return s&t == t }
