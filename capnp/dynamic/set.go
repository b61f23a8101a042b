package dynamic

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"lanyard.dev/capnp"
)

// maxDepth bounds how deep Go values nest that are set.
const maxDepth = 64

var errTooDeep = fmt.Errorf("nested more than %d deep", maxDepth)

func errWrongType(t Type, v any) error { return fmt.Errorf("a %T is no %s", v, t) }

// errRange says that a number does not fit.
func errRange(t Type, v any) error { return fmt.Errorf("%v is out of the range of %s", v, t) }

// scalarBits returns what v is as a value of a type that is no pointer, without the default.
func scalarBits(t Type, v any) (uint64, error) {
	if v == nil {
		return 0, nil
	}
	if x, ok := v.(Value); ok {
		switch {
		case x.t.kind == t.kind && (t.kind != EnumKind || x.t.id == t.id):
			if t.kind == Float32 {
				return uint64(math.Float32bits(float32(x.Float()))), nil
			}
			return x.bits & (1<<t.kind.bits() - 1), nil
		case x.t.kind.IsFloat() && t.kind.IsFloat():
			v = x.Float()
		case x.t.kind >= Int8 && x.t.kind <= Int64:
			v = x.Int()
		case x.t.kind.IsInteger():
			v = x.Uint()
		default:
			return 0, fmt.Errorf("a %s is no %s", x.t, t)
		}
	}
	switch k := t.kind; {
	case k == Bool:
		if b, ok := v.(bool); ok {
			if b {
				return 1, nil
			}
			return 0, nil
		}
	case k == EnumKind:
		return enumBits(t, v)
	case k.IsInteger():
		return integerBits(t, v)
	case k.IsFloat():
		f, ok := float(v)
		switch {
		case !ok:
		case k == Float64:
			return math.Float64bits(f), nil
		case math.Abs(f) > math.MaxFloat32 && !math.IsInf(f, 0) && math.IsInf(float64(float32(f)), 0):
			return 0, errRange(t, v)
		default:
			return uint64(math.Float32bits(float32(f))), nil
		}
	case k == Void:
		if _, ok := v.(struct{}); ok {
			return 0, nil
		}
	}
	return 0, errWrongType(t, v)
}

func enumBits(t Type, v any) (uint64, error) {
	switch x := v.(type) {
	case string:
		n, ok := t.Enum().Value(x)
		if !ok {
			return 0, fmt.Errorf("%s has no value %q", t, clip(x))
		}
		return uint64(n), nil
	case Enum:
		if x.Type.id != t.id {
			return 0, fmt.Errorf("a %s is no %s", x.Type.Name(), t)
		}
		return uint64(x.Raw), nil
	}
	i, u, ok := integer(v)
	switch {
	case !ok:
		return 0, errWrongType(t, v)
	case i < 0 || u > 0xffff:
		return 0, errRange(t, v)
	}
	return u, nil
}

func integerBits(t Type, v any) (uint64, error) {
	i, u, ok := integer(v)
	if !ok {
		return 0, errWrongType(t, v)
	}
	bits := t.kind.bits()
	if t.kind <= Int64 {
		if i >= 0 && u > 1<<(bits-1)-1 || i < 0 && i < -1<<(bits-1) {
			return 0, errRange(t, v)
		}
	} else if i < 0 || bits < 64 && u >= 1<<bits {
		return 0, errRange(t, v)
	}
	return u & (1<<bits - 1), nil
}

// integer returns what an integer, or a float without fraction, is: its bits in u, and something with its sign in i.
func integer(v any) (i int64, u uint64, ok bool) {
	switch x := v.(type) {
	case int:
		return int64(x), uint64(x), true
	case int8:
		return int64(x), uint64(x), true
	case int16:
		return int64(x), uint64(x), true
	case int32:
		return int64(x), uint64(x), true
	case int64:
		return x, uint64(x), true
	case uint:
		return 0, uint64(x), true
	case uint8:
		return 0, uint64(x), true
	case uint16:
		return 0, uint64(x), true
	case uint32:
		return 0, uint64(x), true
	case uint64:
		return 0, x, true
	}
	return 0, 0, false
}

// float returns what a float or an integer is as a float.
func float(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, true
	case float32:
		return float64(x), true
	}
	i, u, ok := integer(v)
	if i < 0 {
		return float64(i), ok
	}
	return float64(u), ok
}

// SetPtr sets a pointer, which is of type t, to a value as [StructBuilder.Set] takes them.
func SetPtr(p capnp.PtrBuilder, t Type, v any) error { return setPtr(p, t, v, 0) }

