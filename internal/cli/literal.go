package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/cli/path"
)

// literals turns what people write into what package dynamic sets, and says where it does not fit.
type literals struct {
	source string // for the errors
	// capability gets what an @path stands for; nil if there cannot be capabilities here.
	capability func(*path.Path) (capnp.Client, error)
}

// fields turns arguments, or the fields of a struct, into a map.
func (l *literals) fields(t dynamic.StructType, args []path.Arg) (map[string]any, error) {
	out := map[string]any{}
	union := ""
	for _, a := range args {
		f, ok := t.Field(a.Name)
		if !ok {
			return nil, l.at(a.Offset, "there is no %s%s", a.Name, offer(fieldNames(t)))
		}
		if f.InUnion() {
			if union != "" {
				return nil, l.at(a.Offset, "%s and %s exclude each other", union, a.Name)
			}
			union = a.Name
		}
		v, err := l.value(f.Type(), &a.Value)
		if err != nil {
			return nil, err
		}
		out[a.Name] = v
	}
	return out, nil
}

func (l *literals) value(t dynamic.Type, v *path.Value) (any, error) {
	wrong := func() error { return l.at(v.Offset, "a %s is expected here%s", t, form(t)) }
	switch k := t.Kind(); {
	case k == dynamic.Void:
		if v.Kind == path.Word && v.Text == "void" {
			return struct{}{}, nil
		}
	case k == dynamic.Bool:
		if v.Kind == path.Word && (v.Text == "true" || v.Text == "false") {
			return v.Text == "true", nil
		}
	case k.IsInteger():
		return l.integer(t, v)
	case k.IsFloat():
		return l.float(t, v)
	case k == dynamic.EnumKind:
		if v.Kind == path.Word {
			if _, ok := t.Enum().Value(v.Text); !ok {
				return nil, l.at(v.Offset, "%s has no value %s%s", t, v.Text, offer(enumerants(t.Enum())))
			}
			return v.Text, nil
		}
	case k == dynamic.Text:
		if v.Kind == path.String {
			return v.Text, nil
		}
	case k == dynamic.Data:
		if v.Kind == path.Data || v.Kind == path.String {
			return []byte(v.Text), nil
		}
	case k == dynamic.ListKind:
		if v.Kind == path.List {
			out := make([]any, len(v.List))
			for i := range v.List {
				var err error
				if out[i], err = l.value(t.Elem(), &v.List[i]); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
	case k == dynamic.StructKind:
		if v.Kind == path.Struct {
			return l.fields(t.Struct(), v.Fields)
		}
	case k == dynamic.InterfaceKind:
		switch {
		case v.Kind != path.Cap:
		case l.capability == nil:
			return nil, l.at(v.Offset, "there can be no capability here: this is kept, and a capability lives as long as a connection")
		default:
			c, err := l.capability(v.Cap)
			if err != nil {
				return nil, err
			}
			return c, nil
		}
	default:
		return nil, l.at(v.Offset, "a %s cannot be written here", t)
	}
	return nil, wrong()
}

func (l *literals) integer(t dynamic.Type, v *path.Value) (any, error) {
	if v.Kind != path.Number {
		return nil, l.at(v.Offset, "a %s is expected here", t)
	}
	if i, err := strconv.ParseInt(v.Text, 0, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(v.Text, 0, 64); err == nil {
		return u, nil
	}
	return nil, l.at(v.Offset, "%s is no %s", v.Text, t)
}

func (l *literals) float(t dynamic.Type, v *path.Value) (any, error) {
	switch {
	case v.Kind == path.Word && v.Text == "nan":
		return math.NaN(), nil
	case v.Kind == path.Word && v.Text == "inf":
		return math.Inf(1), nil
	case v.Kind == path.Number && v.Text == "-inf":
		return math.Inf(-1), nil
	case v.Kind != path.Number:
		return nil, l.at(v.Offset, "a %s is expected here", t)
	}
	if strings.Contains(v.Text, "0x") {
		return l.integer(t, v)
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil {
		return nil, l.at(v.Offset, "%s is no %s", v.Text, t)
	}
	return f, nil
}

func (l *literals) at(offset int, format string, args ...any) error {
	return &path.Error{Source: l.source, Offset: offset, Text: fmt.Sprintf(format, args...)}
}

// form says how a value of a type is written.
func form(t dynamic.Type) string {
	switch t.Kind() {
	case dynamic.Bool:
		return ": true or false"
	case dynamic.Text:
		return `: "…"`
	case dynamic.Data:
		return `: 0x"…"`
	case dynamic.ListKind:
		return ": […]"
	case dynamic.StructKind:
		return ": (name = value, …)"
	case dynamic.InterfaceKind:
		return ": @petname, or @ and a path from one"
	case dynamic.EnumKind:
		return offer(enumerants(t.Enum()))
	}
	return ""
}

func fieldNames(t dynamic.StructType) []string {
	var out []string
	for f := range t.Fields() {
		out = append(out, f.Name())
	}
	return out
}

// offer lists what there is, if that is not too much.
func offer(names []string) string {
	const most = 12
	switch n := len(names); {
	case n == 0:
		return "; there is nothing to say here"
	case n > most:
		return fmt.Sprintf("; there are %s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return "; there is " + strings.Join(names, ", ")
}

func enumerants(t dynamic.EnumType) []string {
	var out []string
	for i := range t.Len() {
		out = append(out, t.At(i).Name())
	}
	return out
}
