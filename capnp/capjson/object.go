package capjson

import (
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/capnp/dynamic"
)

// instance is a struct that is being filled from an object, with the structs that are flattened into it.
type instance struct {
	p      *plan
	b      dynamic.StructBuilder
	tagged bool              // the variant of its union is known
	chosen int               // the field that is the variant, if one was named; else -1
	inner  map[int]*instance // flattened structs that were met, by field
}

// structure fills a struct from an object.
func (d *decoder) structure(w *where, b dynamic.StructBuilder, v raw) error {
	if d.isEmbedded(b.Type().Type()) {
		return d.embedded(w, b, v)
	}
	if v.kind() != '{' {
		return w.fault(errWant(b.Type().Type(), v))
	}
	p, err := d.plans.of(b.Type())
	if err != nil {
		return w.fault(err)
	}
	root := &instance{p: p, b: b, chosen: -1}
	members := v.members()
	// What names a variant comes first, wherever it stands; what needs it waits. Each round names one variant at
	// least, or is the last.
	for last := false; len(members) > 0; {
		var wait []member
		for _, m := range members {
			done, err := d.member(w.member(m.name), root, m.name, m.v, last)
			if err != nil {
				return err
			}
			if !done {
				wait = append(wait, m)
			}
		}
		if len(wait) == len(members) {
			if last {
				return w.member(wait[0].name).fault(errors.New("nothing says of which variant this is: the discriminator is missing"))
			}
			last = true
		}
		members = wait
	}
	return nil
}

// member sets what a member of the object is of an instance. It is not done if it needs a variant that is not known yet.
// When last is true no more variants will get known.
func (d *decoder) member(w *where, in *instance, name string, v raw, last bool) (done bool, err error) {
	to, ok := in.p.names[name]
	if !ok {
		if d.o.AllowUnknown {
			return true, nil
		}
		return false, w.fault(fmt.Errorf("%s has no such member", in.b.Type().Name()))
	}
	switch to.kind {
	case toTag:
		return true, w.fault(in.tag(v))
	case toFlat:
		sub, err := in.flattened(to.index)
		if err != nil {
			return false, w.fault(err)
		}
		return d.member(w, sub, strings.TrimPrefix(name, in.p.members[to.index].prefix), v, last)
	case toFlatVariant:
		if !in.tagged {
			return false, nil
		}
		m := in.p.members[in.chosen]
		rest, ok := strings.CutPrefix(name, m.prefix)
		if m.flat == nil || !ok || !m.flat.has(rest) {
			if d.o.AllowUnknown {
				return true, nil
			}
			return false, w.fault(fmt.Errorf("it is no member of the variant %q", clip(m.name)))
		}
		sub, err := in.flattened(in.chosen)
		if err != nil {
			return false, w.fault(err)
		}
		return d.member(w, sub, rest, v, last)
	case toValue:
		if !in.tagged {
			return false, nil
		}
		to.index = in.chosen
	default:
		if in.p.members[to.index].inUnion && in.p.tagName != "" && !in.tagged && !last {
			return false, nil
		}
	}
	f, m := in.b.Type().FieldAt(to.index), in.p.members[to.index]
	if m.inUnion {
		if in.chosen >= 0 && in.chosen != to.index {
			return false, w.fault(fmt.Errorf("%q is set already, and of one union only one member can be", clip(in.p.members[in.chosen].name)))
		}
		in.chosen = to.index
	}
	return true, d.field(w, in.b, f, m.binary, v)
}

func (p *plan) has(name string) bool {
	_, ok := p.names[name]
	return ok
}

// tag makes a variant the one that is set.
func (in *instance) tag(v raw) error {
	if v.kind() != '"' {
		return fmt.Errorf("%s where the name of a variant should be", v.kindName())
	}
	i, ok := in.p.variants[v.text()]
	if !ok {
		return fmt.Errorf("no variant of %s is called %q", in.b.Type().Name(), clip(v.text()))
	}
	if in.chosen >= 0 && in.chosen != i {
		return fmt.Errorf("the variant is said twice")
	}
	in.tagged, in.chosen = true, i
	return in.b.Clear(in.b.Type().FieldAt(i))
}

// flattened returns the instance for a field that is flattened.
func (in *instance) flattened(i int) (*instance, error) {
	if sub, ok := in.inner[i]; ok {
		return sub, nil
	}
	f, m := in.b.Type().FieldAt(i), in.p.members[i]
	b, err := in.b.EditField(f)
	if err != nil {
		return nil, err
	}
	if b.Type().ID() != m.flat.id || b.Type().NumFields() != len(m.flat.members) {
		return nil, fmt.Errorf("%s is flattened with another type than before", b.Type().Name())
	}
	if in.inner == nil {
		in.inner = map[int]*instance{}
	}
	sub := &instance{p: m.flat, b: b, chosen: -1}
	in.inner[i] = sub
	return sub, nil
}
