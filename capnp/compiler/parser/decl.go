package parser

import (
	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/token"
)

// header reads a declaration up to its ';' or '{' into d. It returns what a block of this
// declaration holds, noBlock if there is none.
//
// Keywords are not reserved: a field may be called `struct`. What follows the first word decides.
func (p *parser) header(lv level, d *ast.Decl) level {
	isName := p.tok.Kind == token.Ident
	switch lv {
	case enumLevel:
		return p.enumerant(d)
	case structLevel, groupLevel, unionLevel:
		if isName && (p.ahead.Is("@") || p.ahead.Is(":")) {
			return p.member(lv, d)
		}
		if p.tok.IsWord("union") {
			return p.unnamedUnion(lv, d)
		}
	case interfaceLevel:
		if isName && (p.ahead.Is("@") || p.ahead.Is(":") || p.ahead.Kind == token.LParen) {
			return p.method(d)
		}
	}
	if !isName {
		p.expectedHint(wanted(lv), strayHint(p.tok))
		return noBlock
	}
	word := p.tok.Text
	if !isKeyword(word) || word == "union" || word == "group" {
		word = p.unknown(lv)
	}
	return p.generic(word, lv, d)
}

// strayHint helps with what cannot begin a declaration.
func strayHint(t token.Token) string {
	switch {
	case t.Is("@"):
		return "a file's id stands outside of its declarations"
	case t.Is("$"):
		return "annotations stand before the '{' or ';' of what they annotate"
	case t.Kind == token.Semicolon:
		return "no ';' follows a block"
	}
	return ""
}

// wanted says in messages what may stand at a level.
func wanted(lv level) string {
	switch lv {
	case enumLevel:
		return "an enumerant"
	case structLevel, groupLevel, unionLevel:
		return "a field or declaration"
	case interfaceLevel:
		return "a method or declaration"
	}
	return "a declaration"
}

// unknown reports a statement that starts with no keyword and returns the one probably meant,
// to go on with.
func (p *parser) unknown(lv level) string {
	word := p.tok.Text
	guess, hint := "", ""
	switch {
	case lv == fileLevel && (p.ahead.Is("@") || p.ahead.Is(":")):
		p.outOfPlace(wanted(lv), "fields belong in a struct, enumerants in an enum, methods in an interface; "+
			"or a '}' above closes too much")
		return ""
	case word == "union" || word == "group":
		hint = "a " + word + " is part of a struct"
	case p.ahead.Kind == token.Ident:
		if guess = suggest(word); guess == "union" || guess == "group" {
			guess = ""
		}
		if guess != "" {
			hint = "did you mean '" + guess + "'?"
		}
	}
	p.syntax(diag.UnknownDeclaration, p.tok.Span, "expected "+wanted(lv)+", found "+p.describe(p.tok)+".", hint)
	p.bad = guess == ""
	return guess
}

// outOfPlace reports a statement that belongs in another block, which hints at a brace too many or
// too few: the first of several in a row, and nothing about meanings.
func (p *parser) outOfPlace(want, hint string) {
	p.diags.SyntaxOnly()
	if p.strays == 0 {
		p.syntax(diag.UnknownDeclaration, p.tok.Span, "expected "+want+", found "+p.describe(p.tok)+".", hint)
	}
	p.strays++
	p.bad, p.broken = true, true
}

// generic reads a declaration that may stand in files, structs and interfaces alike.
// The keyword is the current token.
func (p *parser) generic(keyword string, lv level, d *ast.Decl) level {
	if p.bad {
		return noBlock
	}
	p.next()
	p.countNested(keyword, lv)
	switch keyword {
	case "using":
		p.using(d)
	case "const":
		p.constant(d)
	case "annotation":
		p.annotationDecl(d)
	case "enum":
		p.named(d, ast.Enum, EnumDecl, EnumID)
		d.Annotations = p.annotations(AnnotatedEnum)
		return enumLevel
	case "struct":
		p.named(d, ast.Struct, StructDecl, StructID)
		p.params(d, StructParams)
		d.Annotations = p.annotations(AnnotatedStruct)
		return structLevel
	case "interface":
		p.named(d, ast.Interface, InterfaceDecl, InterfaceID)
		p.params(d, InterfaceParams)
		p.extends(d)
		d.Annotations = p.annotations(AnnotatedInterface)
		return interfaceLevel
	}
	return noBlock
}

// named reads the name and the optional id that types, constants and annotations begin with.
func (p *parser) named(d *ast.Decl, kind ast.Kind, decl, id Production) {
	d.Kind = kind
	d.Name = p.ident("a name for the " + kind.String())
	p.count(decl)
	if !p.bad && p.tok.Is("@") {
		d.ID = p.uid()
		p.count(id)
	}
}

// uid reads `@0x…`.
func (p *parser) uid() *ast.Number {
	n := p.at("an id")
	if n != nil && n.Value < 1<<63 {
		p.fail(diag.BadID, n.Span, "Invalid ID.  Please generate a new one with 'capnpc -i'.",
			"the top bit of an id is set: 'lanyard schema id' makes one")
	}
	return n
}

