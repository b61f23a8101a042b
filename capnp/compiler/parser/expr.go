package parser

import (
	"math"
	"strings"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

// expr reads a type, value or name; what says which, for the message if there is none.
func (p *parser) expr(what string) ast.Expr {
	start := p.tok.Span
	if p.bad {
		return &ast.Bad{Span: start}
	}
	depth := p.depth
	e := p.primary(what)
	for !p.bad {
		member, apply := p.tok.Is("."), p.tok.Kind == token.LParen
		if !member && !apply {
			break
		}
		p.node()
		if apply {
			args, end := p.args()
			e = &ast.Apply{Span: span(e, end), Func: e, Args: args}
			p.depth++ // chains of suffixes are as deep in the tree as nested parentheses
			p.count(Application)
			continue
		}
		if !p.enter() {
			break
		}
		p.next()
		name := p.ident("a name after '.'")
		if !p.bad {
			e = &ast.Member{Span: span(e, name.Span), Parent: e, Name: name}
			p.count(MemberName)
		}
	}
	p.depth = depth
	if p.bad {
		return &ast.Bad{Span: source.Span{Start: start.Start, End: max(start.Start, p.prev.Span.End)}}
	}
	return e
}

// span covers an expression and what follows it.
func span(e ast.Expr, end source.Span) source.Span { return e.Pos().To(end) }

func (p *parser) primary(what string) ast.Expr {
	p.node()
	switch t := p.tok; t.Kind {
	case token.Int, token.Float:
		return p.number(p.next(), false)
	case token.String:
		return p.text()
	case token.Binary:
		return p.literal(p.next(), BinaryValue, &ast.Binary{Span: t.Span, Value: []byte(t.Text)})
	case token.LBracket:
		return p.listValue()
	case token.LParen:
		return p.tuple()
	case token.Ident:
		if p.ahead.Kind == token.String && (t.Text == "import" || t.Text == "embed") {
			return p.fromFile(p.next())
		}
		p.next()
		p.count(RelativeName)
		return &ast.Name{Span: t.Span, Name: ast.Ident{Text: t.Text, Span: t.Span}}
	case token.Op:
		switch {
		case t.Text == "-" && (p.ahead.Kind == token.Int || p.ahead.Kind == token.Float):
			p.next()
			return p.number(p.next(), true)
		case t.Text == "-" && p.ahead.IsWord("inf"):
			p.next()
			p.count(NegativeInf)
			return &ast.Float{Span: t.Span.To(p.next().Span), Value: math.Inf(-1)}
		case t.Text == "-":
			p.next()
			p.expected("a number after '-'")
			return &ast.Bad{Span: t.Span}
		case t.Text == "." && p.ahead.Kind == token.Ident:
			p.next()
			name := p.ident("a name")
			p.count(AbsoluteName)
			return &ast.Name{Span: t.Span.To(name.Span), Name: name, Absolute: true}
		}
	}
	p.expected(what)
	return &ast.Bad{Span: p.tok.Span}
}

// literal returns e, or a Bad if the scanner has reported the token.
func (p *parser) literal(t token.Token, x Production, e ast.Expr) ast.Expr {
	if t.Form&token.Damaged != 0 {
		p.broken = true
		return &ast.Bad{Span: t.Span}
	}
	p.count(x)
	return e
}

func (p *parser) number(t token.Token, negative bool) ast.Expr {
	p.countIf(t.Form&token.Hex != 0, HexInt)
	p.countIf(t.Form&token.Octal != 0, OctalInt)
	p.countIf(t.Form&token.Exponent != 0, ExponentFloat)
	if t.Kind == token.Int {
		x := PositiveInt
		if negative {
			x = NegativeInt
		}
		return p.literal(t, x, &ast.Int{Span: t.Span, Value: t.Int(), Negative: negative})
	}
	x, value := PositiveFloat, t.Float()
	if negative {
		x, value = NegativeFloat, -value
	}
	return p.literal(t, x, &ast.Float{Span: t.Span, Value: value})
}

// text reads adjacent strings as one.
func (p *parser) text() ast.Expr {
	first := p.stringToken()
	e := &ast.String{Span: first.Span, Value: first.Text}
	damaged := first.Form & token.Damaged
	var parts []string
	for p.tok.Kind == token.String {
		t := p.stringToken()
		parts = append(parts, t.Text)
		damaged |= t.Form & token.Damaged
		e.Span = e.Span.To(t.Span)
		p.count(StringConcat)
	}
	if parts != nil {
		e.Value += strings.Join(parts, "")
	}
	return p.literal(token.Token{Span: e.Span, Form: damaged}, StringValue, e)
}

func (p *parser) stringToken() token.Token {
	t := p.next()
	p.countIf(t.Form&token.Line != 0, LineString)
	p.countIf(t.Form&token.EscapeLetter != 0, EscapeLetter)
	p.countIf(t.Form&token.EscapeHex != 0, EscapeHex)
	p.countIf(t.Form&token.EscapeOctal != 0, EscapeOctal)
	return t
}

// fromFile reads the string after `import` or `embed`.
func (p *parser) fromFile(keyword token.Token) ast.Expr {
	t := p.stringToken()
	path := ast.Ident{Text: t.Text, Span: t.Span}
	absolute := strings.HasPrefix(t.Text, "/")
	whole := keyword.Span.To(t.Span)
	if keyword.Text == "import" {
		x := ImportRelative
		if absolute {
			x = ImportAbsolute
		}
		return p.literal(t, x, &ast.Import{Span: whole, Path: path})
	}
	x := EmbedRelative
	if absolute {
		x = EmbedAbsolute
	}
	return p.literal(t, x, &ast.Embed{Span: whole, Path: path})
}

func (p *parser) listValue() ast.Expr {
	e := &ast.List{}
	e.Span = p.list(token.RBracket, func() { e.Elems = append(e.Elems, p.expr("a value")) })
	p.count(ListValue)
	p.countIf(len(e.Elems) == 0, EmptyList)
	return e
}

// tuple reads what is in parentheses; one unnamed value is just that value.
func (p *parser) tuple() ast.Expr {
	args, span := p.args()
	if len(args) == 1 && args[0].Name == nil {
		p.count(Parens)
		return args[0].Value
	}
	p.count(TupleValue)
	p.countIf(len(args) == 0, EmptyTuple)
	return &ast.Tuple{Span: span, Args: args}
}

func (p *parser) args() ([]ast.Arg, source.Span) {
	var out []ast.Arg
	span := p.list(token.RParen, func() {
		var arg ast.Arg
		if p.tok.Kind == token.Ident && p.ahead.Is("=") {
			name := p.ident("a name")
			arg.Name = &name
			p.next()
			p.count(NamedArg)
		} else {
			p.count(UnnamedArg)
		}
		arg.Value = p.expr("a value")
		out = append(out, arg)
	})
	return out, span
}

// annotations reads any number of `$name(value)`. What stands on is counted as on.
func (p *parser) annotations(on Production) []ast.Annotation {
	var out []ast.Annotation
	for !p.bad && p.tok.Is("$") {
		out = append(out, p.annotation())
		p.count(on)
	}
	return out
}

func (p *parser) annotation() ast.Annotation {
	p.node()
	start := p.next().Span
	a := ast.Annotation{Name: p.expr("an annotation's name")}
	a.Span = start.To(a.Name.Pos())
	apply, ok := a.Name.(*ast.Apply)
	if !ok {
		p.countIf(!p.bad, AnnotationVoid)
		return a
	}
	// The value was read as parameters of the name.
	a.Name = apply.Func
	if len(apply.Args) == 1 && apply.Args[0].Name == nil {
		a.Value = apply.Args[0].Value
		p.count(AnnotationValue)
		return a
	}
	a.Value = &ast.Tuple{Span: source.Span{Start: apply.Func.Pos().End, End: apply.Span.End}, Args: apply.Args}
	p.count(AnnotationTuple)
	return a
}
