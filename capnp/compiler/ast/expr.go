package ast

import "lanyard.dev/capnp/compiler/source"

// Expr is a type, a value, or the name of a declaration: the grammar does not tell them apart.
// The implementations are the types of this file; the set is closed.
type Expr interface {
	// Pos is where the expression stands.
	Pos() source.Span
	expr()
}

// Bad stands where an expression failed to parse. The error has been reported:
// later phases say nothing about it.
type Bad struct{ Span source.Span }

// Int is an integer; the value is -Value if Negative. `-0` is negative.
type Int struct {
	Span     source.Span
	Value    uint64
	Negative bool
}

// Float is a number with a fraction or exponent, or `-inf`
// (`inf` and `nan` alone are names).
type Float struct {
	Span  source.Span
	Value float64
}

// String is one or more adjacent string literals, joined.
// Value may hold any bytes: escapes can make it invalid UTF-8.
type String struct {
	Span  source.Span
	Value string
}

// Binary is a 0x"…" literal.
type Binary struct {
	Span  source.Span
	Value []byte
}

// Name is a bare identifier, or with Absolute one after a leading dot (`.Foo`).
type Name struct {
	Span     source.Span // with the dot
	Name     Ident       // without it
	Absolute bool
}

// Import is `import "path"`.
type Import struct {
	Span source.Span
	Path Ident // the text and span of the string
}

// Embed is `embed "path"`.
type Embed struct {
	Span source.Span
	Path Ident
}

// List is `[a, b]`. An element that failed to parse is a *Bad.
type List struct {
	Span  source.Span
	Elems []Expr
}

// Tuple is `(a = 1, b = 2)`, `()`, or a parenthesized list of two or more.
// One unnamed value in parentheses is that value, not a tuple.
type Tuple struct {
	Span source.Span
	Args []Arg
}

// Arg is an element of a tuple or application.
type Arg struct {
	Name  *Ident // nil if unnamed
	Value Expr
}

// Apply is `Func(Args)`: generic parameters bound.
type Apply struct {
	Span source.Span
	Func Expr
	Args []Arg
}

// Member is `Parent.Name`.
type Member struct {
	Span   source.Span
	Parent Expr
	Name   Ident
}

// Pos is where the expression stands.
func (e *Bad) Pos() source.Span    { return e.Span }
func (e *Int) Pos() source.Span    { return e.Span }
func (e *Float) Pos() source.Span  { return e.Span }
func (e *String) Pos() source.Span { return e.Span }
func (e *Binary) Pos() source.Span { return e.Span }
func (e *Name) Pos() source.Span   { return e.Span }
func (e *Import) Pos() source.Span { return e.Span }
func (e *Embed) Pos() source.Span  { return e.Span }
func (e *List) Pos() source.Span   { return e.Span }
func (e *Tuple) Pos() source.Span  { return e.Span }
func (e *Apply) Pos() source.Span  { return e.Span }
func (e *Member) Pos() source.Span { return e.Span }

func (*Bad) expr()    {}
func (*Int) expr()    {}
func (*Float) expr()  {}
func (*String) expr() {}
func (*Binary) expr() {}
func (*Name) expr()   {}
func (*Import) expr() {}
func (*Embed) expr()  {}
func (*List) expr()   {}
func (*Tuple) expr()  {}
func (*Apply) expr()  {}
func (*Member) expr() {}
