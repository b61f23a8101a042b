package gogen

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// annotationNode prints the id of an annotation, by which programs find it in schemas.
func (p *printer) annotationNode(n schema.Node) {
	name := p.g.goName(n.Id()) + "Annotation"
	p.declare(n.Id(), name)
	p.doc(p.g.doc(n), "")
	p.f("const %s uint64 = %#x\n", name, n.Id())
}

// constNode prints a constant: a Go constant if Go has one, else a variable or a function.
func (p *printer) constNode(n schema.Node) {
	name := p.g.goName(n.Id()) + "Const"
	t, v := n.Const().Type(), n.Const().Value()
	if v.Which() != valueOf(t.Which()) {
		p.g.problem(p.g.originOf(n.Id()), "", "its value is not of its type")
		return
	}
	p.declare(n.Id(), name)
	p.doc(p.g.doc(n), "")
	rt := p.rt()
	if s, ok := p.scalar(t); ok {
		p.scalarConst(name, s, v)
		return
	}
	o := p.g.originOf(n.Id())
	switch t.Which() {
	case schema.TypeWhichVoid:
		p.f("var %s struct{}\n", name)
	case schema.TypeWhichText:
		p.f("const %s = %s\n", name, long(v.Text()))
	case schema.TypeWhichData:
		p.f("const %s = %s // bytes\n", name, long(string(v.Data())))
	case schema.TypeWhichStruct:
		p.f("var %s = %s(%s.Struct())\n", name, p.name(t.Struct().TypeId(), ""), p.static(pointerValue(v), o))
	case schema.TypeWhichList:
		el := p.elem(t.List().ElementType(), 0)
		p.f("var %s = %s.ListOf[%s](%s, %s)\n", name, rt, el.reader, p.static(pointerValue(v), o), el.kind)
	case schema.TypeWhichInterface:
		typ := p.name(t.Interface().TypeId(), "")
		p.f("var %s %s // null\n", name, typ)
	case schema.TypeWhichAnyPointer:
		switch static := p.static(pointerValue(v), o); anyKind(t) {
		case schema.TypeAnyPointerUnconstrainedWhichStruct:
			p.f("var %s = %s.Struct()\n", name, static)
		case schema.TypeAnyPointerUnconstrainedWhichList:
			p.f("var %s = %s.AnyList()\n", name, static)
		case schema.TypeAnyPointerUnconstrainedWhichCapability:
			p.f("var %s %s.Client // null\n", name, rt)
		default:
			p.f("var %s = %s\n", name, static)
		}
	default:
		p.g.problem(o, "", fmt.Sprintf("its type has the unknown kind %d", t.Which()))
	}
}

func (p *printer) scalarConst(name string, s scalar, v schema.Value) {
	bits := scalarBits(v)
	switch v.Which() {
	case schema.ValueWhichBool:
		p.f("const %s = %t\n", name, bits != 0)
	case schema.ValueWhichFloat32, schema.ValueWhichFloat64:
		f := v.Float64()
		if s.bits == 32 {
			f = float64(v.Float32())
		}
		if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 && math.Signbit(f) {
			p.f("var %s = %s.Float%dfrombits(%#x)\n", name, p.math(), s.bits, bits)
			return
		}
		p.f("const %s %s = %s\n", name, s.goType, strconv.FormatFloat(f, 'g', -1, int(s.bits)))
	case schema.ValueWhichInt8, schema.ValueWhichInt16, schema.ValueWhichInt32, schema.ValueWhichInt64:
		p.f("const %s %s = %d\n", name, s.goType, int64(bits<<(64-s.bits))>>(64-s.bits))
	default:
		p.f("const %s %s = %d\n", name, s.goType, bits)
	}
}

// pointerValue returns what a value points to, null if it is no struct, list or AnyPointer.
func pointerValue(v schema.Value) capnp.Ptr {
	switch v.Which() {
	case schema.ValueWhichList:
		return v.List()
	case schema.ValueWhichStruct:
		return v.Struct()
	case schema.ValueWhichAnyPointer:
		return v.AnyPointer()
	}
	return capnp.Ptr{}
}

// maxStatic bounds the size of one default or constant.
const maxStatic = 16 << 20

// static returns the expression for a pointer known when the code is made: the words of a message.
func (p *printer) static(v capnp.Ptr, o origin) string {
	words, err := staticWords(v)
	if err != nil {
		p.g.problem(o, "", "its value cannot be stored: "+err.Error())
	}
	return p.rt() + ".StaticPtr(" + long(words) + ")"
}

// lineBytes is how much source a line of a long string takes.
const lineBytes = 96

// long writes a string that may be long, and not text, over several lines.
func long(s string) string {
	if q := quote(s); len(q) <= lineBytes {
		return q
	}
	var b strings.Builder
	b.WriteString(`"" +`)
	line := ""
	for i := 0; i < len(s); i++ {
		line += escape(s[i])
		if len(line) >= lineBytes && i+1 < len(s) {
			b.WriteString("\n\"" + line + `" +`)
			line = ""
		}
	}
	b.WriteString("\n\"" + line + `"`)
	return b.String()
}

func escape(c byte) string {
	switch {
	case c == '"' || c == '\\':
		return `\` + string(rune(c))
	case c == '\n':
		return `\n`
	case c == 0:
		return `\x00`
	case c >= ' ' && c <= '~':
		return string(rune(c))
	}
	return fmt.Sprintf(`\x%02x`, c)
}
