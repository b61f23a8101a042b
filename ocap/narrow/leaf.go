package narrow

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
)

// leaf makes the test of e, which is no combination, of the struct that holds the field.
func (b *binder) leaf(e *expr, r ref) (test, error) {
	k := r.typ.Kind()
	switch {
	case e.op == opHas:
		return b.has(r)
	case r.group:
		return nil, b.fail(r.at, r.name+" is a group", "compare one of its fields: "+some(fieldsOf(r.typ.Struct())))
	case e.op == opTrue:
		if k != dynamic.Bool || r.size {
			return nil, b.fail(r.at, fmt.Sprintf("%s is %s and not true or false", r.name, describeType(r)), "compare it: ==, !=, <, ...")
		}
		return boolean(r, true), nil
	case r.size:
		return b.integer(e, r, 64, false, sizeOf(r))
	case len(e.values) == 1 && e.op == opCompare && e.values[0].kind == litName && e.values[0].text == "null" && k.IsPointer():
		return b.isNull(e, r)
	}
	off := r.field.Slot().Offset()
	def := r.field.Slot().DefaultValue()
	switch k {
	case dynamic.Bool:
		return b.isBool(e, r)
	case dynamic.Int8:
		return b.integer(e, r, 8, true, func(s capnp.Struct) uint64 { return uint64(int64(int8(s.Uint8(off)) ^ def.Int8())) })
	case dynamic.Int16:
		return b.integer(e, r, 16, true, func(s capnp.Struct) uint64 { return uint64(int64(int16(s.Uint16(off*2)) ^ def.Int16())) })
	case dynamic.Int32:
		return b.integer(e, r, 32, true, func(s capnp.Struct) uint64 { return uint64(int64(int32(s.Uint32(off*4)) ^ def.Int32())) })
	case dynamic.Int64:
		return b.integer(e, r, 64, true, func(s capnp.Struct) uint64 { return s.Uint64(off*8) ^ uint64(def.Int64()) })
	case dynamic.Uint8:
		return b.integer(e, r, 8, false, func(s capnp.Struct) uint64 { return uint64(s.Uint8(off) ^ def.Uint8()) })
	case dynamic.Uint16:
		return b.integer(e, r, 16, false, func(s capnp.Struct) uint64 { return uint64(s.Uint16(off*2) ^ def.Uint16()) })
	case dynamic.Uint32:
		return b.integer(e, r, 32, false, func(s capnp.Struct) uint64 { return uint64(s.Uint32(off*4) ^ def.Uint32()) })
	case dynamic.Uint64:
		return b.integer(e, r, 64, false, func(s capnp.Struct) uint64 { return s.Uint64(off*8) ^ def.Uint64() })
	case dynamic.Float32:
		return b.float(e, r, 32, func(s capnp.Struct) float64 {
			return float64(math.Float32frombits(s.Uint32(off*4) ^ math.Float32bits(def.Float32())))
		})
	case dynamic.Float64:
		return b.float(e, r, 64, func(s capnp.Struct) float64 {
			return math.Float64frombits(s.Uint64(off*8) ^ math.Float64bits(def.Float64()))
		})
	case dynamic.EnumKind:
		return b.enum(e, r)
	case dynamic.Text:
		return b.bytes(e, r, func(s capnp.Struct) []byte { return s.TextBytesDefault(uint16(off), def.Text()) })
	case dynamic.Data:
		fallback := string(def.Data())
		return b.bytes(e, r, func(s capnp.Struct) []byte { return s.DataDefault(uint16(off), fallback) })
	}
	hint := ""
	switch {
	case k.IsPointer():
		hint = "it can be compared with null"
		if k == dynamic.ListKind {
			hint = "its .size can"
		} else if k == dynamic.StructKind {
			hint = "its fields can: " + some(fieldsOf(r.typ.Struct()))
		}
	}
	return nil, b.fail(r.at, fmt.Sprintf("%s is %s and cannot be compared", r.name, describeType(r)), hint)
}

func fieldsOf(t dynamic.StructType) (names []string) {
	for f := range t.Fields() {
		names = append(names, f.Name())
	}
	return names
}

// describeType names a type with its article.
func describeType(r ref) string {
	switch {
	case r.group:
		return "a group"
	case r.size:
		return "a size"
	}
	return "of type " + plain(r.typ.String())
}

// wrongValue is the error of a value that does not go with the type.
func (b *binder) wrongValue(l literal, r ref, hint string) error {
	what := quote(l.String())
	if l.kind != litText {
		what = plain(l.text)
	}
	return b.fail(l.at, fmt.Sprintf("%s is %s, which %s cannot be", r.name, describeType(r), what), hint)
}

