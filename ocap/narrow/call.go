package narrow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
)

// NewPathCall makes the step that calls m and goes on to the capability at a path of fields in its
// results, "inner.desk"; if the path is empty, to the only one there is. fill, which may be nil, sets the
// parameters, in which there are no capabilities.
func NewPathCall(m dynamic.Method, result string, fill func(dynamic.StructBuilder) error) (*PathCall, error) {
	if !m.IsValid() {
		return nil, errors.New("call of no method")
	}
	p := &PathCall{Method: methodOf(m)}
	var err error
	if fill != nil {
		var fillErr error
		p.Params, err = Params(m.Params().Size(), func(b capnp.StructBuilder) { fillErr = fill(m.Params().Build(b)) })
		if err = errors.Join(fillErr, err); err != nil {
			return nil, fmt.Errorf("%s: %w", plain(m.String()), err)
		}
	}
	caps := capabilities(m.Results(), nil, "", nil)
	if result == "" && len(caps) == 1 {
		result = caps[0].path
	}
	var paths []string
	for _, c := range caps {
		if c.path == result {
			p.Result, p.ResultInterface = c.at, c.iface
			return p, p.check(nil)
		}
		paths = append(paths, c.path)
	}
	switch {
	case len(caps) == 0:
		return nil, fmt.Errorf("%s returns no capability", plain(m.String()))
	case result == "":
		return nil, fmt.Errorf("%s returns several capabilities; say which: %s", plain(m.String()), some(paths))
	}
	return nil, fmt.Errorf("%s returns no capability %s; it returns %s", plain(m.String()), quote(result), some(paths))
}

// found is a capability in a struct.
type found struct {
	path  string
	at    []uint16
	iface uint64
}

const (
	maxFound = 64
	maxLevel = 4
)

// capabilities lists the capabilities in structs of type t that are there whatever the unions in it say.
func capabilities(t dynamic.StructType, at []uint16, path string, all []found) []found {
	for f := range t.Fields() {
		if f.InUnion() || len(all) >= maxFound || strings.Count(path, ".") >= maxLevel {
			continue
		}
		name := path + f.Name()
		if f.IsGroup() {
			all = capabilities(f.Type().Struct(), at, name+".", all)
			continue
		}
		slot := uint16(t.Node().Struct().Fields().At(f.Index()).Slot().Offset())
		here := append(append([]uint16(nil), at...), slot)
		switch f.Type().Kind() {
		case dynamic.InterfaceKind:
			all = append(all, found{name, here, f.Type().Interface().ID()})
		case dynamic.AnyPointer:
			all = append(all, found{name, here, 0})
		case dynamic.StructKind:
			all = capabilities(f.Type().Struct(), here, name+".", all)
		}
	}
	return all
}

// check finds what is wrong with the call; with a registry also whether it may be made again, and
// returns at what.
func (p *PathCall) check(reg *schema.Registry) error {
	if _, err := p.params(); err != nil {
		return err
	}
	if len(p.Result) == 0 || len(p.Result) > MaxPath {
		return fmt.Errorf("path of %d fields to the result, want 1 to %d", len(p.Result), MaxPath)
	}
	if reg == nil {
		return nil
	}
	m, err := p.method(reg)
	if err != nil {
		return err
	}
	for _, c := range capabilities(m.Results(), nil, "", nil) {
		switch {
		case !samePath(c.at, p.Result):
		case p.ResultInterface == 0:
			return nil
		default:
			return related(p.ResultInterface, c.iface, reg)
		}
	}
	return fmt.Errorf("%s returns no capability there", plain(m.String()))
}

func samePath(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// method returns the method if it may be called again.
func (p *PathCall) method(reg *schema.Registry) (dynamic.Method, error) {
	m, ok := dynamic.MethodAt(reg, p.InterfaceID, p.MethodID)
	if !ok {
		return m, fmt.Errorf("no schema of method @%d of @%#016x", p.MethodID, p.InterfaceID)
	}
	if !m.Idempotent() {
		return m, fmt.Errorf("%s cannot be part of a kept capability: it is annotated neither readOnly nor idempotent, so it must not be called again",
			plain(m.String()))
	}
	return m, nil
}

// send makes the call and returns the capability in the results to come. The call is no operation of
// ctx's, as what it leads to is used later: it ends when that is released.
func (p *PathCall) send(ctx context.Context, c capnp.Client, reg *schema.Registry) (capnp.Client, error) {
	m, err := p.method(reg)
	if err != nil {
		return capnp.Client{}, err
	}
	params, err := p.params()
	if err != nil {
		return capnp.Client{}, err
	}
	s := params.Struct()
	spec := m.Descriptor().Spec()
	if p.Params != nil {
		spec.Params = capnp.SizeOf(s)
	}
	r := capnp.Send[capnp.Struct](context.WithoutCancel(ctx), c, capnp.NewMethod(spec), func(b capnp.StructBuilder) {
		size := capnp.SizeOf(s)
		for w := range uint32(size.DataWords) {
			b.SetUint64(w*8, s.Uint64(w*8))
		}
		for i := range size.Pointers {
			b.SetPtr(i, s.Ptr(i))
		}
	})
	defer r.Release() // but for what is returned
	at, last := r, len(p.Result)-1
	for _, i := range p.Result[:last] {
		at = capnp.PipelineStruct[capnp.Struct](at, i)
	}
	return capnp.PipelineClient(at, p.Result[last]), nil
}
