package capjson

import (
	"errors"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schemas/json"
)

// plan is how structs of one type look in JSON.
type plan struct {
	id        uint64
	members   []planned         // by the index of the field
	names     map[string]target // what a member of the object is
	tagName   string            // the member that names the variant of the union; empty for none
	valueName string            // the member that holds the value of the variant; empty for its own name
	variants  map[string]int    // by the text in the tag: the index of the field
	done      bool
}

// planned is how a field looks.
type planned struct {
	name    string
	flat    *plan // of the struct whose members are those of the object around it; nil for others
	prefix  string
	binary  binaryForm
	secret  bool
	inUnion bool
}

// binaryForm is how Data looks.
type binaryForm uint8

const (
	asArray binaryForm = iota
	asBase64
	asHex
)

// target is what the name of a member leads to.
type target struct {
	kind  targetKind
	index int // of the field; not for tags and values, nor in flattened variants
}

type targetKind uint8

const (
	toField targetKind = iota
	toFlat             // a member of a flattened struct
	toTag
	toValue
	toFlatVariant // a member of one or more flattened variants
)

// plans are made on demand, once for each conversion.
type plans struct {
	byID   map[uint64]*plan
	ignore bool // annotations
	fields int  // seen so far
}

// maxPlanned bounds the fields of all types in one conversion.
const maxPlanned = 1 << 20

func (p *plans) of(t dynamic.StructType) (*plan, error) { return p.make(t, nil, "", 0) }

// make returns the plan of a type. The discriminator is that of the field, if the type is a named union.
func (p *plans) make(t dynamic.StructType, of *json.DiscriminatorOptions, declared string, depth int) (*plan, error) {
	if !t.Known() {
		return nil, fmt.Errorf("no schema of %s", t.Name())
	}
	if done, ok := p.byID[t.ID()]; ok {
		if !done.done {
			return nil, fmt.Errorf("%s is flattened into itself", t.Name())
		}
		return done, nil
	}
	if p.fields += t.NumFields(); depth > defaultDepth || p.fields > maxPlanned {
		return nil, errors.New("the schema is too large")
	}
	out := &plan{id: t.ID(), names: map[string]target{}, variants: map[string]int{}}
	if p.byID == nil {
		p.byID = map[uint64]*plan{}
	}
	p.byID[t.ID()] = out
	if !p.ignore {
		if err := out.discriminate(t, of, declared); err != nil {
			return nil, err
		}
	}
	for f := range t.Fields() {
		m, err := p.member(f, depth)
		if err != nil {
			return nil, err
		}
		out.members = append(out.members, m)
		if err := out.add(f, m); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", clip(f.Name()), t.Name(), err)
		}
	}
	out.done = true
	return out, nil
}

// discriminate sets how the variant of the union is named.
func (p *plan) discriminate(t dynamic.StructType, d *json.DiscriminatorOptions, declared string) error {
	if d == nil {
		v, ok := t.Annotation(json.DiscriminatorAnnotation)
		if !ok {
			return nil
		}
		d = new(json.DiscriminatorOptions(structIn(v)))
	}
	if p.tagName = declared; d.HasName() {
		p.tagName = d.Name()
	}
	p.valueName = d.ValueName()
	switch {
	case p.tagName == "" && p.valueName != "":
		return fmt.Errorf("the union of %s has a member for values, but none for the name of the variant", t.Name())
	case p.tagName == "":
		return nil
	case p.tagName == p.valueName:
		return fmt.Errorf("the union of %s has one member for variant and value", t.Name())
	}
	p.names[p.tagName] = target{kind: toTag}
	if p.valueName != "" {
		p.names[p.valueName] = target{kind: toValue}
	}
	return nil
}

// structIn returns the struct that the value of an annotation is, whether its schema is known or not.
func structIn(v dynamic.Value) capnp.Struct {
	if v.Kind() == dynamic.StructKind {
		return v.Struct().Raw()
	}
	return v.Ptr().Struct()
}

