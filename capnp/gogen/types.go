package gogen

import (
	"fmt"
	"math"
	"strconv"

	"lanyard.dev/capnp/schema"
)

// scalar describes a type that lies in the data section of a struct.
type scalar struct {
	goType string
	bits   uint32
	kind   string // names the element kind of a list
}

func (s scalar) float() bool { return s.goType == "float32" || s.goType == "float64" }

// raw returns the name of the accessor for the bits: Bool or Uint8 to Uint64.
func (s scalar) raw() string {
	if s.bits == 1 {
		return "Bool"
	}
	return fmt.Sprintf("Uint%d", s.bits)
}

// scalar returns the description of t, or ok false if t is a pointer or Void.
func (p *printer) scalar(t schema.Type) (s scalar, ok bool) {
	switch t.Which() {
	case schema.TypeWhichBool:
		return scalar{"bool", 1, "KindBool"}, true
	case schema.TypeWhichInt8:
		return scalar{"int8", 8, "KindInt8"}, true
	case schema.TypeWhichInt16:
		return scalar{"int16", 16, "KindInt16"}, true
	case schema.TypeWhichInt32:
		return scalar{"int32", 32, "KindInt32"}, true
	case schema.TypeWhichInt64:
		return scalar{"int64", 64, "KindInt64"}, true
	case schema.TypeWhichUint8:
		return scalar{"uint8", 8, "KindUint8"}, true
	case schema.TypeWhichUint16:
		return scalar{"uint16", 16, "KindUint16"}, true
	case schema.TypeWhichUint32:
		return scalar{"uint32", 32, "KindUint32"}, true
	case schema.TypeWhichUint64:
		return scalar{"uint64", 64, "KindUint64"}, true
	case schema.TypeWhichFloat32:
		return scalar{"float32", 32, "KindFloat32"}, true
	case schema.TypeWhichFloat64:
		return scalar{"float64", 64, "KindFloat64"}, true
	case schema.TypeWhichEnum:
		return scalar{p.name(t.Enum().TypeId(), ""), 16, "KindUint16"}, true
	}
	return scalar{}, false
}

// scalarBits returns the bits of a value as the data section holds them.
func scalarBits(v schema.Value) uint64 {
	switch v.Which() {
	case schema.ValueWhichBool:
		if v.Bool() {
			return 1
		}
	case schema.ValueWhichInt8:
		return uint64(uint8(v.Int8()))
	case schema.ValueWhichInt16:
		return uint64(uint16(v.Int16()))
	case schema.ValueWhichInt32:
		return uint64(uint32(v.Int32()))
	case schema.ValueWhichInt64:
		return uint64(v.Int64())
	case schema.ValueWhichUint8:
		return uint64(v.Uint8())
	case schema.ValueWhichUint16:
		return uint64(v.Uint16())
	case schema.ValueWhichUint32:
		return uint64(v.Uint32())
	case schema.ValueWhichUint64:
		return v.Uint64()
	case schema.ValueWhichFloat32:
		return uint64(math.Float32bits(v.Float32()))
	case schema.ValueWhichFloat64:
		return math.Float64bits(v.Float64())
	case schema.ValueWhichEnum:
		return uint64(v.Enum())
	}
	return 0
}

// hex writes the bits of a default.
func hex(bits uint64) string {
	if bits < 10 {
		return strconv.FormatUint(bits, 10)
	}
	return fmt.Sprintf("%#x", bits)
}

// load returns the expression that reads a scalar from the struct that from evaluates to.
func (p *printer) load(s scalar, from string, offset uint32, def uint64) string {
	at := offset
	if s.bits > 1 {
		at = offset * (s.bits / 8)
	}
	x := fmt.Sprintf("%s.%s(%d)", from, s.raw(), at)
	if s.bits == 1 {
		if def != 0 {
			return "!" + x
		}
		return x
	}
	if def != 0 {
		x += " ^ " + hex(def)
	}
	switch {
	case s.float():
		return fmt.Sprintf("%s.Float%dfrombits(%s)", p.math(), s.bits, x)
	case s.goType == fmt.Sprintf("uint%d", s.bits):
		return x
	}
	return s.goType + "(" + x + ")"
}

