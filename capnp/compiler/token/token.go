// Package token cuts schema text into tokens. It does not judge their order: that is the parser.
// Unlike the C++ lexer it never gives up; whatever it cannot use it reports and skips.
//
//	sc := token.NewScanner(file, func(d diag.Diagnostic) { … })
//	for t := sc.Scan(); t.Kind != token.EOF; t = sc.Scan() { … }
package token

import (
	"math"

	"lanyard.dev/capnp/compiler/source"
)

// Kind is the class of a token.
type Kind uint8

// The classes. Operators are Op and told apart by text.
const (
	EOF Kind = iota
	Ident
	Int
	Float
	String
	Binary
	Op
	LParen
	RParen
	LBracket
	RBracket
	LBrace
	RBrace
	Comma
	Semicolon
)

var kindNames = [...]string{EOF: "end of file", Ident: "identifier", Int: "integer", Float: "number",
	String: "string", Binary: "binary literal", Op: "operator", LParen: "'('", RParen: "')'",
	LBracket: "'['", RBracket: "']'", LBrace: "'{'", RBrace: "'}'", Comma: "','", Semicolon: "';'"}

// String is the class as a message names it.
func (k Kind) String() string { return kindNames[k] }

// Form is the set of ways in which a literal or layout was written. The meaning never depends on it.
type Form uint16

// The forms.
const (
	Hex          Form = 1 << iota // 0x1f
	Octal                         // 017
	Exponent                      // 1e9
	Line                          // `to the end of the line
	EscapeLetter                  // \n
	EscapeHex                     // \x41
	EscapeOctal                   // \101
	SameLineDoc                   // a doc comment that starts on the line of its `;`, `{` or `}`
	NextLineDoc                   // … on the line after

	// Damaged marks a literal that was reported and has no usable value.
	Damaged
)

// Token is one token. Its zero value is an EOF at offset 0.
type Token struct {
	Kind Kind
	Form Form
	Span source.Span

	// Text is the name of an Ident, the operator of an Op, the decoded bytes of a String or Binary,
	// and the doc comment after a Semicolon, LBrace or RBrace ("" if there is none).
	Text string

	// End is where the token ends with its doc comment; without one it is Span.End.
	End uint32

	bits uint64
}

// Int is the value of an Int.
func (t Token) Int() uint64 { return t.bits }

// Float is the value of a Float.
func (t Token) Float() float64 { return math.Float64frombits(t.bits) }

// Is reports whether t is the operator op.
func (t Token) Is(op string) bool { return t.Kind == Op && t.Text == op }

// IsWord reports whether t is the identifier word. Keywords are not reserved, so where one is
// expected is the parser's knowledge.
func (t Token) IsWord(word string) bool { return t.Kind == Ident && t.Text == word }
