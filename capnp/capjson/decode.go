package capjson

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
)

// Unmarshal fills a new struct with what an object in JSON says. Fields that the object does not name keep their
// defaults. After an error the struct is of no use. The error is an [*Error].
func Unmarshal(text []byte, b dynamic.StructBuilder, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	if len(text) > o.bytes() {
		return (*where)(nil).fault(errSize)
	}
	if err := check(text, o.depth()); err != nil {
		return err
	}
	d := &decoder{o: o, plans: plans{ignore: o.IgnoreAnnotations}}
	if err := d.structure(nil, b, text); err != nil {
		return err
	}
	return (*where)(nil).fault(b.Err())
}

type decoder struct {
	o     *Options
	plans plans
}

func errWant(t dynamic.Type, v raw) error {
	return fmt.Errorf("%s where %s should be", v.kindName(), t)
}

// field sets a field to what a value says.
func (d *decoder) field(w *where, b dynamic.StructBuilder, f dynamic.Field, form binaryForm, v raw) error {
	t := f.Type()
	if t.Kind().IsPointer() && v.kind() == 'n' && !(t.Kind() == dynamic.StructKind && d.isEmbedded(t)) {
		if f.IsGroup() {
			return w.fault(errWant(t, v))
		}
		return w.fault(b.Clear(f))
	}
	switch t.Kind() {
	case dynamic.StructKind:
		in, err := b.NewField(f)
		if err != nil {
			return w.fault(err)
		}
		return d.structure(w, in, v)
	case dynamic.ListKind:
		if v.kind() != '[' {
			return w.fault(errWant(t, v))
		}
		l, err := b.NewListField(f, v.count())
		if err != nil {
			return w.fault(err)
		}
		return d.list(w, l, v)
	}
	if t.Kind() >= dynamic.InterfaceKind {
		p, err := b.PtrOf(f)
		if err != nil {
			return w.fault(err)
		}
		return d.pointer(w, p, t, v)
	}
	x, err := d.plain(t, form, v)
	if err == nil {
		err = b.SetField(f, x)
		if u := errors.Unwrap(err); u != nil {
			err = u // the path has the name already
		}
	}
	return w.fault(err)
}

// count is the number of elements of an array.
func (v raw) count() int {
	n := 0
	for range v.elements {
		n++
	}
	return n
}

func (d *decoder) list(w *where, l dynamic.ListBuilder, v raw) error {
	t := l.Elem()
	for i, x := range v.elements {
		at := w.element(i)
		switch k := t.Kind(); {
		case k == dynamic.StructKind:
			if err := d.structure(at, l.At(i), x); err != nil {
				return err
			}
		case k == dynamic.ListKind:
			if x.kind() == 'n' {
				continue
			}
			if x.kind() != '[' {
				return at.fault(errWant(t, x))
			}
			in, err := l.NewList(i, x.count())
			if err != nil {
				return at.fault(err)
			}
			if err := d.list(at, in, x); err != nil {
				return err
			}
		case k >= dynamic.InterfaceKind:
			if x.kind() == 'n' {
				continue
			}
			if err := d.pointer(at, l.PtrAt(i), t, x); err != nil {
				return err
			}
		case k.IsPointer() && x.kind() == 'n':
		default:
			y, err := d.plain(t, asArray, x)
			if err == nil {
				err = l.Set(i, y)
				if u := errors.Unwrap(err); u != nil {
					err = u
				}
			}
			if err != nil {
				return at.fault(err)
			}
		}
	}
	return nil
}

// pointer sets a capability, or a pointer of a type that the schema leaves open; v is not null.
func (d *decoder) pointer(w *where, p capnp.PtrBuilder, t dynamic.Type, v raw) error {
	if t.Kind() == dynamic.InterfaceKind {
		if v.kind() != '"' {
			return w.fault(errWant(t, v))
		}
		if d.o.DecodeCap == nil {
			return w.fault(errCap)
		}
		c, err := d.o.DecodeCap(w.String(), v.text(), t.Interface())
		if err != nil {
			return w.fault(err)
		}
		p.SetClient(c)
		c.Release()
		return nil
	}
	var as dynamic.Type
	if d.o.Any != nil {
		as, _ = d.o.Any(w.String())
	}
	switch as.Kind() {
	case dynamic.StructKind:
		st := as.Struct()
		if t.Kind() == dynamic.AnyList || !st.Known() {
			return w.fault(errAny)
		}
		return d.structure(w, st.Build(p.NewStruct(st.Size())), v)
	case dynamic.ListKind:
		if t.Kind() == dynamic.AnyStruct || v.kind() != '[' {
			return w.fault(errWant(as, v))
		}
		l, err := dynamic.NewList(p, as, v.count())
		if err != nil {
			return w.fault(err)
		}
		return d.list(w, l, v)
	case dynamic.InterfaceKind:
		if t.Kind() == dynamic.AnyPointer {
			return d.pointer(w, p, as, v)
		}
	case dynamic.Text, dynamic.Data:
		if t.Kind() == dynamic.AnyStruct {
			break
		}
		x, err := d.plain(as, asArray, v)
		if err == nil {
			err = dynamic.SetPtr(p, as, x)
		}
		return w.fault(err)
	}
	return w.fault(errAny)
}