// setPtr sets a pointer of type t.
func setPtr(p capnp.PtrBuilder, t Type, v any, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if v == nil {
		p.Clear()
		return nil
	}
	if x, ok := v.(Value); ok {
		return setValue(p, t, x)
	}
	switch t.kind {
	case Text:
		switch x := v.(type) {
		case string:
			p.SetText(x)
		case []byte:
			capnp.StructBuilder(p).SetTextBytes(0, x)
		default:
			return errWrongType(t, v)
		}
	case Data:
		x, ok := v.([]byte)
		if !ok {
			return errWrongType(t, v)
		}
		p.SetData(x)
	case StructKind:
		return setStruct(p, t, v, depth)
	case ListKind:
		return setList(p, t, v, depth)
	case InterfaceKind:
		return setClient(p, t, v)
	case AnyPointer, AnyStruct, AnyList:
		return setAny(p, t, v)
	default:
		return errWrongType(t, v)
	}
	return builderErr(p)
}

func builderErr(p capnp.PtrBuilder) error {
	m := capnp.BuilderOf(capnp.StructBuilder(p))
	if m == nil {
		return errNoStruct
	}
	return m.Err()
}

// setValue copies a value to a pointer of the same type, or of one that the schema leaves open.
func setValue(p capnp.PtrBuilder, t Type, v Value) error {
	switch {
	case v.IsNull() && v.t.kind.IsPointer():
		p.Clear()
		return nil
	case v.t.kind == Text && (t.kind == Text || t.kind == AnyPointer):
		capnp.StructBuilder(p).SetTextBytes(0, v.text)
	case v.t.kind == Data && (t.kind == Data || t.kind == AnyPointer):
		p.SetData(v.text)
	case v.t.kind == StructKind:
		return setPtr(p, t, v.Struct(), 0)
	case v.t.kind == ListKind:
		return setPtr(p, t, v.List(), 0)
	case v.t.kind == InterfaceKind:
		return setPtr(p, t, v.Client(), 0)
	case v.t.kind >= AnyPointer:
		return setPtr(p, t, v.ptr, 0)
	default:
		return fmt.Errorf("a %s is no %s", v.t, t)
	}
	return builderErr(p)
}

func setStruct(p capnp.PtrBuilder, t Type, v any, depth int) error {
	if s, ok := structOf(v); ok {
		if err := sameStruct(t.Struct(), v); err != nil {
			return err
		}
		p.SetStruct(s)
		return builderErr(p)
	}
	st := t.Struct()
	if !st.Known() {
		return fmt.Errorf("no schema of %s", t)
	}
	if _, ok := v.(map[string]any); !ok {
		return errWrongType(t, v)
	}
	return StructBuilder{st, p.NewStruct(st.Size())}.setAll(v, depth+1)
}

// structOf returns the struct that a value is, if it is one.
func structOf(v any) (capnp.Struct, bool) {
	switch x := v.(type) {
	case Struct:
		return x.s, true
	case capnp.Struct:
		return x, true
	case capnp.Ptr:
		return x.Struct(), x.Kind() == capnp.PtrStruct
	case Value:
		return x.s, x.t.kind == StructKind
	}
	return capnp.Struct{}, false
}

// sameStruct refuses structs of another type than t. A group fits nowhere but in groups of the same type, which are
// copied field by field.
func sameStruct(t StructType, v any) error {
	var from StructType
	switch x := v.(type) {
	case Struct:
		from = x.t
	case Value:
		from = x.t.Struct()
	default:
		return nil
	}
	if from.id != t.id || from.IsGroup() {
		return fmt.Errorf("a %s is no %s", from.Name(), t.Name())
	}
	return nil
}

// setAll sets the fields of a struct or group to what a map says; nil leaves it as it is.
func (b StructBuilder) setAll(v any, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	switch x := v.(type) {
	case nil:
		return b.Err()
	case Value:
		if x.t.kind == StructKind {
			return b.copyFrom(x.Struct(), depth)
		}
	case Struct:
		return b.copyFrom(x, depth)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			f, err := b.t.field(name)
			if err != nil {
				return err
			}
			if err := b.setField(f, x[name], depth+1); err != nil {
				return fmt.Errorf("%s: %w", clip(name), err)
			}
		}
		return b.Err()
	}
	return errWrongType(b.t.Type(), v)
}

