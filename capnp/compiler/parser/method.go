package parser

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/token"
)

// method reads `name @n [T] (params) -> (results)`.
func (p *parser) method(d *ast.Decl) level {
	d.Kind = ast.Method
	d.Name = p.ident("a name")
	if !p.tok.Is("@") {
		p.noOrdinal(d, d.Name.Text+" @0 (…) -> (…);")
		return noBlock
	}
	d.Ordinal = p.ordinal()
	if !p.bad && p.tok.Kind == token.LBracket {
		d.Params = p.names(token.RBracket)
		p.count(ImplicitParams)
	}
	d.MethodParams = p.paramList("parameters", ParamsNamed, ParamsType)
	switch {
	case p.op("->"):
		d.MethodResults = p.paramList("results", ResultsNamed, ResultsType)
	case !p.bad:
		p.count(NoResults)
	}
	d.Annotations = p.annotations(AnnotatedMethod)
	p.count(MethodDecl)
	return noBlock
}

// paramList reads what a method takes or returns: names in parentheses, a struct type, or `stream`.
func (p *parser) paramList(what string, named, byType Production) *ast.ParamList {
	l := &ast.ParamList{Span: p.tok.Span}
	switch {
	case p.bad:
	case p.tok.Kind == token.LParen:
		p.count(named)
		l.Span = p.list(token.RParen, func() {
			if x := p.param(); x != nil {
				l.Params = append(l.Params, x)
			}
		})
	case p.word("stream"):
		l.Kind = ast.StreamParams
		p.count(ResultsStream)
	default:
		l.Kind = ast.TypeParams
		l.Type = p.expr("the method's " + what)
		l.Span = l.Type.Pos()
		p.count(byType)
	}
	return l
}

// param reads `name :Type = default $annotation`; nil if it has no name.
func (p *parser) param() *ast.Param {
	p.node()
	x := &ast.Param{Name: p.ident("a parameter name")}
	if p.bad {
		return nil
	}
	x.Type = p.typeAfterColon("parameters are written name :Type")
	if p.op("=") {
		x.Default = p.expr("a value")
		p.count(ParamDefault)
	}
	x.Annotations = p.annotations(AnnotatedParam)
	x.Span = x.Name.Span.To(p.prev.Span)
	p.count(ParamDecl)
	return x
}
