package capjson

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
)

// redacted stands for what must not be shown.
const redacted = `"[secret]"`

// Marshal returns a struct as JSON.
func Marshal(s dynamic.Struct, o *Options) ([]byte, error) {
	return MarshalValue(dynamic.ValueOf(s), o)
}

// MarshalValue returns any value as JSON: a struct, a list, a number, text. A null pointer is null.
func MarshalValue(v dynamic.Value, o *Options) ([]byte, error) {
	if o == nil {
		o = &Options{}
	}
	e := &encoder{o: o, left: o.bytes(), plans: plans{ignore: o.IgnoreAnnotations}}
	if v.IsNull() && v.Kind() != dynamic.StructKind {
		return []byte("null"), nil
	}
	if err := e.value(nil, v, asArray, 0); err != nil {
		return nil, err
	}
	if o.Indent == "" {
		return e.out, nil
	}
	var b bytes.Buffer
	if err := stdjson.Indent(&b, e.out, "", o.Indent); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type encoder struct {
	o     *Options
	out   []byte
	left  int // steps: not more than bytes, so that what writes nothing ends as well
	plans plans
}

// spend counts a step and checks the limits.
func (e *encoder) spend(depth int) error {
	if e.left--; e.left < 0 || len(e.out) > e.o.bytes() {
		return errSize
	}
	if depth > e.o.depth() {
		return errDepth
	}
	return nil
}

func (e *encoder) add(s string) { e.out = append(e.out, s...) }

// value writes a value that is at w.
func (e *encoder) value(w *where, v dynamic.Value, form binaryForm, depth int) error {
	if err := e.spend(depth); err != nil {
		return w.fault(err)
	}
	switch k := v.Kind(); k {
	case dynamic.Void:
		e.add("null")
	case dynamic.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case dynamic.Int8, dynamic.Int16, dynamic.Int32:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	case dynamic.Uint8, dynamic.Uint16, dynamic.Uint32:
		e.out = strconv.AppendUint(e.out, v.Uint(), 10)
	case dynamic.Int64:
		e.add(`"` + strconv.FormatInt(v.Int(), 10) + `"`)
	case dynamic.Uint64:
		e.add(`"` + strconv.FormatUint(v.Uint(), 10) + `"`)
	case dynamic.Float32:
		e.float(v.Float(), 32)
	case dynamic.Float64:
		e.float(v.Float(), 64)
	case dynamic.Text:
		return w.fault(e.str(v.Bytes()))
	case dynamic.Data:
		return w.fault(e.data(v.Bytes(), form))
	case dynamic.EnumKind:
		if name, ok := enumName(v.Enum(), e.o.IgnoreAnnotations); ok {
			return w.fault(e.str([]byte(name)))
		}
		e.out = strconv.AppendUint(e.out, v.Uint(), 10)
	case dynamic.ListKind:
		return e.list(w, v.List(), depth)
	case dynamic.StructKind:
		return e.structure(w, v.Struct(), depth)
	case dynamic.InterfaceKind:
		return w.fault(e.capability(w, v.Client(), v.Type().Interface()))
	case dynamic.AnyPointer, dynamic.AnyStruct, dynamic.AnyList:
		return e.any(w, v, depth)
	default:
		return w.fault(errors.New("a value of no type"))
	}
	return nil
}

func (e *encoder) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		e.add(`"NaN"`)
	case math.IsInf(f, 1):
		e.add(`"Infinity"`)
	case math.IsInf(f, -1):
		e.add(`"-Infinity"`)
	default:
		e.out = strconv.AppendFloat(e.out, f, 'g', -1, bits)
	}
}

const hexDigits = "0123456789abcdef"

// str writes a string. Characters that a terminal would obey are escaped.
func (e *encoder) str(s []byte) error {
	e.add(`"`)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			if !e.o.Replace {
				return errUTF8
			}
			e.out = utf8.AppendRune(e.out, utf8.RuneError)
		case r == '"' || r == '\\':
			e.out = append(e.out, '\\', byte(r))
		case r == '\n':
			e.add(`\n`)
		case r == '\r':
			e.add(`\r`)
		case r == '\t':
			e.add(`\t`)
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
			e.add(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				e.out = append(e.out, hexDigits[r>>shift&15])
			}
		default:
			e.out = append(e.out, s[:n]...)
		}
		s = s[n:]
		if len(e.out) > e.o.bytes() {
			return errSize
		}
	}
	e.add(`"`)
	return nil
}

func (e *encoder) data(b []byte, form binaryForm) error {
	if len(b) > e.o.bytes() {
		return errSize
	}
	switch form {
	case asBase64:
		e.add(`"` + base64.StdEncoding.EncodeToString(b) + `"`)
	case asHex:
		e.add(`"` + hex.EncodeToString(b) + `"`)
	default:
		e.add("[")
		for i, c := range b {
			if i > 0 {
				e.add(",")
			}
			e.out = strconv.AppendUint(e.out, uint64(c), 10)
		}
		e.add("]")
	}
	return nil
}

