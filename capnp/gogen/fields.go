package gogen

import (
	"fmt"
	"strconv"
	"strings"

	"lanyard.dev/capnp/schema"
)

// slotPrinter prints the methods of one field, on the reader and on the builder of its struct.
//
// A reader looks at the tag of a union with When, which gives the null struct if another member is set: all
// getters of the null struct return the default. A builder's setter sets the tag.
type slotPrinter struct {
	*printer
	node   schema.Node
	f      field
	typ    string // Go name of the struct
	name   string // Go name of the field
	origin origin
}

func (s *slotPrinter) print() {
	switch {
	case s.f.Which() == schema.FieldWhichGroup:
		s.group()
		return
	case !s.inBounds():
		s.g.problem(s.origin, "", "it lies outside its struct")
		return
	}
	t := s.f.Slot().Type()
	if v := s.f.Slot().DefaultValue().Which(); v != valueOf(t.Which()) {
		s.g.problem(s.origin, "", "its default is not of its type")
		return
	}
	if sc, ok := s.scalar(t); ok {
		s.scalarField(sc)
		return
	}
	switch t.Which() {
	case schema.TypeWhichVoid:
		s.void()
	case schema.TypeWhichText:
		s.text()
	case schema.TypeWhichData:
		s.data()
	case schema.TypeWhichList:
		s.list(t.List().ElementType())
	case schema.TypeWhichStruct:
		s.structField(t.Struct().TypeId())
	case schema.TypeWhichInterface:
		typ := s.printer.name(t.Interface().TypeId(), "")
		s.client(typ, typ+"{Client: %s}", "v.Client")
	case schema.TypeWhichAnyPointer:
		s.any(anyKind(t))
	default:
		s.g.problem(s.origin, "", fmt.Sprintf("its type has the unknown kind %d", t.Which()))
	}
}

// valueOf returns the variant of a value of the given type: they are numbered alike.
func valueOf(t schema.TypeWhich) schema.ValueWhich { return schema.ValueWhich(t) }

// inBounds reports whether the field lies in its struct's sections. Only a broken request has others.
func (s *slotPrinter) inBounds() bool {
	st, t, at := s.node.Struct(), s.f.Slot().Type(), uint64(s.f.Slot().Offset())
	if sc, ok := s.scalar(t); ok {
		return (at+1)*uint64(sc.bits) <= uint64(st.DataWordCount())*64
	}
	return t.Which() == schema.TypeWhichVoid || at < uint64(st.PointerCount())
}

// reader and builder return the struct to read and to write, looking at the tag in a union.
func (s *slotPrinter) reader() string  { return s.rt() + ".Struct(s)" + s.when() }
func (s *slotPrinter) writer() string  { return s.rt() + ".StructBuilder(b)" }
func (s *slotPrinter) current() string { return s.writer() + s.when() }

func (s *slotPrinter) when() string {
	if !s.f.inUnion() {
		return ""
	}
	return fmt.Sprintf(".When(%d, %d)", s.node.Struct().DiscriminantOffset()*2, s.f.DiscriminantValue())
}

// get prints a method without parameters on the reader.
func (s *slotPrinter) get(name, result, expr string, args ...any) {
	s.member(s.typ, s.origin, name)
	s.f1("func (s %s) %s() %s { return %s }", s.typ, name, result, fmt.Sprintf(expr, args...))
}

// f1 prints a line. The name f is the field's here.
func (s *slotPrinter) f1(format string, args ...any) { s.printer.f(format, args...) }

// set prints a method on the builder that sets the tag and then does what body says.
func (s *slotPrinter) set(verb, signature, body string, args ...any) {
	s.member(s.typ+"Builder", s.origin, verb+s.name)
	tag := ""
	if s.f.inUnion() {
		tag = fmt.Sprintf("%s.SetUint16(%d, %d)\n", s.writer(), s.node.Struct().DiscriminantOffset()*2, s.f.DiscriminantValue())
	}
	body = tag + fmt.Sprintf(body, args...)
	if strings.Contains(body, "\n") {
		body = "\n" + body + "\n"
	}
	s.f1("func (b %sBuilder) %s%s%s {%s}", s.typ, verb, s.name, signature, body)
}

// edit prints a method that returns what is there. If another member of the union is set it makes a new one.
func (s *slotPrinter) edit(param, arg, result, expr string, args ...any) {
	s.member(s.typ+"Builder", s.origin, "Edit"+s.name)
	other := ""
	if s.f.inUnion() {
		other = fmt.Sprintf("\nif b.Which() != %sWhich%s {\nreturn b.New%s(%s)\n}\n", s.typ, s.name, s.name, arg)
	}
	s.f1("func (b %sBuilder) Edit%s(%s) %s {%sreturn %s}", s.typ, s.name, param, result, other, fmt.Sprintf(expr, args...))
}

func (s *slotPrinter) fieldDoc() { s.printer.doc(s.g.memberDoc(s.node.Id(), s.f.index), "") }

