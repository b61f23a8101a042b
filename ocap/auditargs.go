package ocap

import (
	"encoding/json"
	"strconv"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
)

// What of parameters goes into a record.
const (
	maxShownText     = 80  // bytes of a text
	maxShownElements = 16  // of a list
	maxShownValues   = 200 // altogether
	maxShownDepth    = 8
)

// describe returns the method's name and its parameters as JSON, nil if there is no schema for them.
func describe(reg *schema.Registry, c *Crossing) (name string, params json.RawMessage) {
	if c.Method() != nil {
		name = c.Method().String()
	}
	if reg == nil {
		return name, nil
	}
	m, ok := dynamic.MethodAt(reg, c.InterfaceID(), c.MethodID())
	if !ok {
		return name, nil
	}
	s := shower{left: maxShownValues}
	params, err := json.Marshal(s.fields(m.Params().Read(c.Params()), 0))
	if err != nil {
		return m.String(), nil
	}
	return m.String(), params
}

// shower shows values for people, within bounds.
type shower struct{ left int }

func (s *shower) fields(st dynamic.Struct, depth int) any {
	out := map[string]any{}
	for f := range st.Type().Fields() {
		switch {
		case !st.IsSet(f):
		case f.Secret():
			out[f.Name()] = "(secret)"
		default:
			out[f.Name()] = s.value(st.Value(f), depth+1)
		}
	}
	return out
}

func (s *shower) value(v dynamic.Value, depth int) any {
	if s.left--; s.left < 0 || depth > maxShownDepth {
		return "..."
	}
	switch k := v.Kind(); {
	case k == dynamic.Void:
		return nil
	case k == dynamic.Bool:
		return v.Bool()
	case k >= dynamic.Uint8 && k <= dynamic.Uint64:
		return v.Uint()
	case k.IsInteger():
		return v.Int()
	case k.IsFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, 64) // JSON has no NaN
	case k == dynamic.EnumKind:
		return v.Enum().String()
	case k == dynamic.Text:
		if t := v.Text(); len(t) > maxShownText {
			return t[:maxShownText] + "... (" + strconv.Itoa(len(t)) + " bytes)"
		}
		return v.Text()
	case k == dynamic.Data:
		return "(" + strconv.Itoa(len(v.Bytes())) + " bytes)"
	case k == dynamic.StructKind:
		return s.fields(v.Struct(), depth)
	case k == dynamic.ListKind:
		l := v.List()
		out := []any{}
		for i, e := range l.All() {
			if i == maxShownElements || s.left <= 0 {
				out = append(out, "... ("+strconv.Itoa(l.Len())+" elements)")
				break
			}
			out = append(out, s.value(e, depth+1))
		}
		return out
	case k == dynamic.InterfaceKind:
		return "(capability)"
	}
	return "(" + v.Kind().String() + ")"
}
