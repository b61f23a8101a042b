package dynamic

import (
	"errors"
	"fmt"

	"lanyard.dev/capnp"
)

// StructBuilder writes a struct by its type. The zero StructBuilder is null: setting its fields is an error.
type StructBuilder struct {
	t StructType
	b capnp.StructBuilder
}

// Build returns b, which must have the size of t, as a struct of type t.
func (t StructType) Build(b capnp.StructBuilder) StructBuilder { return StructBuilder{t, b} }

// NewRoot makes the root of a message a new struct of type t.
func (t StructType) NewRoot(m *capnp.MessageBuilder) StructBuilder {
	return StructBuilder{t, capnp.NewRootStruct(m, t.Size())}
}

// Type returns the type.
func (b StructBuilder) Type() StructType { return b.t }

// Raw returns the builder without its type.
func (b StructBuilder) Raw() capnp.StructBuilder { return b.b }

// Reader reads what has been built so far. It follows later changes.
func (b StructBuilder) Reader() Struct { return Struct{b.t, capnp.View[capnp.Struct](b.b)} }

// Err returns what went wrong with the message that is being built: most often it got too large.
func (b StructBuilder) Err() error {
	m := capnp.BuilderOf(b.b)
	if m == nil {
		return errNoStruct
	}
	return m.Err()
}

var (
	errNoStruct = errors.New("no struct to write to")
	errNoPlace  = errors.New("the schema puts the field outside of its struct")
)

// Set sets the value at a path: the name of a field, or several with dots between. Structs on the way that are null
// are made, and members of unions on the way become the ones that are set.
//
// The value can be a bool, any integer or float that fits, a string (for Text, or the name of an enumerant), bytes, an
// [Enum], a [Value], a [Struct], a [List], a capability ([capnp.Client]; the message gets a reference of its own), a
// [capnp.Struct] or a [capnp.Ptr], a []any for a list, a map[string]any for a struct or a group, a slice of any type
// named so far but Enum, and nil: that is null, or zero.
func (b StructBuilder) Set(path string, v any) error {
	b, f, err := b.walk(path)
	if err != nil {
		return err
	}
	return b.SetField(f, v)
}

// walk goes to the struct that the last field of a path is in.
func (b StructBuilder) walk(path string) (StructBuilder, Field, error) {
	p, err := b.t.Path(path)
	if err != nil {
		return b, Field{}, err
	}
	if p.indexed() {
		return b, Field{}, fmt.Errorf("path %q: elements of lists are set in the list", clip(path))
	}
	for i, s := range p.steps {
		if i == len(p.steps)-1 {
			return b, s.field, nil
		}
		if b, err = b.EditField(s.field); err != nil {
			return b, Field{}, err
		}
	}
	return b, Field{}, errNoStruct
}

// SetField is [StructBuilder.Set] for a field of the struct's type.
func (b StructBuilder) SetField(f Field, v any) error {
	if err := b.setField(f, v, 0); err != nil {
		return fmt.Errorf("%s: %w", clip(f.Name()), err)
	}
	return nil
}

func (b StructBuilder) setField(f Field, v any, depth int) error {
	if capnp.BuilderOf(b.b) == nil {
		return errNoStruct
	}
	if f.IsGroup() {
		g, err := b.newGroup(f)
		if err != nil {
			return err
		}
		return g.setAll(v, depth)
	}
	t := f.Type()
	at, ok := f.place(t.kind)
	if !ok {
		return errNoPlace
	}
	if t.kind.IsPointer() {
		if err := setPtr(b.b.Ptr(uint16(at)), t, v, depth); err != nil {
			return err
		}
	} else {
		bits, err := scalarBits(t, v)
		if err != nil {
			return err
		}
		store(b.b, t.kind, at, bits^defaultBits(t.kind, f.f.Slot().DefaultValue()))
	}
	b.choose(f)
	return b.Err()
}

// choose makes a member of the union the one that is set.
func (b StructBuilder) choose(f Field) {
	if off, ok := f.of.tagOffset(); ok && f.InUnion() {
		b.b.SetUint16(off, f.Tag())
	}
}

// store writes the bits of a field.
func store(b capnp.StructBuilder, k Kind, at uint32, bits uint64) {
	switch k.bits() {
	case 1:
		b.SetBool(at, bits != 0)
	case 8:
		b.SetUint8(at, uint8(bits))
	case 16:
		b.SetUint16(at, uint16(bits))
	case 32:
		b.SetUint32(at, uint32(bits))
	case 64:
		b.SetUint64(at, bits)
	}
}

// New makes a field, which must be a struct or a group, a new one and returns it to be filled in. A member of the union
// becomes the one that is set.
func (b StructBuilder) New(name string) (StructBuilder, error) {
	f, err := b.t.field(name)
	if err != nil {
		return StructBuilder{}, err
	}
	return b.NewField(f)
}

// NewField is [StructBuilder.New] for a field of the struct's type.
func (b StructBuilder) NewField(f Field) (StructBuilder, error) { return b.inner(f, true) }

