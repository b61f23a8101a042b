package narrow

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
)

// Describe says in words what the steps leave, a line for each thing said. The text is the same for
// equal steps, and safe to print whoever made them: ASCII without control characters. reg, which may be
// nil, has the names of methods and fields.
func Describe(steps []Step, reg *schema.Registry) string {
	var b strings.Builder
	for i, s := range steps {
		if i == MaxSteps {
			fmt.Fprintf(&b, "and %d steps more\n", len(steps)-i)
			break
		}
		switch {
		case s.Narrow != nil:
			s.Narrow.describe(&b, reg)
		case s.Call != nil:
			s.Call.describe(&b, reg)
		}
	}
	if b.Len() == 0 {
		return "everything\n"
	}
	return b.String()
}

func (n *Narrowing) describe(b *strings.Builder, reg *schema.Registry) {
	if n.Methods != nil {
		var names []string
		for _, m := range sortedMethods(n.Methods) {
			names = append(names, m.name(reg, n.Interface))
		}
		switch {
		case len(names) == 0:
			names = []string{"no method at all"}
		case len(names) > maxNamed:
			names = append(names[:maxNamed], fmt.Sprintf("and %d more", len(names)-maxNamed))
		}
		fmt.Fprintf(b, "only %s\n", strings.Join(names, ", "))
	}
	if n.ReadOnly {
		b.WriteString("only methods that change nothing\n")
	}
	for i, w := range n.Where {
		if i == MaxWhere {
			break
		}
		if e, err := parse(w); err == nil {
			fmt.Fprintf(b, "where %s\n", e.String())
		} else {
			fmt.Fprintf(b, "where %s (not understood, so nothing passes)\n", quote(w))
		}
	}
	if !n.NotAfter.IsZero() {
		fmt.Fprintf(b, "until %s\n", n.NotAfter.UTC().Format(time.RFC3339))
	}
	if n.Uses > 0 {
		fmt.Fprintf(b, "%s\n", count(n.Uses, "use"))
	}
	if n.Rate.Calls > 0 {
		fmt.Fprintf(b, "at most %s\n", n.Rate)
	}
	if n.Bytes > 0 {
		fmt.Fprintf(b, "%s in all\n", count(n.Bytes, "byte"))
	}
	if n.Concurrency > 0 {
		fmt.Fprintf(b, "%s at a time\n", count(uint64(n.Concurrency), "call"))
	}
}

const maxNamed = 32

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

// name is the method's name, with that of its interface unless it is one of the interface at hand.
func (m Method) name(reg *schema.Registry, iface uint64) string {
	if reg != nil {
		if d, ok := dynamic.MethodAt(reg, m.InterfaceID, m.MethodID); ok {
			if i, err := dynamic.LookupInterface(reg, iface); err == nil && i.Extends(m.InterfaceID) {
				return plain(d.Name())
			}
			return plain(d.String())
		}
	}
	return fmt.Sprintf("@%#016x.@%d", m.InterfaceID, m.MethodID)
}

func (p *PathCall) describe(b *strings.Builder, reg *schema.Registry) {
	args, result := "...", fmt.Sprint(p.Result)
	if p.Params == nil {
		args = ""
	}
	several := true
	if reg != nil {
		if m, ok := dynamic.MethodAt(reg, p.InterfaceID, p.MethodID); ok {
			caps := capabilities(m.Results(), nil, "", nil)
			several = len(caps) != 1
			for _, c := range caps {
				if samePath(c.at, p.Result) {
					result = plain(c.path)
				}
			}
			if params, err := p.params(); err == nil && p.Params != nil {
				s := shower{left: maxShown}
				args = s.fields(m.Params().Read(params.Struct()), 0)
			}
		}
	}
	fmt.Fprintf(b, "what %s(%s) returns", p.name(reg, p.InterfaceID), args)
	if several {
		fmt.Fprintf(b, " as %s", result)
	}
	b.WriteByte('\n')
}

// shower writes values for people, within bounds.
type shower struct{ left int }

const (
	maxShown      = 64 // values
	maxShownText  = 64 // bytes
	maxShownDepth = 6
)

func (s *shower) fields(st dynamic.Struct, depth int) string {
	var parts []string
	blank := st.Type().Read(capnp.Struct{})
	for f := range st.Type().Fields() {
		switch {
		case !st.IsSet(f) || !f.InUnion() && (!st.Has(f) || plainDefault(st, blank, f)):
		case f.Secret():
			parts = append(parts, plain(f.Name())+": (secret)")
		default:
			parts = append(parts, plain(f.Name())+": "+s.value(st.Value(f), depth+1))
		}
		if s.left <= 0 {
			parts = append(parts, "...")
			break
		}
	}
	return strings.Join(parts, ", ")
}

// plainDefault reports whether a field is a number, a Bool or an enum that nobody set.
func plainDefault(st, blank dynamic.Struct, f dynamic.Field) bool {
	v, d := st.Value(f), blank.Value(f)
	switch k := v.Kind(); {
	case k == dynamic.Bool:
		return v.Bool() == d.Bool()
	case k == dynamic.Float32 || k == dynamic.Float64:
		return v.Float() == d.Float()
	case k == dynamic.EnumKind:
		return v.Enum() == d.Enum()
	case k >= dynamic.Uint8 && k <= dynamic.Uint64:
		return v.Uint() == d.Uint()
	case k.IsInteger():
		return v.Int() == d.Int()
	}
	return false
}

func (s *shower) value(v dynamic.Value, depth int) string {
	if s.left--; s.left < 0 || depth > maxShownDepth {
		return "..."
	}
	switch k := v.Kind(); k {
	case dynamic.Void:
		return "void"
	case dynamic.Bool:
		return strconv.FormatBool(v.Bool())
	case dynamic.Float32, dynamic.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case dynamic.EnumKind:
		return plain(v.Enum().String())
	case dynamic.Text:
		if t := v.Text(); len(t) > maxShownText {
			return quote(t[:maxShownText]) + "..."
		}
		return quote(v.Text())
	case dynamic.Data:
		return "(" + count(uint64(len(v.Bytes())), "byte") + ")"
	case dynamic.StructKind:
		return "(" + s.fields(v.Struct(), depth) + ")"
	case dynamic.ListKind:
		var parts []string
		for _, e := range v.List().All() {
			parts = append(parts, s.value(e, depth+1))
			if s.left <= 0 {
				parts = append(parts, "...")
				break
			}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		switch {
		case k >= dynamic.Uint8 && k <= dynamic.Uint64:
			return strconv.FormatUint(v.Uint(), 10)
		case k.IsInteger():
			return strconv.FormatInt(v.Int(), 10)
		}
		return "(" + k.String() + ")"
	}
}
