package parser

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

// ends reports whether a token can only stand outside of parentheses and brackets.
func ends(k token.Kind) bool {
	return k == token.Semicolon || k == token.LBrace || k == token.RBrace || k == token.EOF
}

// list reads comma-separated items between brackets; the opening one is the current token.
// An item that fails is passed over and the others are still read. A comma may follow the last.
// item must consume something or fail.
func (p *parser) list(closer token.Kind, item func()) source.Span {
	if !p.enter() {
		p.skipBrackets()
		return p.prev.Span
	}
	opener := p.next()
	p.open[closer]++
	defer func() {
		p.open[closer]--
		p.leave()
	}()
	confused := false // items run on as if this bracket had been closed
	span := func() source.Span { return opener.Span.To(p.prev.Span) }

	for p.tok.Kind != closer {
		if p.tok.Kind == token.Comma {
			p.syntax(diag.EmptyItem, p.tok.Span, "Empty list item.", "a comma stands between two items or after the last")
			p.bad = false
			p.next()
			continue
		}
		if !ends(p.tok.Kind) {
			item()
			switch {
			case p.bad || p.tok.Kind == token.Comma || p.tok.Kind == closer || ends(p.tok.Kind):
			case confused && p.tok.Kind == token.Op:
				p.bad = true
			default:
				confused = p.tok.Is(":") || p.tok.Is("=")
				p.expected("',' or " + closer.String())
			}
		}
		wasBad := p.bad
		if p.bad {
			p.skipItem()
			p.bad = false
		}
		switch {
		case p.tok.Kind == token.Comma:
			p.next()
			p.countIf(p.tok.Kind == closer, TrailingComma)
		case p.tok.Kind == closer:
		case ends(p.tok.Kind):
			if !wasBad {
				p.lastError = -1
				p.syntax(diag.Unclosed, opener.Span, "this "+opener.Kind.String()+" is never closed.", "")
			}
			p.bad = true
			return span()
		default: // a closing bracket of the other kind
			if p.open[p.tok.Kind] == 0 {
				p.next()
			}
			return span()
		}
	}
	p.next()
	p.bad = confused
	return span()
}

// skipItem passes the rest of a list item: up to a comma or closing bracket of this list, or to
// where the statement ends.
func (p *parser) skipItem() {
	for !ends(p.tok.Kind) {
		switch p.tok.Kind {
		case token.LParen, token.LBracket:
			p.skipBrackets()
			continue
		case token.RParen, token.RBracket, token.Comma:
			return
		}
		p.next()
	}
}

// skipBrackets passes everything from an opening bracket to its partner, without recursion.
func (p *parser) skipBrackets() {
	for depth := 0; !ends(p.tok.Kind); {
		switch p.tok.Kind {
		case token.LParen, token.LBracket:
			depth++
		case token.RParen, token.RBracket:
			depth--
		}
		p.next()
		if depth == 0 {
			return
		}
	}
}

// names reads a bracketed list of identifiers: generic parameters.
func (p *parser) names(closer token.Kind) []ast.Ident {
	var out []ast.Ident
	p.list(closer, func() {
		if name := p.ident("a parameter name"); !p.bad {
			p.node()
			out = append(out, name)
		}
	})
	return out
}