// store returns the statement that writes v into the struct builder that to evaluates to.
func (p *printer) store(s scalar, to string, offset uint32, def uint64) string {
	at, v := offset, "v"
	if s.bits > 1 {
		at = offset * (s.bits / 8)
	}
	switch {
	case s.bits == 1 && def != 0:
		v = "!v"
	case s.bits == 1:
	case s.float():
		v = fmt.Sprintf("%s.Float%dbits(v)", p.math(), s.bits)
	case s.goType != fmt.Sprintf("uint%d", s.bits):
		v = fmt.Sprintf("uint%d(v)", s.bits)
	}
	if def != 0 && s.bits > 1 {
		v += " ^ " + hex(def)
	}
	return fmt.Sprintf("%s.Set%s(%d, %s)", to, s.raw(), at, v)
}

// elem describes the elements of a list.
type elem struct {
	reader  string // T of capnp.List[T]
	builder string // B of capnp.ListBuilder[B]
	kind    string
	size    string // of struct elements at the bottom; else empty
	native  bool   // a Go slice can be stored: a scalar, text, data
	client  bool
}

// maxLists bounds how deep lists of lists nest.
const maxLists = 15

func (p *printer) elem(t schema.Type, depth int) elem {
	rt := p.rt()
	if s, ok := p.scalar(t); ok {
		return elem{reader: s.goType, builder: s.goType, kind: rt + "." + s.kind, native: true}
	}
	switch t.Which() {
	case schema.TypeWhichVoid:
		return elem{reader: "struct{}", builder: "struct{}", kind: rt + ".KindVoid"}
	case schema.TypeWhichText:
		return elem{reader: "string", builder: "string", kind: rt + ".KindText", native: true}
	case schema.TypeWhichData:
		return elem{reader: "[]byte", builder: "[]byte", kind: rt + ".KindData", native: true}
	case schema.TypeWhichStruct:
		id := t.Struct().TypeId()
		return elem{reader: p.name(id, ""), builder: p.name(id, "Builder"), kind: rt + ".KindStruct", size: p.size(id)}
	case schema.TypeWhichInterface:
		name := p.name(t.Interface().TypeId(), "")
		return elem{reader: name, builder: name, kind: rt + ".KindClient", client: true}
	case schema.TypeWhichList:
		if depth >= maxLists {
			p.g.problem(origin{file: p.file.name}, "", "lists of lists are nested too deeply")
			return elem{}
		}
		in := p.elem(t.List().ElementType(), depth+1)
		in.reader = rt + ".List[" + in.reader + "]"
		in.builder = rt + ".ListBuilder[" + in.builder + "]"
		in.kind = rt + ".KindList(" + in.kind + ")"
		in.native, in.client = false, false
		return in
	}
	switch anyKind(t) {
	case schema.TypeAnyPointerUnconstrainedWhichStruct:
		return elem{reader: rt + ".Struct", builder: rt + ".StructBuilder", kind: rt + ".KindStruct", size: rt + ".StructSize{}"}
	case schema.TypeAnyPointerUnconstrainedWhichCapability:
		return elem{reader: rt + ".Client", builder: rt + ".Client", kind: rt + ".KindClient", client: true}
	}
	return elem{reader: rt + ".Ptr", builder: rt + ".PtrBuilder", kind: rt + ".KindPtr"}
}

// anyKind returns which of the Any types t is. A type parameter is an AnyPointer.
func anyKind(t schema.Type) schema.TypeAnyPointerUnconstrainedWhich {
	return t.AnyPointer().Unconstrained().Which()
}

// size returns the size of a struct as an expression.
func (p *printer) size(id uint64) string {
	s := p.g.nodes[id].Struct()
	return fmt.Sprintf("%s.StructSize{DataWords: %d, Pointers: %d}", p.rt(), s.DataWordCount(), s.PointerCount())
}