// has prints the test whether a pointer is set, on both sides.
func (s *slotPrinter) has() {
	i := s.f.Slot().Offset()
	s.get("Has"+s.name, "bool", "%s.HasPtr(%d)", s.reader(), i)
	s.member(s.typ+"Builder", s.origin, "Has"+s.name)
	s.f1("func (b %sBuilder) Has%s() bool { return %s.HasPtr(%d) }", s.typ, s.name, s.current(), i)
}

func (s *slotPrinter) scalarField(sc scalar) {
	at, def := s.f.Slot().Offset(), scalarBits(s.f.Slot().DefaultValue())
	s.fieldDoc()
	s.get(s.name, sc.goType, "%s", s.load(sc, s.reader(), at, def))
	s.member(s.typ+"Builder", s.origin, s.name)
	s.f1("func (b %sBuilder) %s() %s { return %s }", s.typ, s.name, sc.goType, s.load(sc, s.current(), at, def))
	s.set("Set", "(v "+sc.goType+")", "%s", s.store(sc, s.writer(), at, def))
}

// void prints how to choose a member without a value. Elsewhere a Void says nothing.
func (s *slotPrinter) void() {
	if s.f.inUnion() {
		s.fieldDoc()
		s.set("Set", "()", "")
	}
}

func (s *slotPrinter) text() {
	i, def := s.f.Slot().Offset(), s.f.Slot().DefaultValue().Text()
	s.fieldDoc()
	if def == "" {
		s.get(s.name, "string", "%s.Text(%d)", s.reader(), i)
		s.get(s.name+"Bytes", "[]byte", "%s.TextBytes(%d)", s.reader(), i)
	} else {
		s.get(s.name, "string", "%s.TextDefault(%d, %s)", s.reader(), i, quote(def))
		s.get(s.name+"Bytes", "[]byte", "%s.TextBytesDefault(%d, %s)", s.reader(), i, quote(def))
	}
	s.has()
	s.set("Set", "(v string)", "%s.SetText(%d, v)", s.writer(), i)
}

func (s *slotPrinter) data() {
	i, def := s.f.Slot().Offset(), s.f.Slot().DefaultValue().Data()
	s.fieldDoc()
	if len(def) == 0 {
		s.get(s.name, "[]byte", "%s.Data(%d)", s.reader(), i)
	} else {
		s.get(s.name, "[]byte", "%s.DataDefault(%d, %s)", s.reader(), i, quote(string(def)))
	}
	s.has()
	s.set("Set", "(v []byte)", "%s.SetData(%d, v)", s.writer(), i)
	s.set("New", "(n int) []byte", "return %s.NewData(%d, n)", s.writer(), i)
}

func (s *slotPrinter) structField(id uint64) {
	i, typ := s.f.Slot().Offset(), s.printer.name(id, "")
	builder, def := s.printer.name(id, "Builder"), s.pointerDefault()
	s.fieldDoc()
	if def == "" {
		s.get(s.name, typ, "%s(%s.Struct(%d))", typ, s.reader(), i)
		def = s.rt() + ".Ptr{}"
	} else {
		s.get(s.name, typ, "%s(%s.StructDefault(%d, %s))", typ, s.reader(), i, def)
	}
	s.has()
	s.set("Set", "(v "+typ+")", "%s.SetStruct(%d, %s.Struct(v))", s.writer(), i, s.rt())
	s.set("New", "() "+builder, "return %s(%s.NewStruct(%d, %s))", builder, s.writer(), i, s.size(id))
	s.edit("", "", builder, "%s(%s.EditStruct(%d, %s, %s))", builder, s.writer(), i, s.size(id), def)
}

func (s *slotPrinter) list(t schema.Type) {
	i, el, rt, def := s.f.Slot().Offset(), s.elem(t, 0), s.rt(), s.pointerDefault()
	if el.reader == "" {
		return
	}
	s.fieldDoc()
	typ := rt + ".List[" + el.reader + "]"
	if def == "" {
		s.get(s.name, typ, "%s.FieldList[%s](%s, %d, %s)", rt, el.reader, s.reader(), i, el.kind)
		def = rt + ".Ptr{}"
	} else {
		s.get(s.name, typ, "%s.FieldListDefault[%s](%s, %d, %s, %s)", rt, el.reader, s.reader(), i, el.kind, def)
	}
	s.has()
	w, result := s.writer(), rt+".ListBuilder["+el.builder+"]"
	switch {
	case el.native:
		s.set("Set", "(v []"+el.reader+")", "%s.SetFieldList(%s, %d, %s, v)", rt, w, i, el.kind)
	case el.client:
		s.set("Set", "(v []"+el.reader+")", "l := b.New%s(len(v))\nfor i, c := range v {\nl.Set(i, c)\n}", s.name)
	default:
		s.set("Set", "(v "+typ+")", "%s.CopyFieldList(%s, %d, v)", rt, w, i)
	}
	if el.kind == rt+".KindStruct" {
		s.set("New", "(n int) "+result, "return %s.NewFieldStructList[%s](%s, %d, %s, n)", rt, el.builder, w, i, el.size)
		s.edit("", "0", result, "%s.EditFieldStructList[%s](%s, %d, %s, %s)", rt, el.builder, w, i, el.size, def)
		return
	}
	s.set("New", "(n int) "+result, "return %s.NewFieldList[%s](%s, %d, %s, n)", rt, el.builder, w, i, el.kind)
	s.edit("", "0", result, "%s.EditFieldList[%s](%s, %d, %s, %s)", rt, el.builder, w, i, el.kind, def)
}