func (e *encoder) list(w *where, l dynamic.List, depth int) error {
	e.add("[")
	for i, v := range l.All() {
		if i > 0 {
			e.add(",")
		}
		if err := e.value(w.element(i), v, asArray, depth+1); err != nil {
			return err
		}
	}
	e.add("]")
	return nil
}

var (
	errCap = errors.New("a capability, which is nothing that JSON can say")
	errAny = errors.New("a pointer of a type that the schema does not say")
)

func (e *encoder) capability(w *where, c capnp.Client, of dynamic.Interface) error {
	switch {
	case c.IsNull():
		e.add("null")
		return nil
	case e.o.EncodeCap == nil:
		return errCap
	}
	text, err := e.o.EncodeCap(w.String(), c, of)
	if err != nil {
		return err
	}
	return e.str([]byte(text))
}

func (e *encoder) any(w *where, v dynamic.Value, depth int) error {
	if v.IsNull() {
		e.add("null")
		return nil
	}
	if v.Ptr().Kind() == capnp.PtrCap {
		return w.fault(e.capability(w, v.Client(), dynamic.Interface{}))
	}
	if e.o.Any != nil {
		if t, ok := e.o.Any(w.String()); ok && t.Kind() < dynamic.AnyPointer {
			return e.value(w, v.As(t), asArray, depth+1)
		}
	}
	return w.fault(errAny)
}

// structure writes a struct or group as an object.
func (e *encoder) structure(w *where, s dynamic.Struct, depth int) error {
	if s.Type().ID() == jsonValue && !e.o.IgnoreAnnotations {
		return e.embedded(w, s, depth)
	}
	p, err := e.plans.of(s.Type())
	if err != nil {
		return w.fault(err)
	}
	e.add("{")
	first := true
	if err := e.members(w, p, s, "", &first, depth); err != nil {
		return err
	}
	e.add("}")
	return nil
}

// members writes the members of an object that are a struct's.
func (e *encoder) members(w *where, p *plan, s dynamic.Struct, prefix string, first *bool, depth int) error {
	if err := e.spend(depth); err != nil {
		return w.fault(err)
	}
	if s.Type().ID() != p.id || s.Type().NumFields() != len(p.members) {
		return w.fault(fmt.Errorf("%s is flattened with another type than before", s.Type().Name()))
	}
	for f := range s.Type().Fields() {
		m := p.members[f.Index()]
		if !s.IsSet(f) {
			continue
		}
		has := s.Has(f)
		if m.inUnion {
			if err := e.variant(w, p, s, f, m, has, prefix, first, depth); err != nil {
				return err
			}
			continue
		}
		if !has || e.o.OmitDefaults && s.IsDefault(f) {
			continue
		}
		if err := e.member(w, s, f, m, m.name, prefix, first, depth); err != nil {
			return err
		}
	}
	return nil
}

// variant writes the member of a union that is set. It is always there, since that says which one it is. Without
// annotations it is null if it is a null pointer, or left out if a new struct has it anyway, as C++'s JsonCodec does it
// then; with annotations C++ writes what a null pointer reads as, and reads null for nothing.
func (e *encoder) variant(w *where, p *plan, s dynamic.Struct, f dynamic.Field, m planned, has bool, prefix string, first *bool, depth int) error {
	name := m.name
	if p.tagName != "" {
		if err := e.name(w, prefix+p.tagName, first); err != nil {
			return err
		}
		if err := e.str([]byte(m.name)); err != nil {
			return w.member(prefix + p.tagName).fault(err)
		}
		if f.Type().Kind() == dynamic.Void {
			return nil
		}
		if p.valueName != "" {
			name = p.valueName
		}
	}
	if has || !e.o.IgnoreAnnotations {
		return e.member(w, s, f, m, name, prefix, first, depth)
	}
	if f.Tag() == 0 {
		return nil
	}
	if err := e.name(w, prefix+name, first); err != nil {
		return err
	}
	e.add("null")
	return nil
}

// member writes one field.
func (e *encoder) member(w *where, s dynamic.Struct, f dynamic.Field, m planned, name, prefix string, first *bool, depth int) error {
	secret := e.o.Redact && m.secret
	if m.flat != nil && !secret {
		return e.members(w, m.flat, s.Value(f).Struct(), prefix+m.prefix, first, depth+1)
	}
	name = prefix + name
	if err := e.name(w, name, first); err != nil {
		return err
	}
	if secret {
		e.add(redacted)
		return nil
	}
	return e.value(w.member(name), s.Value(f), m.binary, depth+1)
}

// name writes the name of a member and what stands before and behind it.
func (e *encoder) name(w *where, name string, first *bool) error {
	if !*first {
		e.add(",")
	}
	*first = false
	if err := e.str([]byte(name)); err != nil {
		return w.member(name).fault(err)
	}
	e.add(":")
	return nil
}