// copyFrom sets the fields of a group to those of another one.
func (b StructBuilder) copyFrom(s Struct, depth int) error {
	if s.t.id != b.t.id {
		return fmt.Errorf("a %s is no %s", s.t.Name(), b.t.Name())
	}
	for f := range s.t.Fields() {
		if !s.IsSet(f) {
			continue
		}
		var v any
		if f.IsGroup() || s.Has(f) {
			v = s.Value(f)
		}
		if err := b.setField(f, v, depth+1); err != nil {
			return fmt.Errorf("%s: %w", clip(f.Name()), err)
		}
	}
	return b.Err()
}

func setList(p capnp.PtrBuilder, t Type, v any, depth int) error {
	var raw capnp.AnyList
	switch x := v.(type) {
	case List:
		if x.elem.kind != t.Elem().kind || x.elem.id != t.Elem().id {
			return fmt.Errorf("a list of %s is no %s", x.elem, t)
		}
		raw = x.l
	case capnp.AnyList:
		raw = x
	case capnp.Ptr:
		raw = x.AnyList()
	default:
		return setSlice(p, t, v, depth)
	}
	if raw.IsNull() {
		p.Clear()
		return nil
	}
	setAnyList(p, raw)
	return builderErr(p)
}

// setSlice makes a new list of the elements of a slice.
func setSlice(p capnp.PtrBuilder, t Type, v any, depth int) error {
	n, at, ok := slice(v)
	if !ok {
		return errWrongType(t, v)
	}
	l, err := newList(p, t.Elem(), n)
	if err != nil {
		return err
	}
	for i := range n {
		if err := l.set(i, at(i), depth+1); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// slice returns the length and the elements of a slice.
func slice(v any) (n int, at func(int) any, ok bool) {
	switch x := v.(type) {
	case []any:
		return elements(x)
	case []bool:
		return elements(x)
	case []int:
		return elements(x)
	case []int8:
		return elements(x)
	case []int16:
		return elements(x)
	case []int32:
		return elements(x)
	case []int64:
		return elements(x)
	case []uint:
		return elements(x)
	case []uint8:
		return elements(x)
	case []uint16:
		return elements(x)
	case []uint32:
		return elements(x)
	case []uint64:
		return elements(x)
	case []float32:
		return elements(x)
	case []float64:
		return elements(x)
	case []string:
		return elements(x)
	case [][]byte:
		return elements(x)
	case []map[string]any:
		return elements(x)
	case []Value:
		return elements(x)
	case []Struct:
		return elements(x)
	case []capnp.Struct:
		return elements(x)
	case []capnp.Client:
		return elements(x)
	}
	return 0, nil, false
}

func elements[T any](s []T) (int, func(int) any, bool) {
	return len(s), func(i int) any { return s[i] }, true
}

func setClient(p capnp.PtrBuilder, t Type, v any) error {
	switch x := v.(type) {
	case capnp.Client:
		p.SetClient(x)
	case capnp.Ptr:
		p.SetClient(x.Client())
	default:
		return errWrongType(t, v)
	}
	return builderErr(p)
}

// setAny sets a pointer of a type that the schema leaves open.
func setAny(p capnp.PtrBuilder, t Type, v any) error {
	var kind capnp.PtrKind
	switch x := v.(type) {
	case Struct:
		if x.t.IsGroup() {
			return errors.New("a group cannot stand alone")
		}
		kind = capnp.PtrStruct
	case capnp.Struct:
		kind = capnp.PtrStruct
	case List, capnp.AnyList, string, []byte:
		kind = capnp.PtrList
	case capnp.Client:
		kind = capnp.PtrCap
	case capnp.Ptr:
		kind = x.Kind()
	default:
		return errWrongType(t, v)
	}
	if t.kind == AnyStruct && kind != capnp.PtrStruct && kind != capnp.PtrNull || t.kind == AnyList && kind != capnp.PtrList && kind != capnp.PtrNull {
		return errWrongType(t, v)
	}
	switch x := v.(type) {
	case Struct:
		p.SetStruct(x.s)
	case capnp.Struct:
		p.SetStruct(x)
	case List:
		setAnyList(p, x.l)
	case capnp.AnyList:
		setAnyList(p, x)
	case string:
		p.SetText(x)
	case []byte:
		p.SetData(x)
	case capnp.Client:
		p.SetClient(x)
	case capnp.Ptr:
		p.Set(x)
	}
	return builderErr(p)
}

// setAnyList makes a pointer lead to a deep copy of a list.
func setAnyList(p capnp.PtrBuilder, l capnp.AnyList) {
	// A pointer is what a struct without data and with one pointer is.
	capnp.StructBuilder(p).SetAnyList(0, l)
}
