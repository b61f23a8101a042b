package parser

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/token"
)

func (p *parser) enumerant(d *ast.Decl) level {
	if p.ahead.Kind == token.Ident && isKeyword(p.tok.Text) {
		keyword := p.tok.Text
		p.outOfPlace(wanted(enumLevel), "an enum holds nothing else; perhaps its '}' is missing")
		p.bad = false
		body := p.generic(keyword, enumLevel, d)
		*d = ast.Decl{} // not an enumerant, whatever else it is
		return body
	}
	name := p.ident(wanted(enumLevel))
	if p.bad {
		return noBlock
	}
	d.Kind, d.Name = ast.Enumerant, name
	if !p.tok.Is("@") {
		p.noOrdinal(d, "name @0;")
		return noBlock
	}
	d.Ordinal = p.ordinal()
	d.Annotations = p.annotations(AnnotatedEnumerant)
	p.count(EnumerantDecl)
	return noBlock
}

// noOrdinal reports a member without its number.
func (p *parser) noOrdinal(d *ast.Decl, example string) {
	p.syntax(diag.OrdinalMissing, d.Name.Span, d.Kind.String()+" '"+d.Name.Text+"' has no ordinal.", "write: "+example)
}

// member reads a field, a named union or a group: `name @n :Type`, `name @n! :union`, `name :group`.
func (p *parser) member(lv level, d *ast.Decl) level {
	d.Name = p.ident("a name")
	d.Kind = ast.Field
	marked := false // the number has a '!'
	if p.tok.Is("@") {
		d.Ordinal = p.ordinal()
		marked = p.op("!")
	}
	colon := p.op(":")
	if p.bad {
		return noBlock
	}
	switch {
	case p.tok.IsWord("union"):
		return p.namedUnion(lv, d, marked, colon)
	case p.tok.IsWord("group") && colon && (d.Ordinal == nil || p.ahead.Kind == token.LBrace || p.ahead.Is("$")):
		return p.group(lv, d)
	case !colon:
		hint := ""
		if p.tok.Kind == token.LParen || p.tok.Kind == token.LBracket {
			hint = "methods belong in an interface"
		}
		p.expectedHint("':' and a type", hint)
		return noBlock
	}
	d.Type = p.expr("a type")
	if p.op("=") {
		d.Value = p.expr("a value")
		p.count(FieldDefault)
	}
	d.Annotations = p.annotations(AnnotatedField)
	p.count(FieldDecl)
	switch {
	case p.bad:
	case marked:
		p.notNumbered(d, "'!' stands only after the number of a union.")
	case d.Ordinal == nil && !p.broken:
		p.noOrdinal(d, d.Name.Text+" @0 :Type;")
	}
	return noBlock
}

// notNumbered reports a number or '!' that the member cannot have; it is dropped.
func (p *parser) notNumbered(d *ast.Decl, message string) {
	span := d.Name.Span
	if d.Ordinal != nil {
		span = d.Ordinal.Span
	}
	p.syntax(diag.OrdinalUnexpected, span, message, "")
	p.bad = false
}

func (p *parser) group(lv level, d *ast.Decl) level {
	p.next()
	d.Kind = ast.Group
	if d.Ordinal != nil {
		p.notNumbered(d, "a group has no ordinal.")
		d.Ordinal = nil
	}
	d.Annotations = p.annotations(AnnotatedGroup)
	p.count(GroupDecl)
	p.countIf(lv == unionLevel, GroupInUnion)
	p.countIf(lv == groupLevel, GroupInGroup)
	return groupLevel
}

func (p *parser) namedUnion(lv level, d *ast.Decl, marked, colon bool) level {
	p.next()
	d.Kind = ast.Union
	if d.Ordinal != nil && !marked {
		p.fail(diag.UnionOrdinal, d.Ordinal.Span, "As of Cap'n Proto v0.3, it is no longer necessary to assign numbers to "+
			"unions. However, removing the number will break binary compatibility. "+
			"If this is an old protocol and you need to retain compatibility, please "+
			"add an exclamation point after the number to indicate that it is really "+
			"needed, e.g. `foo @1! :union {`. If this is a new protocol or compatibility "+
			"doesn't matter, just remove the @n entirely. Sorry for the inconvenience, "+
			"and thanks for being an early adopter!  :)", "")
	}
	if d.Ordinal != nil && !colon {
		p.fail(diag.UnionColon, d.Ordinal.Span, "As of Cap'n Proto v0.3, the 'union' keyword should be prefixed with a colon "+
			"for named unions, e.g. `foo :union {`.", "")
	}
	d.Annotations = p.annotations(AnnotatedUnion)
	p.count(NamedUnion)
	p.countIf(d.Ordinal != nil, NamedUnionOrdinal)
	p.countIf(lv == unionLevel || lv == groupLevel, UnionInUnion)
	return unionLevel
}

// unnamedUnion reads the word `union` alone.
func (p *parser) unnamedUnion(lv level, d *ast.Decl) level {
	t := p.next()
	d.Kind = ast.Union
	d.Name.Span = t.Span
	if p.tok.Is("$") {
		at := p.tok.Span
		p.annotations(AnnotatedUnion)
		if !p.bad {
			p.syntax(diag.UnionAnnotated, at, "an unnamed union has no annotations.", "give the union a name, or annotate its members")
			p.bad = false
		}
	}
	if p.tok.Kind == token.Ident {
		p.expectedHint("'{'", "a named union is written name :union { … }")
	}
	p.count(UnnamedUnion)
	p.countIf(lv == groupLevel, UnionInUnion)
	return unionLevel
}
