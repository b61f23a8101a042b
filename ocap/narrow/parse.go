package narrow

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parse reads a condition:
//
//	or      = and { "or" and }
//	and     = unary { "and" unary }
//	unary   = "not" unary | "(" or ")" | "has" path | path [ cmp value | "in" "[" value { "," value } "]" ]
//	path    = [ "." ] name { "." name }
//	value   = name | number | text
//
// A word of the language is a name after a dot.
func parse(text string) (*expr, error) {
	p := &parser{text: text}
	if len(text) > MaxCondition {
		return nil, p.fail(0, fmt.Sprintf("%d bytes, limit %d", len(text), MaxCondition), "")
	}
	if !utf8.ValidString(text) {
		return nil, p.fail(0, "not UTF-8", "")
	}
	p.next()
	e := p.or(0)
	if p.err == nil && p.tok.kind != tokEnd {
		p.unexpected("the end, and or or")
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

type tokKind uint8

const (
	tokEnd tokKind = iota
	tokName
	tokWord // and, or, not, in, has
	tokInt
	tokFloat
	tokText
	tokOp
)

type token struct {
	kind tokKind
	at   int
	text string // unquoted
}

// parser keeps its first error; afterwards all tokens are the end.
type parser struct {
	text  string
	pos   int
	tok   token
	atoms int
	err   error
}

func (p *parser) fail(at int, problem, hint string) error {
	if p.err == nil {
		p.err = &ConditionError{Condition: p.text, Column: at + 1, Problem: problem, Hint: hint}
		p.tok = token{kind: tokEnd, at: len(p.text)}
	}
	return p.err
}

func (p *parser) unexpected(want string) {
	got := "the end"
	if p.tok.kind != tokEnd {
		got = quote(p.tok.text)
	}
	p.fail(p.tok.at, got+" where "+want+" should be", "")
}

// is reports whether the next token is the given operator or word, and takes it then.
func (p *parser) is(kind tokKind, text string) bool {
	if p.tok.kind != kind || p.tok.text != text {
		return false
	}
	p.next()
	return true
}

func (p *parser) or(depth int) *expr  { return p.list(depth, opOr, "or") }
func (p *parser) and(depth int) *expr { return p.list(depth, opAnd, "and") }

func (p *parser) list(depth int, op exprOp, word string) *expr {
	sub := func() *expr {
		if op == opOr {
			return p.and(depth)
		}
		return p.unary(depth)
	}
	e := sub()
	if p.tok.kind != tokWord || p.tok.text != word {
		return e
	}
	l := &expr{op: op, at: e.at, kids: []*expr{e}}
	for p.is(tokWord, word) {
		l.kids = append(l.kids, sub())
	}
	return l
}

func (p *parser) unary(depth int) *expr {
	e := &expr{at: p.tok.at}
	if depth > maxDepth {
		p.fail(p.tok.at, fmt.Sprintf("nested deeper than %d", maxDepth), "")
		return e
	}
	if p.atoms++; p.atoms > maxAtoms {
		p.fail(p.tok.at, fmt.Sprintf("more than %d comparisons", maxAtoms), "")
		return e
	}
	switch {
	case p.is(tokWord, "not"):
		e.op, e.kids = opNot, []*expr{p.unary(depth + 1)}
		return e
	case p.is(tokOp, "("):
		e = p.or(depth + 1)
		if !p.is(tokOp, ")") {
			p.unexpected(")")
		}
		return e
	case p.is(tokWord, "has"):
		e.op, e.path = opHas, p.path()
		return e
	}
	e.op, e.path = opTrue, p.path()
	if p.is(tokWord, "in") {
		e.op, e.values = opIn, p.set()
		return e
	}
	if p.tok.kind == tokOp {
		for c, name := range cmpNames {
			if p.is(tokOp, name) {
				e.op, e.cmp, e.values = opCompare, cmpOp(c), []literal{p.value()}
				break
			}
		}
	}
	return e
}

func (p *parser) path() path {
	r := path{at: p.tok.at}
	r.dotted = p.is(tokOp, ".")
	for {
		if p.tok.kind != tokName && !(p.tok.kind == tokWord && (r.dotted || len(r.names) > 0)) {
			p.unexpected("the name of a method or field")
			return r
		}
		if len(r.names) == MaxPath {
			p.fail(p.tok.at, fmt.Sprintf("path of more than %d names", MaxPath), "")
			return r
		}
		r.names = append(r.names, name{p.tok.text, p.tok.at})
		p.next()
		if !p.is(tokOp, ".") {
			return r
		}
	}
}

func (p *parser) set() (vs []literal) {
	if !p.is(tokOp, "[") {
		p.unexpected("[")
		return nil
	}
	for {
		if len(vs) == maxSet {
			p.fail(p.tok.at, fmt.Sprintf("more than %d values", maxSet), "")
			return nil
		}
		vs = append(vs, p.value())
		if p.is(tokOp, ",") {
			continue
		}
		if !p.is(tokOp, "]") {
			p.unexpected(", or ]")
		}
		return vs
	}
}

func (p *parser) value() literal {
	l := literal{at: p.tok.at, text: p.tok.text}
	switch p.tok.kind {
	case tokName, tokWord:
		l.kind = litName
	case tokInt:
		l.kind = litInt
	case tokFloat:
		l.kind = litFloat
	case tokText:
		l.kind = litText
	default:
		p.unexpected("a value")
		return l
	}
	p.next()
	return l
}

// operators, those first that others begin with.
var operators = []string{"==", "!=", "<=", ">=", "^=", "$=", "*=", "<", ">", ".", "(", ")", "[", "]", ","}

// next reads a token.
func (p *parser) next() {
	if p.err != nil {
		return
	}
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	at, rest := p.pos, p.text[p.pos:]
	if rest == "" {
		p.tok = token{kind: tokEnd, at: at}
		return
	}
	switch c := rest[0]; {
	case isLetter(c):
		n := span(rest, func(c byte) bool { return isLetter(c) || isDigit(c) })
		p.take(tokName, n)
		switch p.tok.text {
		case "and", "or", "not", "in", "has":
			p.tok.kind = tokWord
		}
		return
	case isDigit(c) || c == '-':
		p.number(rest)
		return
	case c == '"':
		p.quoted(rest)
		return
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			p.take(tokOp, len(op))
			return
		}
	}
	hint := ""
	switch rest[0] {
	case '=':
		hint = "write == to compare"
	case '\'':
		hint = `write texts in "double quotes"`
	case '&', '|', '!':
		hint = "write and, or, not"
	}
	r, _ := utf8.DecodeRuneInString(rest)
	p.fail(at, quote(string(r))+" means nothing here", hint)
}

func (p *parser) take(k tokKind, n int) {
	p.tok = token{kind: k, at: p.pos, text: p.text[p.pos : p.pos+n]}
	p.pos += n
}

func (p *parser) number(rest string) {
	n := 1 + span(rest[1:], func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' })
	// An exponent may have a sign.
	if n < len(rest) && (rest[n] == '+' || rest[n] == '-') && (rest[n-1] == 'e' || rest[n-1] == 'E') {
		n += 1 + span(rest[n+1:], isDigit)
	}
	text := rest[:n]
	digits := strings.TrimPrefix(text, "-")
	kind := tokInt
	if span(digits, isDigit) != len(digits) {
		kind = tokFloat
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != f || !isDigit(text[len(text)-1]) || !strings.ContainsAny(text, ".eE") ||
			strings.ContainsAny(text, "xXpP") {
			p.fail(p.pos, quote(text)+" is no number", "write it in decimal: 1000, -1, 2.5, 1e6")
			return
		}
	}
	if digits == "" {
		p.fail(p.pos, `"-" is no number`, "")
		return
	}
	p.take(kind, n)
}

func (p *parser) quoted(rest string) {
	q, err := strconv.QuotedPrefix(rest)
	if err == nil {
		var s string
		if s, err = strconv.Unquote(q); err == nil {
			p.tok = token{kind: tokText, at: p.pos, text: s}
			p.pos += len(q)
			return
		}
	}
	p.fail(p.pos, "a text that does not end", `write \" and \\ within it`)
}

func span(s string, ok func(byte) bool) int {
	for i := range len(s) {
		if !ok(s[i]) {
			return i
		}
	}
	return len(s)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
