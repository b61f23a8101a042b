package dynamic

import (
	"fmt"
	"math"
	"strconv"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Value is what is in a field or a list, with its type. Its accessors fit certain kinds and return zero for the
// others. The zero Value has the kind Invalid.
type Value struct {
	t    Type
	bits uint64        // of scalars; a float's are those of a float64
	text []byte        // of Text and Data
	ptr  capnp.Ptr     // of interfaces and of pointers of any type
	s    capnp.Struct  // of structs
	list capnp.AnyList // of lists
	c    capnp.Client  // instead of ptr, for values that are in no message
}

// ValueOf returns a struct as a value.
func ValueOf(s Struct) Value { return Value{t: s.t.Type(), s: s.s} }

// Type returns the type.
func (v Value) Type() Type { return v.t }

// Kind returns the kind of the type.
func (v Value) Kind() Kind { return v.t.kind }

// Bool returns a Bool.
func (v Value) Bool() bool { return v.t.kind == Bool && v.bits != 0 }

// Int returns an integer of any kind or the number of an enumerant. A UInt64 beyond the range is the greatest int64.
func (v Value) Int() int64 {
	switch k := v.t.kind; {
	case k >= Int8 && k <= Int64:
		return k.signed(v.bits)
	case k.IsInteger() || k == EnumKind:
		return int64(min(v.bits, math.MaxInt64))
	}
	return 0
}

// Uint returns an integer of any kind or the number of an enumerant. Negative ones are 0.
func (v Value) Uint() uint64 {
	switch k := v.t.kind; {
	case k >= Int8 && k <= Int64:
		return uint64(max(k.signed(v.bits), 0))
	case k.IsInteger() || k == EnumKind:
		return v.bits
	}
	return 0
}

// Float returns a Float32, a Float64 or, rounded, an integer.
func (v Value) Float() float64 {
	switch k := v.t.kind; {
	case k.IsFloat():
		return math.Float64frombits(v.bits)
	case k >= Int8 && k <= Int64:
		return float64(k.signed(v.bits))
	case k.IsInteger():
		return float64(v.bits)
	}
	return 0
}

// Text returns a copy of a Text.
func (v Value) Text() string {
	if v.t.kind != Text {
		return ""
	}
	return string(v.text)
}

// Bytes returns the bytes of a Text or Data. They must not be changed.
func (v Value) Bytes() []byte { return v.text }

// Enum returns a value of an enum.
func (v Value) Enum() Enum {
	if v.t.kind != EnumKind {
		return Enum{}
	}
	return Enum{v.t.Enum(), uint16(v.bits)}
}

// Struct returns a struct; null if the field is.
func (v Value) Struct() Struct {
	if v.t.kind != StructKind {
		return Struct{}
	}
	return Struct{v.t.Struct(), v.s}
}

// List returns a list; null if the field is.
func (v Value) List() List {
	if v.t.kind != ListKind {
		return List{}
	}
	return List{v.t.Elem(), v.list}
}

// Client takes out a capability, as [capnp.Struct.Client] does: also that in a pointer of any type.
func (v Value) Client() capnp.Client {
	if v.ptr.IsNull() {
		return v.c
	}
	return v.ptr.Client()
}

// Ptr returns the pointer of a capability or of a type that the schema leaves open: AnyPointer, AnyStruct, AnyList.
func (v Value) Ptr() capnp.Ptr { return v.ptr }

// As reads a pointer of a type that the schema leaves open as one of type t. A value of type t is that already; others
// are invalid.
func (v Value) As(t Type) Value {
	switch {
	case v.t.kind == t.kind && v.t.id == t.id && t.kind != ListKind:
		return v
	case v.t.kind < AnyPointer:
		return Value{}
	}
	return follow(t, v.ptr, capnp.Ptr{})
}

// IsNull reports whether the value is a null pointer, or invalid.
func (v Value) IsNull() bool {
	switch k := v.t.kind; k {
	case Invalid:
		return true
	case Text, Data:
		return v.text == nil
	case StructKind:
		return capnp.IsNull(v.s)
	case ListKind:
		return v.list.IsNull()
	case InterfaceKind, AnyPointer, AnyStruct, AnyList:
		return v.ptr.IsNull() && v.c.IsNull()
	}
	return false
}

// String describes the value in a few words: it shows numbers, never text or what is in structs and lists, which may
// be secret. For the whole value see package capjson.
func (v Value) String() string {
	switch k := v.t.kind; {
	case k == Bool:
		return strconv.FormatBool(v.Bool())
	case k.IsFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case k >= Uint8 && k <= Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case k.IsInteger():
		return strconv.FormatInt(v.Int(), 10)
	case k == EnumKind:
		return v.Enum().String()
	case k == Text || k == Data:
		return fmt.Sprintf("%s of %d bytes", k, len(v.text))
	case k == ListKind:
		return fmt.Sprintf("%s of %d", v.t, v.list.Len())
	}
	return v.t.String()
}

// scalar makes a value of a kind that lies in the data section of its raw bits.
func scalar(t Type, bits uint64) Value {
	if t.kind == Float32 {
		bits = math.Float64bits(float64(math.Float32frombits(uint32(bits))))
	}
	return Value{t: t, bits: bits}
}

// follow makes a value of what a pointer leads to; def stands for a pointer that is null, and for structs, lists,
// text and data also for one that is bad.
func follow(t Type, p, def capnp.Ptr) Value {
	v := Value{t: t}
	switch t.kind {
	case Text:
		if v.text = p.TextBytes(); v.text == nil {
			v.text = def.TextBytes()
		}
	case Data:
		if v.text = p.Data(); v.text == nil {
			v.text = def.Data()
		}
	case StructKind:
		if v.s = p.Struct(); capnp.IsNull(v.s) {
			v.s = def.Struct()
		}
	case ListKind:
		e := t.Elem()
		if v.list = listAs(e, p.AnyList()); v.list.IsNull() {
			v.list = listAs(e, def.AnyList())
		}
	case InterfaceKind:
		v.ptr = p
	case AnyPointer, AnyStruct, AnyList:
		if v.ptr = p; p.IsNull() {
			v.ptr = def
		}
	default:
		return Value{}
	}
	return v
}

// constant makes a value of what a schema says: a default, or the value of an annotation. It is zero or null if the
// schema's value is not of the type.
func constant(t Type, c schema.Value) Value {
	if !t.kind.IsPointer() {
		return scalar(t, defaultBits(t.kind, c))
	}
	v := follow(t, defaultPtr(t.kind, c), capnp.Ptr{})
	switch {
	case t.kind == Text && c.Which() == schema.ValueWhichText:
		v.text = c.TextBytes()
	case t.kind == Data && c.Which() == schema.ValueWhichData:
		v.text = c.Data()
	}
	return v
}

// defaultBits is what a data field of kind k is stored as the exclusive or with.
func defaultBits(k Kind, c schema.Value) uint64 {
	which := c.Which()
	if k == EnumKind {
		if which != schema.ValueWhichEnum {
			return 0
		}
		return uint64(c.Enum())
	}
	if plainKind(uint16(which)) != k {
		return 0
	}
	switch k {
	case Bool:
		if c.Bool() {
			return 1
		}
	case Int8:
		return uint64(uint8(c.Int8()))
	case Int16:
		return uint64(uint16(c.Int16()))
	case Int32:
		return uint64(uint32(c.Int32()))
	case Int64:
		return uint64(c.Int64())
	case Uint8:
		return uint64(c.Uint8())
	case Uint16:
		return uint64(c.Uint16())
	case Uint32:
		return uint64(c.Uint32())
	case Uint64:
		return c.Uint64()
	case Float32:
		return uint64(math.Float32bits(c.Float32()))
	case Float64:
		return math.Float64bits(c.Float64())
	}
	return 0
}

// defaultPtr is what a null pointer of kind k stands for, but for Text and Data.
func defaultPtr(k Kind, c schema.Value) capnp.Ptr {
	switch which := c.Which(); {
	case (k == ListKind || k == AnyList) && which == schema.ValueWhichList:
		return c.List()
	case (k == StructKind || k == AnyStruct) && which == schema.ValueWhichStruct:
		return c.Struct()
	case k >= AnyPointer && which == schema.ValueWhichAnyPointer:
		return c.AnyPointer()
	}
	return capnp.Ptr{}
}