// member reads the annotations of a field.
func (p *plans) member(f dynamic.Field, depth int) (planned, error) {
	m := planned{name: f.Name(), secret: f.Secret(), inUnion: f.InUnion()}
	if p.ignore {
		return m, nil
	}
	if v, ok := f.Annotation(json.NameAnnotation); ok {
		m.name = v.Text()
	}
	if f.Annotated(json.Base64Annotation) {
		m.binary = asBase64
	} else if f.Annotated(json.HexAnnotation) {
		m.binary = asHex
	}
	t := f.Type()
	if m.binary != asArray && t.Kind() != dynamic.Data {
		return m, fmt.Errorf("%s is no Data, so it cannot be base64 or hexadecimal", clip(f.Name()))
	}
	var d *json.DiscriminatorOptions
	if v, ok := f.Annotation(json.DiscriminatorAnnotation); ok && f.IsGroup() {
		d = new(json.DiscriminatorOptions(structIn(v)))
	}
	options, flat := f.Annotation(json.FlattenAnnotation)
	switch {
	case !flat && !f.IsGroup():
		return m, nil
	case flat && t.Kind() != dynamic.StructKind:
		return m, fmt.Errorf("%s is no struct, so it cannot be flattened", clip(f.Name()))
	}
	declared := ""
	if flat && f.IsGroup() && d != nil {
		declared = f.Name()
	}
	sub, err := p.make(t.Struct(), d, declared, depth+1)
	if err != nil {
		return m, err
	}
	if flat {
		m.flat, m.prefix = sub, json.FlattenOptions(structIn(options)).Prefix()
	}
	return m, nil
}

// add notes the names that lead to a field.
func (p *plan) add(f dynamic.Field, m planned) error {
	if m.inUnion {
		if _, ok := p.variants[m.name]; ok {
			return fmt.Errorf("two variants are called %q", clip(m.name))
		}
		p.variants[m.name] = f.Index()
	}
	if m.flat == nil {
		if m.inUnion && p.valueName != "" {
			return nil
		}
		if _, ok := p.names[m.name]; ok {
			return fmt.Errorf("two members are called %q", clip(m.name))
		}
		p.names[m.name] = target{toField, f.Index()}
		return nil
	}
	if m.inUnion && p.tagName == "" {
		return errors.New("a variant can be flattened only if the union has a discriminator")
	}
	if m.inUnion && p.valueName != "" {
		return errors.New("a variant cannot be flattened and have a member for its value")
	}
	if len(p.names)+len(m.flat.names) > maxPlanned {
		return errors.New("the schema is too large")
	}
	for name := range m.flat.names {
		to := target{toFlat, f.Index()}
		if m.inUnion {
			to = target{kind: toFlatVariant}
		}
		name = m.prefix + name
		if old, ok := p.names[name]; ok && (old.kind != toFlatVariant || to.kind != toFlatVariant) {
			return fmt.Errorf("two members are called %q", clip(name))
		}
		p.names[name] = to
	}
	return nil
}

// enumName is the name of an enumerant in JSON.
func enumName(e dynamic.Enum, ignore bool) (string, bool) {
	name, ok := e.Name()
	if !ok {
		return "", false
	}
	if !ignore {
		for _, a := range e.Type.At(int(e.Raw)).Annotations().All() {
			if a.Id() == json.NameAnnotation {
				name = a.Value().Text()
			}
		}
	}
	return name, true
}

// enumValue is the enumerant of a name in JSON.
func enumValue(t dynamic.EnumType, name string, ignore bool) (uint16, bool) {
	for i := range min(t.Len(), 1<<16) {
		if n, ok := enumName(dynamic.Enum{Type: t, Raw: uint16(i)}, ignore); ok && n == name {
			return uint16(i), true
		}
	}
	return 0, false
}
