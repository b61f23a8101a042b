package infix

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads one expression:
//
//	sum     = product { ("+" | "-") product }
//	product = signed { ("*" | "/") signed }
//	signed  = "-" signed | number | "(" sum ")"
//
// Operators of one level group to the left. A minus before a number is part of
// the number; before anything else it multiplies by -1, which unlike a
// subtraction from zero keeps the sign of zero. The error is an *Error.
func Parse(source string) (Expr, error) {
	p := parser{source: source}
	if len(source) > MaxLength {
		return nil, p.fail(MaxLength, "longer than %d characters", MaxLength)
	}
	if !utf8.ValidString(source) {
		return nil, &Error{Source: strings.ToValidUTF8(source, "?"), Text: "not valid UTF-8"}
	}
	e, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(source) {
		if source[p.at] == ')' {
			return nil, p.fail(p.at, `")" closes nothing`)
		}
		return nil, p.fail(p.at, "expected an operator, found %s", p.found())
	}
	return e, nil
}

type parser struct {
	source string
	at     int // the next byte
	nested int // open parentheses and signs
}

func (p *parser) sum() (Expr, error)     { return p.chain("+-", p.product) }
func (p *parser) product() (Expr, error) { return p.chain("*/", p.signed) }

// chain reads operands between operators of one level.
func (p *parser) chain(ops string, operand func() (Expr, error)) (Expr, error) {
	left, err := operand()
	for err == nil {
		p.space()
		if p.at == len(p.source) || !strings.Contains(ops, p.source[p.at:p.at+1]) {
			return left, nil
		}
		call := &Call{Offset: p.at, Op: Op(p.source[p.at]), Left: left}
		p.at++
		call.Right, err = operand()
		left = call
	}
	return nil, err
}

func (p *parser) signed() (Expr, error) {
	p.space()
	if p.at == len(p.source) {
		return nil, p.fail(p.at, `expected a number, "-" or "(", found the end`)
	}
	if p.nested > MaxNesting {
		return nil, p.fail(p.at, "nested deeper than %d", MaxNesting)
	}
	start := p.at
	switch c := p.source[p.at]; {
	case c == '-':
		p.at++
		p.nested++
		x, err := p.signed()
		p.nested--
		if err != nil {
			return nil, err
		}
		return negate(start, x), nil
	case c == '(':
		p.at++
		p.nested++
		x, err := p.sum()
		p.nested--
		if err != nil {
			return nil, err
		}
		if p.space(); p.at == len(p.source) {
			return nil, p.fail(start, `"(" is never closed`)
		}
		if p.source[p.at] != ')' {
			return nil, p.fail(p.at, `expected an operator or ")", found %s`, p.found())
		}
		p.at++
		return x, nil
	case isDigit(c) || c == '.':
		return p.number()
	}
	return nil, p.fail(p.at, `expected a number, "-" or "(", found %s`, p.found())
}

func negate(at int, x Expr) Expr {
	if n, ok := x.(*Number); ok && n.Offset > at {
		return &Number{Offset: at, Value: -n.Value}
	}
	return &Call{Offset: at, Op: Multiply, Left: &Number{Offset: at, Value: -1}, Right: x}
}

// number reads digits with at most one point and one exponent.
func (p *parser) number() (Expr, error) {
	start := p.at
	digits := p.digits()
	if p.at < len(p.source) && p.source[p.at] == '.' {
		p.at++
		digits += p.digits()
	}
	if digits == 0 {
		return nil, p.fail(start, "a point without digits")
	}
	if p.at < len(p.source) && (p.source[p.at] == 'e' || p.source[p.at] == 'E') {
		p.at++
		if p.at < len(p.source) && (p.source[p.at] == '+' || p.source[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, p.fail(start, "an exponent without digits")
		}
	}
	v, err := strconv.ParseFloat(p.source[start:p.at], 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, p.fail(start, "%s does not fit a 64-bit float", clip(p.source[start:p.at]))
	case err != nil:
		return nil, p.fail(start, "%s is no number", clip(p.source[start:p.at]))
	}
	return &Number{Offset: start, Value: v}, nil
}

func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.source) && isDigit(p.source[p.at]) {
		p.at++
	}
	return p.at - start
}

func (p *parser) space() {
	for p.at < len(p.source) && strings.IndexByte(" \t\r\n", p.source[p.at]) >= 0 {
		p.at++
	}
}

// found quotes what stands at the current place.
func (p *parser) found() string {
	r, _ := utf8.DecodeRuneInString(p.source[p.at:])
	return strconv.Quote(string(r))
}

func (p *parser) fail(at int, format string, args ...any) *Error {
	return &Error{Source: p.source, Offset: at, Text: fmt.Sprintf(format, args...)}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// clip shortens a long literal for a message.
func clip(s string) string {
	if len(s) > 24 {
		return s[:20] + "…"
	}
	return s
}
