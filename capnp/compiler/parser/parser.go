// Package parser turns schema text into a tree. It reports every error it can find, not only the
// first, and never fails: broken text gives a tree of what was understood. Meaning (are names
// defined, do values fit) is not its business, but that of resolve and lower.
//
//	var diags diag.List
//	file := parser.Parse(source.New("point.capnp", text), &diags, nil)
//	if diags.Errors() > 0 { … }
package parser

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

// Limits bound what a file can cost. Zero fields mean the defaults.
type Limits struct {
	Bytes   int // length of the source; default 8 MiB
	Nesting int // depth of blocks, brackets and members of members; default 200
	Nodes   int // declarations, expressions, parameters and annotations; default 1 000 000
	_       struct{}
}

// Options change how a file is parsed. nil means the defaults.
type Options struct {
	Limits Limits

	// IDOptional accepts a file without an id; it gets a random one.
	IDOptional bool

	// NewID makes the id that is proposed to a file without one; nil means a random one.
	NewID func() uint64

	// OnProduction is called for each production as it is recognised.
	OnProduction func(Production)

	_ struct{}
}

// Parse reads a whole file. Findings are added to diags in the order of the text, as far as it fits.
// The result is never nil and its spans lie within the file. Where whole statements or the nesting of
// blocks are lost, diags is told to keep syntax errors only.
func Parse(file *source.File, diags *diag.List, opt *Options) *ast.File {
	p := &parser{file: file, diags: diags, lastError: -1}
	if opt != nil {
		p.opt = *opt
	}
	orDefault(&p.opt.Limits.Bytes, 8<<20)
	orDefault(&p.opt.Limits.Nesting, 200)
	orDefault(&p.opt.Limits.Nodes, 1_000_000)
	if p.opt.NewID == nil {
		p.opt.NewID = randomID
	}

	out := &ast.File{Source: file}
	if n := len(file.Text()); n > p.opt.Limits.Bytes {
		diags.SyntaxOnly()
		p.fail(diag.TooBig, source.Span{}, fmt.Sprintf("File has %d bytes; the limit is %d.", n, p.opt.Limits.Bytes), "")
	} else {
		p.scanner = token.NewScanner(file, p.add)
		p.tok, p.ahead = p.scanner.Scan(), p.scanner.Scan()
		p.parseFile(out)
	}
	if out.ID == nil {
		out.ID = &ast.Number{Value: p.opt.NewID()}
		// A parse error often hides an id that is there.
		if !p.opt.IDOptional && !p.failed {
			p.fail(diag.FileIDMissing, source.Span{}, fmt.Sprintf("File does not declare an ID.  I've generated one for you.  "+
				"Add this line to your file: @0x%x;", out.ID.Value), "")
		}
	}
	return out
}

func orDefault(v *int, def int) {
	if *v <= 0 {
		*v = def
	}
}

// randomID makes a fresh id: 63 random bits below a set one.
func randomID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // does not fail
	return binary.LittleEndian.Uint64(b[:]) | 1<<63
}

// parser is the state of one Parse. It is recursive descent over two tokens.
//
// Errors do not unwind: a failed expectation reports, sets bad, and whatever would come next does
// nothing until somebody who knows where to go on (a list item, a statement) clears it.
type parser struct {
	file    *source.File
	scanner *token.Scanner
	diags   *diag.List
	opt     Options

	tok, ahead token.Token // the current token and the one after it
	prev       token.Token // the one before

	bad    bool // the current item or statement has a syntax error
	broken bool // something in the current statement had one
	failed bool // some error was reported in this file
	strays int  // how many statements just before were out of their block
	done   bool // a limit was hit: only EOF comes from now on, and nothing is reported

	lastError int // offset of the last syntax error: one place, one complaint
	depth     int
	nodes     int
	open      [token.Semicolon + 1]int // brackets open, by their closing kind
}

// next consumes the current token and returns it.
func (p *parser) next() token.Token {
	p.prev = p.tok
	p.tok = p.ahead
	if !p.done {
		p.ahead = p.scanner.Scan()
	}
	return p.prev
}

// stop makes the rest of the file invisible.
func (p *parser) stop() {
	p.done = true
	p.diags.SyntaxOnly()
	end := uint32(len(p.file.Text()))
	p.tok = token.Token{Span: source.Span{Start: end, End: end}, End: end}
	p.ahead = p.tok
}

// add takes in a finding, of the scanner's or ours.
func (p *parser) add(d diag.Diagnostic) {
	if p.done {
		return
	}
	p.failed = true
	if d.Code == diag.NotUTF8 {
		p.diags.SyntaxOnly()
	}
	p.diags.Add(d)
	if p.diags.Full() {
		p.stop()
	}
}

func (p *parser) fail(code diag.Code, span source.Span, message, hint string) {
	p.add(diag.Diagnostic{Code: code, File: p.file, Span: span, Message: message, Hint: hint})
}

// syntax reports a syntax error at span, unless one was reported there, and marks the item bad.
func (p *parser) syntax(code diag.Code, span source.Span, message, hint string) {
	p.bad, p.broken = true, true
	if int(span.Start) == p.lastError {
		return
	}
	p.lastError = int(span.Start)
	p.fail(code, span, "Parse error: "+message, hint)
}

// expected reports the current token as not being what.
func (p *parser) expected(what string) { p.expectedHint(what, "") }

func (p *parser) expectedHint(what, hint string) {
	if !p.bad {
		p.syntax(diag.Syntax, p.tok.Span, "expected "+what+", found "+p.describe(p.tok)+".", hint)
	}
}

// describe names a token in a message: by its text if that is short.
func (p *parser) describe(t token.Token) string {
	text := p.file.Slice(t.Span)
	if t.Kind == token.EOF || text == "" || len(text) > 30 {
		return t.Kind.String()
	}
	return "'" + text + "'"
}

// node accounts for one node of the tree; at the limit the rest of the file is dropped.
func (p *parser) node() {
	p.nodes++
	if p.nodes > p.opt.Limits.Nodes && !p.done {
		p.fail(diag.TooBig, p.tok.Span, fmt.Sprintf("File is too big: the limit is %d declarations and expressions.", p.opt.Limits.Nodes), "")
		p.stop()
	}
}

// enter goes one level down, or reports that this is too deep. leave undoes a successful enter.
func (p *parser) enter() bool {
	if p.depth >= p.opt.Limits.Nesting {
		p.syntax(diag.TooDeep, p.tok.Span, fmt.Sprintf("nested more than %d deep.", p.opt.Limits.Nesting), "")
		return false
	}
	p.depth++
	return true
}

func (p *parser) leave() { p.depth-- }

func (p *parser) count(x Production) {
	if p.opt.OnProduction != nil {
		p.opt.OnProduction(x)
	}
}

// countIf counts x if the condition holds.
func (p *parser) countIf(cond bool, x Production) {
	if cond {
		p.count(x)
	}
}

// ident consumes a name.
func (p *parser) ident(what string) ast.Ident {
	if p.bad {
		return ast.Ident{}
	}
	if p.tok.Kind != token.Ident {
		p.expected(what)
		return ast.Ident{}
	}
	t := p.next()
	return ast.Ident{Text: t.Text, Span: t.Span}
}

// op consumes the operator if it is there.
func (p *parser) op(op string) bool {
	if p.bad || !p.tok.Is(op) {
		return false
	}
	p.next()
	return true
}

// word consumes the keyword if it is there.
func (p *parser) word(word string) bool {
	if p.bad || !p.tok.IsWord(word) {
		return false
	}
	p.next()
	return true
}