func (b *binder) wrongOp(e *expr, r ref, can string) error {
	return b.fail(r.at, fmt.Sprintf("%s is %s and cannot be compared by %s", r.name, describeType(r), e.cmp), can)
}

// has is about moves only, unless the field is a pointer outside of unions.
func (b *binder) has(r ref) (test, error) {
	switch {
	case r.size, !r.member && (r.group || !r.typ.Kind().IsPointer()):
		return nil, b.fail(r.at, r.name+" is always there", "has asks for members of unions and for pointers")
	case r.member:
		return func(capnp.Struct) tri { return yes }, nil
	}
	i := uint16(r.field.Slot().Offset())
	return func(s capnp.Struct) tri { return is(s.HasPtr(i)) }, nil
}

func (b *binder) isNull(e *expr, r ref) (test, error) {
	if e.cmp != eq && e.cmp != ne {
		return nil, b.fail(e.values[0].at, "null can be compared by == and != only", "")
	}
	i, want := uint16(r.field.Slot().Offset()), e.cmp == eq
	return func(s capnp.Struct) tri { return is(s.HasPtr(i) != want) }, nil
}

func boolean(r ref, want bool) test {
	bit, def := r.field.Slot().Offset(), r.field.Slot().DefaultValue().Bool()
	return func(s capnp.Struct) tri { return is((s.Bool(bit) != def) == want) }
}

func (b *binder) isBool(e *expr, r ref) (test, error) {
	if e.op == opCompare && e.cmp != eq && e.cmp != ne {
		return nil, b.wrongOp(e, r, "write == or !=")
	}
	var set []bool
	for _, v := range e.values {
		if v.kind != litName || v.text != "true" && v.text != "false" {
			return nil, b.wrongValue(v, r, "write true or false")
		}
		set = append(set, v.text == "true")
	}
	if e.op == opCompare {
		return boolean(r, set[0] == (e.cmp == eq)), nil
	}
	yep, nope := boolean(r, true), slices.Contains(set, false)
	aye := slices.Contains(set, true)
	return func(s capnp.Struct) tri { return is(yep(s) == yes && aye || yep(s) == no && nope) }, nil
}

// integer compares what get returns, two's complement if signed.
func (b *binder) integer(e *expr, r ref, bits int, signed bool, get func(capnp.Struct) uint64) (test, error) {
	if e.op == opCompare && e.cmp > ge {
		return nil, b.wrongOp(e, r, "only texts and data can")
	}
	var set []uint64
	for _, v := range e.values {
		if v.kind != litInt {
			return nil, b.wrongValue(v, r, "write a whole number")
		}
		var u uint64
		var err error
		if signed {
			var i int64
			i, err = strconv.ParseInt(v.text, 10, bits)
			u = uint64(i)
		} else {
			u, err = strconv.ParseUint(v.text, 10, bits)
		}
		if err != nil {
			return nil, b.wrongValue(v, r, "it is out of range")
		}
		set = append(set, u)
	}
	if e.op == opIn {
		return func(s capnp.Struct) tri { return is(slices.Contains(set, get(s))) }, nil
	}
	want, c := set[0], e.cmp
	if signed {
		return func(s capnp.Struct) tri { return ordered(int64(get(s)), int64(want), c) }, nil
	}
	return func(s capnp.Struct) tri { return ordered(get(s), want, c) }, nil
}

func ordered[T int64 | uint64 | float64](a, b T, c cmpOp) tri {
	switch c {
	case eq:
		return is(a == b)
	case ne:
		return is(a != b)
	case lt:
		return is(a < b)
	case le:
		return is(a <= b)
	case gt:
		return is(a > b)
	case ge:
		return is(a >= b)
	}
	return unknown
}

func (b *binder) float(e *expr, r ref, bits int, get func(capnp.Struct) float64) (test, error) {
	if e.op == opCompare && e.cmp > ge {
		return nil, b.wrongOp(e, r, "only texts and data can")
	}
	var set []float64
	for _, v := range e.values {
		if v.kind != litInt && v.kind != litFloat {
			return nil, b.wrongValue(v, r, "write a number")
		}
		f, err := strconv.ParseFloat(v.text, bits)
		if err != nil {
			return nil, b.wrongValue(v, r, "it is out of range")
		}
		set = append(set, f)
	}
	in, c := e.op == opIn, e.cmp
	return func(s capnp.Struct) tri {
		switch f := get(s); {
		case f != f: // not a number
			return unknown
		case in:
			return is(slices.Contains(set, f))
		default:
			return ordered(f, set[0], c)
		}
	}, nil
}

