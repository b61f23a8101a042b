package dynamic

import (
	"fmt"
	"iter"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// StructType is the type of structs of one kind, or of a group. The zero StructType, and one of which the registry
// lacks the node, has no fields.
type StructType struct {
	reg  *schema.Registry
	id   uint64
	node schema.Node
	env  *bindings
}

// LookupStruct returns the struct type with an id. Type parameters are not bound.
func LookupStruct(reg *schema.Registry, id uint64) (StructType, error) {
	n, err := lookup(reg, id, schema.NodeWhichStruct)
	if err == nil && n.Struct().IsGroup() {
		err = fmt.Errorf("%s is a group, which exists in its struct only", shortName(n, id))
	}
	if err != nil {
		return StructType{}, err
	}
	return StructType{reg, id, n, nil}, nil
}

// ID returns the id of the node.
func (t StructType) ID() uint64 { return t.id }

// Name returns the name without that of the file: "Outer.Inner".
func (t StructType) Name() string { return shortName(t.node, t.id) }

// Known reports whether the registry has the node. Values of unknown types can be passed on, not read.
func (t StructType) Known() bool { return !isNull(t.node) }

// IsGroup reports whether it is a group: its fields lie in the struct around it.
func (t StructType) IsGroup() bool { return t.node.Struct().IsGroup() }

// Type returns the type of fields and values of this struct type.
func (t StructType) Type() Type {
	return Type{kind: StructKind, reg: t.reg, id: t.id, node: t.node, env: t.env}
}

// Registry returns where the type was found.
func (t StructType) Registry() *schema.Registry { return t.reg }

// Node returns the schema node, null if it is unknown.
func (t StructType) Node() schema.Node { return t.node }

// Size returns the size of the sections of a new struct.
func (t StructType) Size() capnp.StructSize {
	s := t.node.Struct()
	return capnp.StructSize{DataWords: s.DataWordCount(), Pointers: s.PointerCount()}
}

// HasUnion reports whether there is an unnamed union.
func (t StructType) HasUnion() bool { return t.node.Struct().DiscriminantCount() > 0 }

// Annotated reports whether the struct has an annotation.
func (t StructType) Annotated(id uint64) bool { return annotated(t.node.Annotations(), id) }

// Annotation returns the value of an annotation of the struct.
func (t StructType) Annotation(id uint64) (Value, bool) {
	return annotation(t.reg, t.node.Annotations(), id)
}

// NumFields returns the number of fields; groups count as one.
func (t StructType) NumFields() int { return t.node.Struct().Fields().Len() }

// FieldAt returns field i, 0 ≤ i < NumFields, in the order of ordinals.
func (t StructType) FieldAt(i int) Field {
	return Field{t, t.node.Struct().Fields().At(i), i}
}

// Fields yields the fields in the order of ordinals.
func (t StructType) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for i := range t.NumFields() {
			if !yield(t.FieldAt(i)) {
				return
			}
		}
	}
}

// Field returns the field of a name.
func (t StructType) Field(name string) (Field, bool) {
	for i, f := range t.node.Struct().Fields().All() {
		if string(f.NameBytes()) == name {
			return Field{t, f, i}, true
		}
	}
	return Field{}, false
}

// field is Field with an error for people.
func (t StructType) field(name string) (Field, error) {
	if f, ok := t.Field(name); ok {
		return f, nil
	}
	if !t.Known() {
		return Field{}, fmt.Errorf("no schema of %s", t.Name())
	}
	return Field{}, fmt.Errorf("%s has no field %q", t.Name(), clip(name))
}

// tagged returns the member of the unnamed union with a tag.
func (t StructType) tagged(tag uint16) (Field, bool) {
	for i, f := range t.node.Struct().Fields().All() {
		if f.DiscriminantValue() == tag && tag != schema.FieldNoDiscriminantConst {
			return Field{t, f, i}, true
		}
	}
	return Field{}, false
}

// tagOffset is where the tag is in the data section, in bytes.
func (t StructType) tagOffset() (off uint32, ok bool) {
	s := t.node.Struct()
	at := uint64(s.DiscriminantOffset()) * 2
	if s.DiscriminantCount() == 0 || at+2 > uint64(s.DataWordCount())*8 {
		return 0, false
	}
	return uint32(at), true
}

// Field is a field of a struct or group. The zero Field is invalid.
type Field struct {
	of    StructType
	f     schema.Field
	index int
}

// Name returns the name.
func (f Field) Name() string { return f.f.Name() }

// Index returns the place in the order of ordinals.
func (f Field) Index() int { return f.index }

// Of returns the struct or group whose field it is.
func (f Field) Of() StructType { return f.of }

// IsGroup reports whether the field is a group, named unions among them.
func (f Field) IsGroup() bool { return f.f.Which() == schema.FieldWhichGroup }

// InUnion reports whether the field is a member of the unnamed union.
func (f Field) InUnion() bool { return f.f.DiscriminantValue() != schema.FieldNoDiscriminantConst }

// Tag returns the tag that says that this member of the unnamed union is set; 0xffff outside of unions.
func (f Field) Tag() uint16 { return f.f.DiscriminantValue() }

// HasDefault reports whether the schema gives a default.
func (f Field) HasDefault() bool { return !f.IsGroup() && f.f.Slot().HadExplicitDefault() }

// Annotated reports whether the field has an annotation.
func (f Field) Annotated(id uint64) bool { return annotated(f.f.Annotations(), id) }

// Annotation returns the value of an annotation of the field.
func (f Field) Annotation(id uint64) (Value, bool) {
	return annotation(f.of.reg, f.f.Annotations(), id)
}

// Secret reports whether the schema says that the value is not for logs and screens.
func (f Field) Secret() bool { return f.Annotated(secretAnnotation) }

// Type returns the type; a group is a struct.
func (f Field) Type() Type {
	if f.IsGroup() {
		return f.group().Type()
	}
	return typeOf(f.of.reg, f.f.Slot().Type(), f.of.env)
}

// group returns the type of a field that is a group. A group belongs to the struct that it says it does: with that,
// groups cannot contain each other, whatever a schema says.
func (f Field) group() StructType {
	id := f.f.Group().TypeId()
	t := StructType{reg: f.of.reg, id: id, env: f.of.env}
	if n, ok := node(f.of.reg, id, schema.NodeWhichStruct); ok && n.Struct().IsGroup() && n.ScopeId() == f.of.id {
		t.node = n
	}
	return t
}

// place returns where a field lies: in bytes or, for Bool, bits from the start of the data section, or the index of its pointer.
// ok is false if that is outside of what the schema says is the size of the struct.
func (f Field) place(k Kind) (at uint32, ok bool) {
	off := uint64(f.f.Slot().Offset())
	s := f.of.node.Struct()
	switch bits := k.bits(); {
	case k.IsPointer():
		return uint32(off), off < uint64(s.PointerCount())
	case bits == 0:
		return 0, k == Void
	case (off+1)*bits > uint64(s.DataWordCount())*64:
		return 0, false
	case bits == 1:
		return uint32(off), true
	default:
		return uint32(off * bits / 8), true
	}
}