// Edit returns the struct or group in a field to be changed. If it is null or not the member of the union that is
// set, a new one is made, which is a copy of the default if there is one.
func (b StructBuilder) Edit(name string) (StructBuilder, error) {
	f, err := b.t.field(name)
	if err != nil {
		return StructBuilder{}, err
	}
	return b.EditField(f)
}

// EditField is [StructBuilder.Edit] for a field of the struct's type.
func (b StructBuilder) EditField(f Field) (StructBuilder, error) {
	return b.inner(f, !b.Reader().IsSet(f))
}

func (b StructBuilder) inner(f Field, anew bool) (StructBuilder, error) {
	switch t := f.Type(); {
	case capnp.BuilderOf(b.b) == nil:
		return StructBuilder{}, errNoStruct
	case t.kind != StructKind:
		return StructBuilder{}, fmt.Errorf("%s is a %s, no struct", clip(f.Name()), t)
	case !t.Struct().Known():
		return StructBuilder{}, fmt.Errorf("%s: no schema of %s", clip(f.Name()), t)
	case f.IsGroup() && anew:
		return b.newGroup(f)
	case f.IsGroup():
		return StructBuilder{t.Struct(), b.b}, nil
	default:
		at, ok := f.place(StructKind)
		if !ok {
			return StructBuilder{}, fmt.Errorf("%s: %w", clip(f.Name()), errNoPlace)
		}
		p, st := b.b.Ptr(uint16(at)), t.Struct()
		b.choose(f)
		if anew {
			return StructBuilder{st, p.NewStruct(st.Size())}, b.Err()
		}
		return StructBuilder{st, p.EditStruct(st.Size(), defaultPtr(StructKind, f.f.Slot().DefaultValue()))}, b.Err()
	}
}

// newGroup sets everything in a group to its default and returns it.
func (b StructBuilder) newGroup(f Field) (StructBuilder, error) {
	g := StructBuilder{f.group(), b.b}
	if !g.t.Known() {
		return g, fmt.Errorf("no schema of the group %s", clip(f.Name()))
	}
	g.clear(0)
	b.choose(f)
	return g, b.Err()
}

// clear zeroes the fields of a group.
func (b StructBuilder) clear(depth int) {
	if off, ok := b.t.tagOffset(); ok {
		b.b.SetUint16(off, 0)
	}
	for f := range b.t.Fields() {
		if f.IsGroup() {
			if depth < maxScopes {
				StructBuilder{f.group(), b.b}.clear(depth + 1)
			}
			continue
		}
		k := f.Type().kind
		at, ok := f.place(k)
		switch {
		case !ok:
		case k.IsPointer():
			b.b.ClearPtr(uint16(at))
		default:
			store(b.b, k, at, 0)
		}
	}
}

// Clear sets a field to its default, and makes it the member of the union that is set.
func (b StructBuilder) Clear(f Field) error {
	switch k := f.Type().kind; {
	case capnp.BuilderOf(b.b) == nil:
		return errNoStruct
	case f.IsGroup():
		_, err := b.newGroup(f)
		return err
	default:
		at, ok := f.place(k)
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", clip(f.Name()), errNoPlace)
		case k.IsPointer():
			b.b.ClearPtr(uint16(at))
		default:
			store(b.b, k, at, 0)
		}
	}
	b.choose(f)
	return b.Err()
}

// NewList makes a field, which must be a list, a new one of n elements and returns it to be filled in.
func (b StructBuilder) NewList(name string, n int) (ListBuilder, error) {
	f, err := b.t.field(name)
	if err != nil {
		return ListBuilder{}, err
	}
	return b.NewListField(f, n)
}

// NewListField is [StructBuilder.NewList] for a field of the struct's type.
func (b StructBuilder) NewListField(f Field, n int) (ListBuilder, error) {
	t := f.Type()
	at, ok := f.place(t.kind)
	switch {
	case capnp.BuilderOf(b.b) == nil:
		return ListBuilder{}, errNoStruct
	case t.kind != ListKind:
		return ListBuilder{}, fmt.Errorf("%s is a %s, no list", clip(f.Name()), t)
	case !ok:
		return ListBuilder{}, fmt.Errorf("%s: %w", clip(f.Name()), errNoPlace)
	}
	b.choose(f)
	l, err := newList(b.b.Ptr(uint16(at)), t.Elem(), n)
	if err != nil {
		return l, fmt.Errorf("%s: %w", clip(f.Name()), err)
	}
	return l, nil
}

// PtrOf returns the pointer of a field, which must be of a pointer type, to be set to whatever fits there. A member of
// the union becomes the one that is set.
func (b StructBuilder) PtrOf(f Field) (capnp.PtrBuilder, error) {
	k := f.Type().kind
	at, ok := f.place(k)
	switch {
	case capnp.BuilderOf(b.b) == nil:
		return capnp.PtrBuilder{}, errNoStruct
	case f.IsGroup() || !k.IsPointer():
		return capnp.PtrBuilder{}, fmt.Errorf("%s is no pointer", clip(f.Name()))
	case !ok:
		return capnp.PtrBuilder{}, fmt.Errorf("%s: %w", clip(f.Name()), errNoPlace)
	}
	b.choose(f)
	return b.b.Ptr(uint16(at)), nil
}