func (b *binder) enum(e *expr, r ref) (test, error) {
	if e.op == opCompare && e.cmp != eq && e.cmp != ne {
		return nil, b.wrongOp(e, r, "write == or != or in")
	}
	t := r.typ.Enum()
	var set []uint16
	for _, v := range e.values {
		n, ok := t.Value(v.text)
		if v.kind != litName || !ok {
			var names []string
			for i := range t.Len() {
				names = append(names, t.At(i).Name())
			}
			return nil, b.wrongValue(v, r, "it is one of "+some(names))
		}
		set = append(set, n)
	}
	off, def, count := r.field.Slot().Offset()*2, r.field.Slot().DefaultValue().Enum(), t.Len()
	want := e.op == opIn || e.cmp == eq
	return func(s capnp.Struct) tri {
		v := s.Uint16(off) ^ def
		if int(v) >= count {
			return unknown
		}
		return is(slices.Contains(set, v) == want)
	}, nil
}

func (b *binder) bytes(e *expr, r ref, get func(capnp.Struct) []byte) (test, error) {
	if e.op == opCompare && e.cmp >= lt && e.cmp <= ge {
		return nil, b.wrongOp(e, r, "its .size can")
	}
	var set [][]byte
	for _, v := range e.values {
		if v.kind != litText {
			hint := `write texts in "double quotes"`
			if v.text == "null" {
				hint = "null can be compared by == and != only"
			}
			return nil, b.wrongValue(v, r, hint)
		}
		set = append(set, []byte(v.text))
	}
	in, c := e.op == opIn, e.cmp
	return func(s capnp.Struct) tri {
		v := get(s)
		switch {
		case in:
			return is(slices.ContainsFunc(set, func(w []byte) bool { return bytes.Equal(v, w) }))
		case c == prefix:
			return is(bytes.HasPrefix(v, set[0]))
		case c == suffix:
			return is(bytes.HasSuffix(v, set[0]))
		case c == contains:
			return is(bytes.Contains(v, set[0]))
		}
		return is(bytes.Equal(v, set[0]) == (c == eq))
	}, nil
}

// sizeOf returns the number of bytes or elements. A list that cannot be read as one of its type is a
// defect of the message, as for who is called.
func sizeOf(r ref) func(capnp.Struct) uint64 {
	i, def := uint16(r.field.Slot().Offset()), r.field.Slot().DefaultValue()
	switch r.typ.Kind() {
	case dynamic.Text:
		fallback := def.Text()
		return func(s capnp.Struct) uint64 { return uint64(len(s.TextBytesDefault(i, fallback))) }
	case dynamic.Data:
		fallback := string(def.Data())
		return func(s capnp.Struct) uint64 { return uint64(len(s.DataDefault(i, fallback))) }
	}
	count, fallback := lengths[r.typ.Elem().Kind()], def.List()
	if count == nil { // no type to check it by
		count = func(p capnp.Ptr) int { return p.AnyList().Len() }
	}
	return func(s capnp.Struct) uint64 {
		p := s.Ptr(i)
		if p.IsNull() {
			p = fallback
		}
		return uint64(count(p))
	}
}

// lengths read lists of a kind of elements.
var lengths = map[dynamic.Kind]func(capnp.Ptr) int{
	dynamic.Void:          length[struct{}](capnp.KindVoid),
	dynamic.Bool:          length[bool](capnp.KindBool),
	dynamic.Int8:          length[int8](capnp.KindInt8),
	dynamic.Int16:         length[int16](capnp.KindInt16),
	dynamic.Int32:         length[int32](capnp.KindInt32),
	dynamic.Int64:         length[int64](capnp.KindInt64),
	dynamic.Uint8:         length[uint8](capnp.KindUint8),
	dynamic.Uint16:        length[uint16](capnp.KindUint16),
	dynamic.Uint32:        length[uint32](capnp.KindUint32),
	dynamic.Uint64:        length[uint64](capnp.KindUint64),
	dynamic.Float32:       length[float32](capnp.KindFloat32),
	dynamic.Float64:       length[float64](capnp.KindFloat64),
	dynamic.Text:          length[string](capnp.KindText),
	dynamic.Data:          length[[]byte](capnp.KindData),
	dynamic.EnumKind:      length[uint16](capnp.KindUint16),
	dynamic.StructKind:    length[capnp.Struct](capnp.KindStruct),
	dynamic.InterfaceKind: length[capnp.Client](capnp.KindClient),
}

func length[T capnp.Element](k capnp.ElementKind) func(capnp.Ptr) int {
	return func(p capnp.Ptr) int { return capnp.ListOf[T](p, k).Len() }
}
