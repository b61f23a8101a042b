package parser

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

// level is what may be declared at a place, and so also what the block of a declaration holds.
type level uint8

const (
	noBlock level = iota
	fileLevel
	enumLevel
	structLevel
	groupLevel // a group or named union: struct's grammar, counted apart
	unionLevel
	interfaceLevel
)

func (p *parser) parseFile(out *ast.File) {
	for {
		p.statements(fileLevel, out, &out.Decls)
		if p.tok.Kind == token.EOF {
			return
		}
		p.bad = false
		p.diags.SyntaxOnly()
		if p.strays == 0 { // else it closes what an earlier '}' should not have
			p.syntax(diag.Unopened, p.tok.Span, "this '}' closes nothing.", "")
		}
		p.strays = 0
		p.next()
	}
}

// statements reads up to the end of the file or an unmatched '}'.
func (p *parser) statements(lv level, file *ast.File, out *[]*ast.Decl) {
	for {
		switch p.tok.Kind {
		case token.EOF, token.RBrace:
			return
		case token.RParen, token.RBracket:
			p.syntax(diag.Unopened, p.tok.Span, "this "+p.tok.Kind.String()+" closes nothing.", "")
			p.next()
		default:
			if d := p.statement(lv, file); d != nil {
				*out = append(*out, d)
			}
		}
	}
}

// statement reads one statement and always consumes something. The result is nil if it declares
// nothing: a file's id or annotation (those go to file), or text too broken to have a name.
func (p *parser) statement(lv level, file *ast.File) *ast.Decl {
	p.node()
	start := p.tok
	p.bad, p.broken = false, false

	strays := p.strays
	d := &ast.Decl{}
	var id *ast.Number
	var note *ast.Annotation
	var body level
	switch {
	case lv == fileLevel && p.tok.Is("@"):
		id = p.uid()
		p.count(FileID)
	case lv == fileLevel && p.tok.Is("$"):
		a := p.annotation()
		note = &a
		p.count(FileAnnotation)
	default:
		body = p.header(lv, d)
	}
	if p.strays == strays {
		p.strays = 0
	}
	p.endHeader(body)
	bad := p.bad
	if bad {
		p.skipHeader(start)
	}
	p.bad = false

	end := p.prev.End
	switch {
	case p.tok.Kind == token.Semicolon:
		t := p.next()
		end, d.Doc = t.End, t.Text
		p.countDoc(t, DocAfterSemicolon)
		if body != noBlock && !bad {
			p.fail(diag.NeedsBlock, source.Span{Start: start.Span.Start, End: end},
				"This statement should end with a block, not a semicolon.", "")
		}
	case p.tok.Kind == token.LBrace && body != noBlock:
		end = p.block(body, d)
	case p.tok.Kind == token.LBrace:
		end = p.skipBlock()
		if !bad {
			p.fail(diag.NeedsSemicolon, source.Span{Start: start.Span.Start, End: end},
				"This statement should end with a semicolon, not a block.", "")
		}
	}
	d.Span = source.Span{Start: start.Span.Start, End: max(end, start.Span.End)}
	d.Broken = p.broken

	switch {
	case id != nil && file.ID != nil:
		p.fail(diag.FileIDTwice, d.Span, "File can only have one ID.", "")
	case id != nil:
		file.ID, file.Doc = id, d.Doc
	case note != nil && !bad:
		file.Annotations = append(file.Annotations, *note)
	}
	if d.Kind == 0 || d.Name.Text == "" && d.Kind != ast.Union {
		if bad {
			p.diags.SyntaxOnly()
		}
		return nil
	}
	return d
}

// endHeader checks that a header is followed by its ';' or '{'. One forgotten at the end of a line
// is reported there and thought in.
func (p *parser) endHeader(body level) {
	if p.bad || p.tok.Kind == token.Semicolon || p.tok.Kind == token.LBrace {
		return
	}
	if body != noBlock {
		p.expected("'{'")
		return
	}
	last := p.prev
	if !p.startsLine() && p.tok.Kind != token.RBrace && p.tok.Kind != token.EOF {
		p.expected("';'")
		return
	}
	if last.Form&token.Damaged == 0 || last.Kind != token.String {
		at := source.Span{Start: last.Span.End, End: last.Span.End}
		p.syntax(diag.MissingSemicolon, at, "missing ';' at the end of the statement.", "")
	}
	p.bad = p.tok.Kind != token.RBrace && p.tok.Kind != token.EOF && !p.startsStatement()
}

// startsStatement guesses whether the current token, first on its line, begins a statement.
func (p *parser) startsStatement() bool {
	switch {
	case p.tok.Is("@"), p.tok.Is("$"):
		return true
	case p.tok.Kind != token.Ident:
		return false
	case p.ahead.Is("@"), p.ahead.Is(":"), p.ahead.Kind == token.LBrace:
		return true
	}
	return p.ahead.Kind == token.Ident && isKeyword(p.tok.Text)
}

// skipHeader goes to where a broken statement ends: its ';' or '{', the '}' around it, or what
// looks like the next member, on a line of its own. start is the statement's first token.
func (p *parser) skipHeader(start token.Token) {
	for !ends(p.tok.Kind) {
		if p.tok.Span != start.Span && p.tok.Kind == token.Ident && p.ahead.Is("@") && p.startsLine() {
			return
		}
		p.next()
	}
}

// startsLine reports whether the current token is the first on its line.
func (p *parser) startsLine() bool {
	return p.file.Position(p.tok.Span.Start).Line > p.file.Position(p.prev.Span.End).Line
}

// block reads `{ … }` into d and returns where it ends, doc comment included. The comment after the
// '{' is preferred to the one after the '}'.
func (p *parser) block(body level, d *ast.Decl) uint32 {
	if !p.enter() {
		p.bad = false
		return p.skipBlock()
	}
	defer p.leave()
	opener := p.next()
	d.Doc = opener.Text
	p.countDoc(opener, DocAfterBrace)
	broken, strays := p.broken, p.strays
	p.statements(body, nil, &d.Decls)
	p.bad, p.broken, p.strays = false, broken, strays
	if p.tok.Kind != token.RBrace {
		p.unclosed(opener)
		return p.prev.End
	}
	t := p.next()
	if d.Doc == "" {
		d.Doc = t.Text
		p.countDoc(t, DocAfterBlock)
	}
	return t.End
}

// unclosed reports a block that the file ends in: only the innermost, which swallowed the '}' of
// those around it.
func (p *parser) unclosed(opener token.Token) {
	p.diags.SyntaxOnly()
	p.fail(diag.Unclosed, opener.Span, "Parse error: this '{' is never closed.", "")
	p.stop()
}

// skipBlock passes a whole block without reading it and returns where it ends.
func (p *parser) skipBlock() uint32 {
	opener := p.tok
	for depth := 0; p.tok.Kind != token.EOF; {
		switch p.tok.Kind {
		case token.LBrace:
			depth++
		case token.RBrace:
			depth--
		}
		if t := p.next(); depth == 0 {
			return t.End
		}
	}
	p.unclosed(opener)
	return p.prev.End
}

func (p *parser) countDoc(t token.Token, x Production) {
	if t.Text != "" {
		p.count(x)
		p.countIf(t.Form&token.SameLineDoc != 0, DocSameLine)
	}
}
