package narrow

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
)

// where is the conditions of a narrowing, bound to the schema. It is immutable.
type where struct {
	only   map[Method]bool // the methods that are there at all; nil for all
	checks map[Method][]check
}

// check is what has to hold for the parameters of one method.
type check struct {
	test   test
	fields string // for people: those it looks at
}

// binder binds the conditions of one narrowing.
type binder struct {
	reg   *schema.Registry
	iface dynamic.Interface
	text  string // the condition at hand
	w     *where
}

// bindWhere checks conditions against an interface and makes them ready to run.
func bindWhere(reg *schema.Registry, id uint64, texts []string) (*where, error) {
	w := &where{checks: map[Method][]check{}}
	if len(texts) == 0 {
		return w, nil
	}
	iface, err := lookupInterface(reg, id)
	if err != nil {
		return nil, fmt.Errorf("where: %w", err)
	}
	for _, text := range texts {
		e, err := parse(text)
		if err != nil {
			return nil, err
		}
		b := &binder{reg: reg, iface: iface, text: text, w: w}
		for _, c := range conjuncts(e) {
			if err := b.conjunct(c); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

func lookupInterface(reg *schema.Registry, id uint64) (dynamic.Interface, error) {
	switch {
	case id == 0:
		return dynamic.Interface{}, errors.New("no interface is given by which to understand it")
	case reg == nil:
		return dynamic.Interface{}, errors.New("no schemas are given by which to understand it")
	}
	return dynamic.LookupInterface(reg, id)
}

// conjuncts are the conditions that e is the conjunction of.
func conjuncts(e *expr) []*expr {
	if e.op != opAnd {
		return []*expr{e}
	}
	var all []*expr
	for _, k := range e.kids {
		all = append(all, conjuncts(k)...)
	}
	return all
}

func (b *binder) fail(at int, problem, hint string) error {
	return &ConditionError{Condition: b.text, Column: at + 1, Problem: problem, Hint: hint}
}

// paths returns the paths in e.
func (e *expr) paths() []path {
	if e.op > opNot {
		return []path{e.path}
	}
	var all []path
	for _, k := range e.kids {
		all = append(all, k.paths()...)
	}
	return all
}

// conjunct adds the checks of a condition that speaks of one method, or of all.
func (b *binder) conjunct(e *expr) error {
	paths := e.paths()
	first, named, err := b.method(paths[0])
	if err != nil {
		return err
	}
	for _, p := range paths[1:] {
		m, ok, err := b.method(p)
		if err != nil {
			return err
		}
		if ok != named || ok && methodOf(m) != methodOf(first) {
			return b.fail(p.at, "the condition speaks of another method before",
				"write one condition for each method, or join them by and")
		}
	}
	if named {
		t, err := b.bind(e, first.Params(), 1)
		if err != nil {
			return err
		}
		b.add(methodOf(first), t, paths, 1)
		return nil
	}
	return b.everywhere(e, paths)
}

// everywhere adds the checks of a condition that speaks of every method.
func (b *binder) everywhere(e *expr, paths []path) error {
	only := map[Method]bool{}
	found := false
	var lacking error
	for m := range b.iface.Methods() {
		t, err := b.bind(e, m.Params(), 0)
		if errors.As(err, new(*noField)) {
			lacking = err
			continue
		}
		if err != nil {
			var x *ConditionError
			if errors.As(err, &x) {
				x.Problem = m.Name() + ": " + x.Problem
				x.Hint = "name the method that is meant"
			}
			return err
		}
		found = true
		if b.w.only == nil || b.w.only[methodOf(m)] {
			only[methodOf(m)] = true
		}
		b.add(methodOf(m), t, paths, 0)
	}
	b.w.only = only
	switch {
	case len(only) > 0:
		return nil
	case found:
		return b.fail(e.at, "with the conditions before, no method is left", "name the methods that are meant")
	case len(paths) > 1 || lacking == nil:
		return b.fail(paths[0].at, "no method of "+b.iface.Name()+" has all these fields", "")
	}
	n := paths[0].names[0]
	hint := ""
	if len(paths[0].names) > 1 { // it may have been meant to be a method
		hint = "methods are " + b.methodNames()
		if m, ok := nearest(n.text, b.namesOfMethods()); ok {
			hint = "did you mean " + m + "?"
		}
	} else if f, ok := nearest(n.text, b.fieldNames()); ok {
		hint = "did you mean " + f + "?"
	}
	return b.fail(n.at, fmt.Sprintf("%s has no method %s, and none of its methods has such a field", b.iface.Name(), n.text), hint)
}

func (b *binder) namesOfMethods() (all []string) {
	for m := range b.iface.Methods() {
		all = append(all, m.Name())
	}
	return all
}

func (b *binder) methodNames() string { return some(b.namesOfMethods()) }

func (b *binder) fieldNames() (all []string) {
	for m := range b.iface.Methods() {
		for f := range m.Params().Fields() {
			all = append(all, f.Name())
		}
	}
	return all
}

// some lists the first of some names.
func some(names []string) string {
	const most = 12
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > most {
		names = append(slices.Clip(names[:most]), "...")
	}
	if len(names) == 0 {
		return "none"
	}
	return plain(strings.Join(names, ", "))
}

func (b *binder) add(m Method, t test, paths []path, skip int) {
	var fields []string
	for _, p := range paths {
		p.names = p.names[skip:]
		p.dotted = false
		fields = append(fields, p.String())
	}
	slices.Sort(fields)
	b.w.checks[m] = append(b.w.checks[m], check{t, strings.Join(slices.Compact(fields), ", ")})
}

func methodOf(m dynamic.Method) Method { return Method{m.InterfaceID(), m.MethodID()} }

// method returns the method that a path begins with; ok is false if it speaks of every method.
func (b *binder) method(p path) (m dynamic.Method, ok bool, err error) {
	if p.dotted || len(p.names) == 1 {
		return m, false, nil
	}
	for x := range b.iface.Methods() {
		switch {
		case x.Name() != p.names[0].text:
		case !ok:
			m, ok = x, true
		case m.InterfaceID() == b.iface.ID(): // goes before inherited ones
		default:
			return m, false, b.fail(p.at, fmt.Sprintf("%s inherits two methods %s", b.iface.Name(), x.Name()),
				"narrow a capability of type "+m.Interface().Name()+" or "+x.Interface().Name())
		}
	}
	return m, ok, nil
}

// noField is the error of a path with a field that does not exist.
type noField struct{ ConditionError }

// bind makes a test of e for parameters of type t. skip is how many names of each path were
// understood before.
func (b *binder) bind(e *expr, t dynamic.StructType, skip int) (test, error) {
	switch e.op {
	case opAnd, opOr, opNot:
		var kids []test
		for _, k := range e.kids {
			kid, err := b.bind(k, t, skip)
			if err != nil {
				return nil, err
			}
			kids = append(kids, kid)
		}
		return combine(e.op, kids), nil
	}
	r, err := b.resolve(e.path, t, skip)
	if err != nil {
		return nil, err
	}
	leaf, err := b.leaf(e, r)
	if err != nil {
		return nil, err
	}
	return at(r.moves, leaf, e.op == opHas), nil
}

// ref is what a path leads to, within the struct that its moves lead to.
type ref struct {
	moves  []move
	field  schema.Field
	typ    dynamic.Type
	group  bool
	member bool // of a union
	size   bool // its size is meant
	at     int  // the last name
	name   string
}

// resolve follows a path through the schema.
func (b *binder) resolve(p path, t dynamic.StructType, skip int) (r ref, err error) {
	names := p.names[skip:]
	for i, n := range names {
		f, ok := t.Field(n.text)
		if !ok {
			return r, b.noField(n, t)
		}
		r.field = t.Node().Struct().Fields().At(f.Index())
		r.typ, r.group, r.member, r.at, r.name = f.Type(), f.IsGroup(), f.InUnion(), n.at, n.text
		if f.InUnion() {
			s := t.Node().Struct()
			r.moves = append(r.moves, move{union: true, off: s.DiscriminantOffset() * 2, tag: f.Tag(), count: s.DiscriminantCount()})
		}
		if i == len(names)-1 {
			break
		}
		switch k := r.typ.Kind(); {
		case r.group:
			t = r.typ.Struct()
		case k == dynamic.StructKind:
			if !r.typ.Struct().Known() {
				return r, b.fail(n.at, "no schema of "+plain(r.typ.String()), "")
			}
			r.moves = append(r.moves, move{ptr: uint16(r.field.Slot().Offset()), def: r.field.Slot().DefaultValue().Struct()})
			t = r.typ.Struct()
		case i == len(names)-2 && names[i+1].text == "size" && sized(k):
			r.size = true
			return r, nil
		default:
			hint := ""
			if sized(k) {
				hint = "it has a .size"
			}
			return r, b.fail(names[i+1].at, fmt.Sprintf("%s is %s and has no field %s", n.text, plain(r.typ.String()), names[i+1].text), hint)
		}
	}
	return r, nil
}

func sized(k dynamic.Kind) bool {
	return k == dynamic.Text || k == dynamic.Data || k == dynamic.ListKind
}

func (b *binder) noField(n name, t dynamic.StructType) error {
	var names []string
	for f := range t.Fields() {
		names = append(names, f.Name())
	}
	hint := "it has " + some(names)
	if near, ok := nearest(n.text, names); ok {
		hint = "did you mean " + near + "?"
	}
	what := plain(t.Name())
	if m, ok := strings.CutSuffix(what, "$Params"); ok {
		what = m
	}
	return &noField{ConditionError{Condition: b.text, Column: n.at + 1, Problem: what + " has no field " + n.text, Hint: hint}}
}

// Unwrap makes it a ConditionError to callers.
func (e *noField) Unwrap() error { return &e.ConditionError }

// nearest returns the name that differs from s in at most two letters, a third of them.
func nearest(s string, names []string) (best string, ok bool) {
	least := min(2, max(1, len(s)/3)) + 1
	for _, n := range names {
		if d := distance(s, n); d < least {
			best, least, ok = n, d, true
		}
	}
	return plain(best), ok
}

// distance is how many letters have to be changed, put in or left out, or neighbours exchanged, to
// make b of a.
func distance(a, b string) int {
	const most = 64
	if len(a) > most || len(b) > most {
		return most
	}
	var rows [3][most + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, up, upper := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(up[j]+1, row[j-1]+1, up[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], upper[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
