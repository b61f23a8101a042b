package dynamic

import (
	"lanyard.dev/capnp"
)

// Struct reads a struct by its type. The zero Struct is null and has no fields.
type Struct struct {
	t StructType
	s capnp.Struct
}

// Read returns s as a struct of type t. Nothing is checked: what s lacks reads as its default.
func (t StructType) Read(s capnp.Struct) Struct { return Struct{t, s} }

// Root returns the root of a message as a struct of type t.
func (t StructType) Root(m *capnp.Message) Struct { return Struct{t, capnp.Root[capnp.Struct](m)} }

// Type returns the type.
func (s Struct) Type() StructType { return s.t }

// Raw returns the struct without its type.
func (s Struct) Raw() capnp.Struct { return s.s }

// IsNull reports whether it is the null struct, every field of which has its default.
func (s Struct) IsNull() bool { return capnp.IsNull(s.s) }

// Get returns the value at a path: the name of a field, or several with dots between, and [i] for an element of a
// list, as in "people[2].name". Members of a union that are not set have their defaults. It is an error if a field
// does not exist, or an index is out of range.
func (s Struct) Get(path string) (Value, error) {
	p, err := s.t.Path(path)
	if err != nil {
		return Value{}, err
	}
	return p.Get(s)
}

// Value returns the value of a field of the struct's type. A member of the union that is not set has its default.
func (s Struct) Value(f Field) Value {
	raw := s.s
	if f.InUnion() {
		raw = f.active(raw)
	}
	if f.IsGroup() {
		return Value{t: f.Type(), s: raw}
	}
	t := f.Type()
	at, ok := f.place(t.kind)
	def := f.f.Slot().DefaultValue()
	if !t.kind.IsPointer() {
		bits := defaultBits(t.kind, def)
		if ok {
			bits ^= load(raw, t.kind, at)
		}
		return scalar(t, bits)
	}
	p := capnp.Ptr{}
	if ok {
		p = raw.Ptr(uint16(at))
	}
	v := follow(t, p, defaultPtr(t.kind, def))
	if v.text == nil && (t.kind == Text || t.kind == Data) {
		v = constant(t, def)
	}
	return v
}

// active returns the struct if member f of the union is set, else the null struct.
func (f Field) active(s capnp.Struct) capnp.Struct {
	off, ok := f.of.tagOffset()
	if !ok {
		return capnp.Struct{}
	}
	return s.When(off, f.Tag())
}

// load reads the bits of a field.
func load(s capnp.Struct, k Kind, at uint32) uint64 {
	switch k.bits() {
	case 1:
		if s.Bool(at) {
			return 1
		}
	case 8:
		return uint64(s.Uint8(at))
	case 16:
		return uint64(s.Uint16(at))
	case 32:
		return uint64(s.Uint32(at))
	case 64:
		return s.Uint64(at)
	}
	return 0
}

// Which returns the member of the unnamed union that is set; ok is false if there is no union, or if the schema does
// not know the member.
func (s Struct) Which() (f Field, ok bool) {
	off, ok := s.t.tagOffset()
	if !ok {
		return Field{}, false
	}
	return s.t.tagged(s.s.Uint16(off))
}

// IsSet reports whether a field is not a member of the union, or is the one that is set.
func (s Struct) IsSet(f Field) bool {
	off, ok := f.of.tagOffset()
	return !f.InUnion() || ok && s.s.Uint16(off) == f.Tag()
}

// Has reports whether a field is set, and is no null pointer. Fields that are no pointers are never null.
func (s Struct) Has(f Field) bool {
	if !s.IsSet(f) {
		return false
	}
	if f.IsGroup() {
		return true
	}
	k := f.Type().kind
	if !k.IsPointer() {
		return true
	}
	at, ok := f.place(k)
	return ok && s.s.HasPtr(uint16(at))
}

// IsDefault reports whether a field is a null pointer, or has the value that a new struct has. A group never is.
func (s Struct) IsDefault(f Field) bool {
	if f.IsGroup() {
		return false
	}
	k := f.Type().kind
	at, ok := f.place(k)
	switch {
	case !ok:
		return true
	case k.IsPointer():
		return !s.s.HasPtr(uint16(at))
	}
	return load(s.s, k, at) == 0
}

// Err returns the first defect that any reader of the message met.
func (s Struct) Err() error { return capnp.Err(s.s) }