// client prints a capability field. wrap makes the typed client of an expression for an untyped one.
func (s *slotPrinter) client(typ, wrap, untyped string) {
	i := s.f.Slot().Offset()
	s.fieldDoc()
	s.get(s.name, typ, wrap, fmt.Sprintf("%s.Client(%d)", s.reader(), i))
	s.has()
	s.set("Set", "(v "+typ+")", "%s.SetClient(%d, %s)", s.writer(), i, untyped)
}

// any prints a field of one of the Any types or of a type parameter.
func (s *slotPrinter) any(kind schema.TypeAnyPointerUnconstrainedWhich) {
	i, rt := s.f.Slot().Offset(), s.rt()
	if kind == schema.TypeAnyPointerUnconstrainedWhichCapability {
		s.client(rt+".Client", "%s", "v")
		return
	}
	def := s.pointerDefault()
	s.fieldDoc()
	switch {
	case kind == schema.TypeAnyPointerUnconstrainedWhichStruct:
		if def == "" {
			s.get(s.name, rt+".Struct", "%s.Struct(%d)", s.reader(), i)
			def = rt + ".Ptr{}"
		} else {
			s.get(s.name, rt+".Struct", "%s.StructDefault(%d, %s)", s.reader(), i, def)
		}
		s.has()
		s.set("Set", "(v "+rt+".Struct)", "%s.SetStruct(%d, v)", s.writer(), i)
		s.set("New", "(size "+rt+".StructSize) "+rt+".StructBuilder", "return %s.NewStruct(%d, size)", s.writer(), i)
		s.edit("size "+rt+".StructSize", "size", rt+".StructBuilder", "%s.EditStruct(%d, size, %s)", s.writer(), i, def)
		return
	case kind == schema.TypeAnyPointerUnconstrainedWhichList:
		if def == "" {
			s.get(s.name, rt+".AnyList", "%s.AnyList(%d)", s.reader(), i)
		} else {
			s.get(s.name, rt+".AnyList", "%s.PtrDefault(%d, %s).AnyList()", s.reader(), i, def)
		}
		s.has()
		s.set("Set", "(v "+rt+".AnyList)", "%s.SetAnyList(%d, v)", s.writer(), i)
	case def == "":
		s.get(s.name, rt+".Ptr", "%s.Ptr(%d)", s.reader(), i)
		s.has()
		s.set("Set", "(v "+rt+".Ptr)", "%s.SetPtr(%d, v)", s.writer(), i)
	default:
		s.get(s.name, rt+".Ptr", "%s.PtrDefault(%d, %s)", s.reader(), i, def)
		s.has()
		s.set("Set", "(v "+rt+".Ptr)", "%s.SetPtr(%d, v)", s.writer(), i)
	}
	s.set("New", "() "+rt+".PtrBuilder", "%s.ClearPtr(%d)\nreturn %s.Ptr(%d)", s.writer(), i, s.writer(), i)
	s.edit("", "", rt+".PtrBuilder", "%s.Ptr(%d)", s.writer(), i)
}

// pointerDefault declares a variable for the default of a struct, list or any field, and returns its name;
// without a default it returns "".
func (s *slotPrinter) pointerDefault() string {
	v := pointerValue(s.f.Slot().DefaultValue())
	if v.IsNull() {
		return ""
	}
	name := lower(s.typ) + s.name + "Default"
	s.g.declare(s.scope, name, s.origin)
	s.f1("var %s = %s\n", name, s.static(v, s.origin))
	return name
}

// group prints the way from a struct to one of its groups, which is the same struct seen through another
// type.
func (s *slotPrinter) group() {
	id := s.f.Group().TypeId()
	n, ok := s.g.nodes[id]
	if !ok || !n.Struct().IsGroup() || n.ScopeId() != s.node.Id() {
		s.g.problem(s.origin, "", "its group is not declared in the same struct")
		return
	}
	typ, builder := s.printer.name(id, ""), s.printer.name(id, "Builder")
	s.fieldDoc()
	s.get(s.name, typ, "%s(%s)", typ, s.reader())
	var clear strings.Builder
	for _, line := range s.clearing(n) {
		clear.WriteString(s.writer() + line + "\n")
	}
	s.set("New", "() "+builder, "%sreturn %s(b)", clear.String(), builder)
	s.edit("", "", builder, "%s(b)", builder)
}

func quote(s string) string { return strconv.QuoteToASCII(s) }
