package dynamic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path leads from a struct of one type to a value below it. It is made once and used often: see [StructType.Path].
type Path struct {
	text  string
	steps []step
	typ   Type
}

// step is a field of a struct, or an element of a list.
type step struct {
	field Field
	index int // -1 for fields
}

// maxPath bounds the steps of a path.
const maxPath = 64

// Path resolves a path: the names of fields with dots between, and [i] for an element of a list.
func (t StructType) Path(text string) (Path, error) {
	p := Path{text: text, typ: t.Type()}
	rest := text
	for first := true; first || rest != ""; first = false {
		if len(p.steps) == maxPath {
			return Path{}, fmt.Errorf("path %q is longer than %d steps", clip(text), maxPath)
		}
		if after, ok := strings.CutPrefix(rest, "["); ok {
			digits, after, ok := strings.Cut(after, "]")
			i, err := strconv.ParseUint(digits, 10, 29)
			if !ok || err != nil {
				return Path{}, fmt.Errorf("path %q: no index between [ and ]", clip(text))
			}
			if p.typ.kind != ListKind {
				return Path{}, fmt.Errorf("path %q: [%d] of a %s, which is no list", clip(text), i, p.typ)
			}
			p.steps, p.typ, rest = append(p.steps, step{index: int(i)}), p.typ.Elem(), after
			continue
		}
		if !first {
			var ok bool
			if rest, ok = strings.CutPrefix(rest, "."); !ok {
				return Path{}, fmt.Errorf("path %q: no dot before %q", clip(text), clip(rest))
			}
		}
		name := rest
		if i := strings.IndexAny(rest, ".["); i >= 0 {
			name = rest[:i]
		}
		rest = rest[len(name):]
		if p.typ.kind != StructKind {
			return Path{}, fmt.Errorf("path %q: %q of a %s, which is no struct", clip(text), clip(name), p.typ)
		}
		f, err := p.typ.Struct().field(name)
		if err != nil {
			return Path{}, err
		}
		p.steps, p.typ = append(p.steps, step{field: f, index: -1}), f.Type()
	}
	return p, nil
}

// indexed reports whether the path goes through a list.
func (p Path) indexed() bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return s.index >= 0 })
}

// String returns the path as it was given.
func (p Path) String() string { return p.text }

// Type returns the type of what the path leads to.
func (p Path) Type() Type { return p.typ }

// Fields returns the fields on the way, without the elements of lists.
func (p Path) Fields() []Field {
	var out []Field
	for _, s := range p.steps {
		if s.index < 0 {
			out = append(out, s.field)
		}
	}
	return out
}

// Get follows the path from a struct of the type that the path was made for. The only error is an index out of range.
func (p Path) Get(s Struct) (Value, error) {
	v := Value{t: s.t.Type(), s: s.s}
	for _, at := range p.steps {
		if at.index < 0 {
			v = Struct{at.field.of, v.s}.Value(at.field)
			continue
		}
		l := v.List()
		if at.index >= l.Len() {
			return Value{}, fmt.Errorf("path %q: index %d of a list of %d", clip(p.text), at.index, l.Len())
		}
		v = l.At(at.index)
	}
	return v, nil
}
