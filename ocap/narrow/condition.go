package narrow

import (
	"fmt"
	"strconv"
	"strings"
)

// ConditionError says what is wrong with a condition, and where.
type ConditionError struct {
	Condition string
	Column    int    // in bytes, counted from 1
	Problem   string // what is wrong there
	Hint      string // what could be meant; may be empty
}

// Error shows all of it on one line that is safe to print.
func (e *ConditionError) Error() string {
	s := fmt.Sprintf("where %s: column %d: %s", quote(e.Condition), e.Column, e.Problem)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// An expr is a condition or a part of it, as it was parsed.
type expr struct {
	op   exprOp
	at   int     // byte in the condition
	kids []*expr // of and, or, not

	// Of what is no combination of others:
	path   path
	cmp    cmpOp
	values []literal
}

type exprOp uint8

const (
	opAnd exprOp = iota
	opOr
	opNot
	opHas     // has path
	opTrue    // path
	opCompare // path cmp values[0]
	opIn      // path in values
)

type cmpOp uint8

const (
	eq cmpOp = iota
	ne
	lt
	le
	gt
	ge
	prefix
	suffix
	contains
)

var cmpNames = [...]string{"==", "!=", "<", "<=", ">", ">=", "^=", "$=", "*="}

func (c cmpOp) String() string { return cmpNames[c] }

// path is a chain of names.
type path struct {
	at     int
	dotted bool // it began with a dot: the first name is no method
	names  []name
}

type name struct {
	text string
	at   int
}

func (p path) String() string {
	var b strings.Builder
	for i, n := range p.names {
		if i > 0 || p.dotted {
			b.WriteByte('.')
		}
		b.WriteString(n.text)
	}
	return b.String()
}

// literal is a value in a condition.
type literal struct {
	kind litKind
	at   int
	text string // of a name, a number as written, or a text unquoted
}

type litKind uint8

const (
	litName litKind = iota // null, true, false or an enum's value
	litInt
	litFloat
	litText
)

// String writes the literal so that it parses to itself, in ASCII.
func (l literal) String() string {
	if l.kind == litText {
		return strconv.QuoteToASCII(l.text)
	}
	return l.text
}

// String writes the condition so that it parses to itself.
func (e *expr) String() string {
	switch e.op {
	case opAnd, opOr:
		word := " and "
		if e.op == opOr {
			word = " or "
		}
		var parts []string
		for _, k := range e.kids {
			parts = append(parts, k.nested())
		}
		return strings.Join(parts, word)
	case opNot:
		return "not " + e.kids[0].nested()
	case opHas:
		return "has " + e.path.String()
	case opTrue:
		return e.path.String()
	case opIn:
		var vs []string
		for _, v := range e.values {
			vs = append(vs, v.String())
		}
		return e.path.String() + " in [" + strings.Join(vs, ", ") + "]"
	}
	return e.path.String() + " " + e.cmp.String() + " " + e.values[0].String()
}

// cost adds up comparisons, and those by *=.
func (e *expr) cost(comparisons, searches *int) {
	for _, k := range e.kids {
		k.cost(comparisons, searches)
	}
	if e.op > opNot {
		*comparisons++
	}
	if e.op == opCompare && e.cmp == contains {
		*searches++
	}
}

func (e *expr) nested() string {
	if e.op == opAnd || e.op == opOr {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// quote shows text from anybody within a line.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.QuoteToASCII(strings.ToValidUTF8(s[:most], "?")) + "..."
	}
	return strconv.QuoteToASCII(s)
}
