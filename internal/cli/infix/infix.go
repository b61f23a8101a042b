// Package infix reads arithmetic as people write it, `123 + 45 * (6 - 1)`, and
// makes a small tree of it. It computes nothing: that is the calculator's work.
package infix

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Expr is a node of the tree: a *Number or a *Call.
type Expr interface {
	// Pos is the byte offset of the node in the source: of the number, or of the
	// operator.
	Pos() int
}

// A Number is a literal.
type Number struct {
	Offset int
	Value  float64
}

// A Call applies an operator to two operands.
type Call struct {
	Offset      int
	Op          Op
	Left, Right Expr
}

// Pos implements Expr.
func (n *Number) Pos() int { return n.Offset }
func (c *Call) Pos() int   { return c.Offset }

// An Op is one of the four operators.
type Op byte

const (
	Add      Op = '+'
	Subtract Op = '-'
	Multiply Op = '*'
	Divide   Op = '/'
)

func (op Op) String() string { return string(rune(op)) }

// What Parse accepts at most. Nesting counts parentheses and signs; a chain of
// operators does not nest.
const (
	MaxLength  = 4096
	MaxNesting = 100
)

// An Error says what is wrong with an expression, and where.
type Error struct {
	Source string
	Offset int // in bytes
	Text   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("column %d: %s", utf8.RuneCountInString(e.Source[:e.Offset])+1, e.Text)
}

// Caret renders the source line with a mark below the place. It is two lines.
func (e *Error) Caret() string {
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Source[:e.Offset])
	return e.Source + "\n" + pad + "^"
}

// Depth is the length of the longest path from e to a leaf: 0 for a number.
func Depth(e Expr) int {
	c, ok := e.(*Call)
	if !ok {
		return 0
	}
	return 1 + max(Depth(c.Left), Depth(c.Right))
}
