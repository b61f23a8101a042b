package capjson

import (
	"errors"
	"strconv"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schemas/json"
)

// jsonValue is the id of Value in compat/json.capnp: a field of that type is JSON within the JSON.
const jsonValue = 0xa3fa7845f919dd83

func (d *decoder) isEmbedded(t dynamic.Type) bool {
	return t.ID() == jsonValue && t.Kind() == dynamic.StructKind && !d.o.IgnoreAnnotations
}

var (
	errCall = errors.New("a function call, which is no JSON")
	errNaN  = errors.New("a number that is no JSON")
)

// embedded writes a Value.
func (e *encoder) embedded(w *where, s dynamic.Struct, depth int) error {
	return e.json(w, json.Value(s.Raw()), depth)
}

func (e *encoder) json(w *where, v json.Value, depth int) error {
	if err := e.spend(depth); err != nil {
		return w.fault(err)
	}
	switch v.Which() {
	case json.ValueWhichBoolean:
		e.out = strconv.AppendBool(e.out, v.Boolean())
	case json.ValueWhichNumber:
		n := len(e.out)
		if e.float(v.Number(), 64); e.out[n] == '"' {
			return w.fault(errNaN)
		}
	case json.ValueWhichString:
		return w.fault(e.str(v.StringBytes()))
	case json.ValueWhichArray:
		e.add("[")
		for i, x := range v.Array().All() {
			if i > 0 {
				e.add(",")
			}
			if err := e.json(w.element(i), x, depth+1); err != nil {
				return err
			}
		}
		e.add("]")
	case json.ValueWhichObject:
		e.add("{")
		first, seen := true, map[string]bool{}
		for _, f := range v.Object().All() {
			if seen[f.Name()] {
				return w.member(f.Name()).fault(errTwice)
			}
			seen[f.Name()] = true
			if err := e.name(w, f.Name(), &first); err != nil {
				return err
			}
			if err := e.json(w.member(f.Name()), f.Value(), depth+1); err != nil {
				return err
			}
		}
		e.add("}")
	case json.ValueWhichRaw:
		// Text from a stranger could break out of the document.
		text := v.RawBytes()
		if len(text) > e.o.bytes() {
			return w.fault(errSize)
		}
		if err := check(text, max(e.o.depth()-depth, 0)); err != nil {
			return w.fault(errors.Unwrap(err))
		}
		e.out = append(e.out, text...)
	case json.ValueWhichCall:
		return w.fault(errCall)
	default:
		e.add("null")
	}
	return nil
}

// embedded fills a Value.
func (d *decoder) embedded(w *where, b dynamic.StructBuilder, v raw) error {
	if err := b.Err(); err != nil {
		return w.fault(err)
	}
	return w.fault(d.json(json.ValueBuilder(b.Raw()), v))
}

func (d *decoder) json(b json.ValueBuilder, v raw) error {
	switch v.kind() {
	case 't', 'f':
		b.SetBoolean(v.kind() == 't')
	case 0:
		f, err := strconv.ParseFloat(v.number(), 64)
		if err != nil {
			return errors.New(clip(v.number()) + " is out of the range of Float64")
		}
		b.SetNumber(f)
	case '"':
		b.SetString(v.text())
	case '[':
		l := b.NewArray(v.count())
		for i, x := range v.elements {
			if i >= l.Len() {
				break // no room; the message knows
			}
			if err := d.json(l.At(i), x); err != nil {
				return err
			}
		}
	case '{':
		members := v.members()
		l := b.NewObject(len(members))
		for i, m := range members {
			if i >= l.Len() {
				break
			}
			l.At(i).SetName(m.name)
			if err := d.json(l.At(i).NewValue(), m.v); err != nil {
				return err
			}
		}
	default:
		b.SetNull()
	}
	return capnp.BuilderOf(b).Err()
}