// at reads '@' and a number; nil if there is none.
func (p *parser) at(what string) *ast.Number {
	p.next()
	if p.tok.Kind != token.Int {
		p.expected(what + " after '@'")
		return nil
	}
	t := p.next()
	if t.Form&token.Damaged != 0 {
		p.broken = true
		return nil
	}
	p.countIf(t.Form&token.Hex != 0, HexInt)
	p.countIf(t.Form&token.Octal != 0, OctalInt)
	return &ast.Number{Value: t.Int(), Span: t.Span}
}

// ordinal reads `@n` where the current token is '@'; nil if it is unusable.
func (p *parser) ordinal() *ast.Number {
	n := p.at("an ordinal")
	if n != nil && n.Value > 65535 {
		p.fail(diag.OrdinalRange, n.Span, "Ordinals cannot be greater than 65535.", "")
		p.broken = true
		return nil
	}
	return n
}

func (p *parser) params(d *ast.Decl, x Production) {
	if !p.bad && p.tok.Kind == token.LParen {
		d.Params = p.names(token.RParen)
		p.count(x)
	}
}

func (p *parser) using(d *ast.Decl) {
	d.Kind = ast.Using
	if p.tok.Kind == token.Ident && p.ahead.Is("=") {
		d.Name = p.ident("a name")
		p.next()
		d.Target = p.expr("a declaration")
		if _, ok := d.Target.(*ast.Import); ok {
			p.count(UsingImport)
		}
		p.count(UsingAlias)
		return
	}
	d.Target = p.expr("a name or a declaration")
	switch target := d.Target.(type) {
	case *ast.Member:
		d.Name = target.Name
		p.count(UsingMember)
	case *ast.Bad:
	default:
		p.fail(diag.UsingName, d.Target.Pos(),
			"'using' declaration without '=' must specify a named declaration from a different scope.",
			"write: using Name = …;")
	}
}

func (p *parser) constant(d *ast.Decl) {
	p.named(d, ast.Const, ConstDecl, ConstID)
	d.Type = p.typeAfterColon("a constant has a type: const name :Type = value;")
	if !p.op("=") {
		p.expected("'=' and a value")
	}
	d.Value = p.expr("a value")
	d.Annotations = p.annotations(AnnotatedConst)
}

// typeAfterColon reads `:Type`.
func (p *parser) typeAfterColon(hint string) ast.Expr {
	if !p.op(":") {
		p.expectedHint("':' and a type", hint)
	}
	return p.expr("a type")
}

func (p *parser) extends(d *ast.Decl) {
	if !p.word("extends") {
		return
	}
	p.count(Extends)
	if p.tok.Kind != token.LParen {
		p.expectedHint("'('", "write: extends(Super)")
		return
	}
	p.list(token.RParen, func() { d.Superclasses = append(d.Superclasses, p.expr("an interface")) })
	p.countIf(len(d.Superclasses) > 1, ExtendsMany)
}

func (p *parser) annotationDecl(d *ast.Decl) {
	p.named(d, ast.AnnotationDecl, AnnotationDecl, AnnotationID)
	if !p.bad && p.tok.Kind != token.LParen {
		p.expectedHint("'('", "say where the annotation may stand, e.g. (field, struct) or (*)")
	}
	if !p.bad {
		d.Targets = p.targets()
	}
	if p.broken {
		d.Targets = ast.AllTargets // whichever were meant
	}
	d.Type = p.typeAfterColon("an annotation has a type, Void if it takes no value")
	d.Annotations = p.annotations(AnnotatedAnnotation)
}

// targetWords are in the order of the bits of ast.Targets, and of the Target… productions.
var targetWords = [...]string{"file", "const", "enum", "enumerant", "struct", "field",
	"union", "group", "interface", "method", "param", "annotation"}

func (p *parser) targets() ast.Targets {
	var set ast.Targets
	var wildcard *token.Token
	n := 0
	p.list(token.RParen, func() {
		n++
		if p.tok.Is("*") {
			t := p.next()
			wildcard = &t
			set = ast.AllTargets
			p.count(TargetWildcard)
			return
		}
		name := p.ident("an annotation target")
		if p.bad {
			return
		}
		for i, word := range targetWords {
			if word != name.Text {
				continue
			}
			bit := ast.Targets(1) << i
			if set.Has(bit) && wildcard == nil {
				p.fail(diag.TargetTwice, name.Span, "Duplicate target specification.", "")
			}
			set |= bit
			p.count(TargetFile + Production(i))
			return
		}
		p.broken = true
		p.fail(diag.TargetUnknown, name.Span, "Not a valid annotation target.",
			"the targets are file const enum enumerant struct field union group interface method param annotation and *")
	})
	if wildcard != nil && n > 1 {
		p.fail(diag.TargetWildcard, wildcard.Span, "Wildcard should not be specified together with other targets.", "")
	}
	return set
}

// countNested counts where a declaration stands.
func (p *parser) countNested(keyword string, lv level) {
	base := UsingInStruct
	switch lv {
	case structLevel:
	case interfaceLevel:
		base = UsingInInterface
	default:
		return
	}
	for i, k := range [...]string{"using", "const", "enum", "struct", "interface", "annotation"} {
		p.countIf(k == keyword, base+Production(i))
	}
}