// plain returns what a value says as a Go value for dynamic to set.
func (d *decoder) plain(t dynamic.Type, form binaryForm, v raw) (any, error) {
	kind := v.kind()
	switch k := t.Kind(); {
	case k == dynamic.Void && kind == 'n':
		return nil, nil
	case k == dynamic.Bool && (kind == 't' || kind == 'f'):
		return kind == 't', nil
	case k.IsInteger() && (kind == 0 || kind == '"'):
		return integer(t, v)
	case k.IsFloat():
		return float(t, v)
	case k == dynamic.Text && kind == '"':
		return v.text(), nil
	case k == dynamic.Data:
		return data(t, form, v)
	case k == dynamic.EnumKind && kind == '"':
		n, ok := enumValue(t.Enum(), v.text(), d.o.IgnoreAnnotations)
		if !ok {
			return nil, fmt.Errorf("%s has no value %q", t, clip(v.text()))
		}
		return n, nil
	case k == dynamic.EnumKind && kind == 0:
		n, err := strconv.ParseUint(v.number(), 10, 16)
		if err != nil {
			return nil, errRange(t, v.number())
		}
		return n, nil
	}
	return nil, errWant(t, v)
}

func errRange(t dynamic.Type, text string) error {
	return fmt.Errorf("%s is out of the range of %s", clip(text), t)
}

// integer reads a number, or a string that is one.
func integer(t dynamic.Type, v raw) (any, error) {
	text := ""
	if v.kind() == '"' {
		text = v.text()
		s := scanner{text: []byte(text)}
		if err := s.number(); err != nil || s.at != len(text) {
			return nil, fmt.Errorf("the string %q where %s should be", clip(text), t)
		}
	} else {
		text = v.number()
	}
	if !strings.ContainsAny(text, ".eE") {
		var x any
		var err error
		if strings.HasPrefix(text, "-") {
			x, err = strconv.ParseInt(text, 10, 64)
		} else {
			x, err = strconv.ParseUint(text, 10, 64)
		}
		if err != nil {
			return nil, errRange(t, text)
		}
		return x, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	const exact = 1 << 53 // beyond, nobody knows which integer is meant
	switch {
	case err != nil || math.Abs(f) > exact:
		return nil, errRange(t, text)
	case f != math.Trunc(f):
		return nil, fmt.Errorf("%s where %s should be", clip(text), t)
	}
	return int64(f), nil
}

// float reads a number, a string that is one, the names of what is no number, and null, which is NaN.
func float(t dynamic.Type, v raw) (any, error) {
	text := ""
	switch v.kind() {
	case 'n':
		return math.NaN(), nil
	case 0:
		text = v.number()
	case '"':
		text = v.text()
		switch text {
		case "NaN", "nan":
			return math.NaN(), nil
		case "Infinity", "inf":
			return math.Inf(1), nil
		case "-Infinity", "-inf":
			return math.Inf(-1), nil
		}
		s := scanner{text: []byte(text)}
		if err := s.number(); err != nil || s.at != len(text) {
			return nil, fmt.Errorf("the string %q where %s should be", clip(text), t)
		}
	default:
		return nil, errWant(t, v)
	}
	bits := 64
	if t.Kind() == dynamic.Float32 {
		bits = 32
	}
	f, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return nil, errRange(t, text)
	}
	return f, nil
}

func data(t dynamic.Type, form binaryForm, v raw) (any, error) {
	if form == asArray {
		if v.kind() != '[' {
			return nil, errWant(t, v)
		}
		out := make([]byte, 0, v.count())
		for i, x := range v.elements {
			n, err := strconv.ParseUint(x.number(), 10, 8)
			if x.kind() != 0 || err != nil {
				return nil, fmt.Errorf("element %d of Data is no number from 0 to 255", i)
			}
			out = append(out, byte(n))
		}
		return out, nil
	}
	if v.kind() != '"' {
		return nil, errWant(t, v)
	}
	if form == asHex {
		out, err := hex.DecodeString(v.text())
		if err != nil {
			return nil, errors.New("the string is not hexadecimal")
		}
		return out, nil
	}
	out, err := base64.StdEncoding.Strict().DecodeString(v.text())
	if err != nil {
		return nil, errors.New("the string is not base64")
	}
	return out, nil
}
