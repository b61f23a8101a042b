package dynamic

import (
	"fmt"
	"iter"
	"path"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Interface is the type of capabilities.
type Interface struct {
	reg  *schema.Registry
	id   uint64
	node schema.Node
	env  *bindings
}

// maxAncestors bounds how many interfaces one inherits from.
const maxAncestors = 1000

// LookupInterface returns the interface with an id. Type parameters are not bound.
func LookupInterface(reg *schema.Registry, id uint64) (Interface, error) {
	n, err := lookup(reg, id, schema.NodeWhichInterface)
	if err != nil {
		return Interface{}, err
	}
	return Interface{reg, id, n, nil}, nil
}

// MethodAt returns a method by its numbers: the interface that declares it and its ordinal there.
func MethodAt(reg *schema.Registry, interfaceID uint64, methodID uint16) (Method, bool) {
	n, ok := node(reg, interfaceID, schema.NodeWhichInterface)
	if !ok || int(methodID) >= n.Interface().Methods().Len() {
		return Method{}, false
	}
	return Interface{reg, interfaceID, n, nil}.at(int(methodID)), true
}

// ID returns the id of the node; 0 for `Capability`.
func (i Interface) ID() uint64 { return i.id }

// Name returns the name without that of the file.
func (i Interface) Name() string { return i.Type().String() }

// Known reports whether the registry has the node.
func (i Interface) Known() bool { return !isNull(i.node) }

// Type returns the type of fields and values of this interface.
func (i Interface) Type() Type {
	return Type{kind: InterfaceKind, reg: i.reg, id: i.id, node: i.node, env: i.env}
}

// Node returns the schema node, null if it is unknown.
func (i Interface) Node() schema.Node { return i.node }

// Annotated reports whether the interface has an annotation.
func (i Interface) Annotated(id uint64) bool { return annotated(i.node.Annotations(), id) }

// Own yields the methods that the interface itself declares, by ordinal.
func (i Interface) Own() iter.Seq[Method] {
	return func(yield func(Method) bool) {
		for n := range min(i.node.Interface().Methods().Len(), 1<<16) {
			if !yield(i.at(n)) {
				return
			}
		}
	}
}

// Methods yields every method that can be called: the interface's own, then those of the interfaces it extends.
func (i Interface) Methods() iter.Seq[Method] {
	return func(yield func(Method) bool) {
		for of := range i.Lineage() {
			for m := range of.Own() {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// Lineage yields the interface and then every interface it extends, nearest first, each once. Those that the registry
// lacks are left out.
func (i Interface) Lineage() iter.Seq[Interface] {
	return func(yield func(Interface) bool) {
		if !i.Known() {
			return
		}
		seen := map[uint64]bool{i.id: true}
		queue := []Interface{i}
		for n := 0; n < len(queue); n++ {
			at := queue[n]
			if !yield(at) {
				return
			}
			for _, s := range at.node.Interface().Superclasses().All() {
				base, ok := node(i.reg, s.Id(), schema.NodeWhichInterface)
				if !ok || seen[s.Id()] || len(queue) > maxAncestors {
					continue
				}
				seen[s.Id()] = true
				queue = append(queue, Interface{i.reg, s.Id(), base, bind(s.Brand(), at.env)})
			}
		}
	}
}

// Extends reports whether the interface is the one with the id or inherits from it.
func (i Interface) Extends(id uint64) bool {
	for of := range i.Lineage() {
		if of.id == id {
			return true
		}
	}
	return false
}

// Method returns the method of a name. A method of the interface's own goes before inherited ones; if several
// inherited ones have the name, say whose is meant: "Base.method".
func (i Interface) Method(name string) (Method, error) {
	if !i.Known() {
		return Method{}, fmt.Errorf("no schema of %s", i.Name())
	}
	of, plain, qualified := cutLast(name)
	var found []Method
	for m := range i.Methods() {
		switch {
		case qualified && (m.Name() != plain || m.of.Name() != of && !strings.HasSuffix(m.of.Name(), "."+of)):
		case !qualified && m.Name() != name:
		case m.of.id == i.id:
			return m, nil
		default:
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return Method{}, fmt.Errorf("%s has no method %q", i.Name(), clip(name))
	case 1:
		return found[0], nil
	}
	return Method{}, fmt.Errorf("%s inherits several methods %q: say %s.%s or %s.%s", i.Name(), clip(plain),
		found[0].of.Name(), found[0].Name(), found[1].of.Name(), found[1].Name())
}

func cutLast(name string) (before, after string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

func (i Interface) at(n int) Method {
	return Method{i, i.node.Interface().Methods().At(n), uint16(n)}
}

// Method is a method of an interface. The zero Method is invalid.
type Method struct {
	of Interface
	m  schema.Method
	id uint16
}

// Name returns the name.
func (m Method) Name() string { return m.m.Name() }

// String returns "Interface.method".
func (m Method) String() string { return m.of.Name() + "." + clip(m.Name()) }

// Interface returns the interface that declares the method.
func (m Method) Interface() Interface { return m.of }

// InterfaceID returns the id of the interface that declares the method.
func (m Method) InterfaceID() uint64 { return m.of.id }

// MethodID returns the ordinal in that interface.
func (m Method) MethodID() uint16 { return m.id }

// IsValid reports whether it is a method at all.
func (m Method) IsValid() bool { return m.of.Known() }

// Streaming reports whether the method was declared with "-> stream".
func (m Method) Streaming() bool { return m.m.ResultStructType() == streamResult }

// streamResult is the result type of methods declared with "-> stream".
const streamResult = 0x995f9a3377c0b16e

// Params returns the type of the parameters.
func (m Method) Params() StructType { return m.message(m.m.ParamStructType(), m.m.ParamBrand()) }

// Results returns the type of the results; that of a streaming method has no fields.
func (m Method) Results() StructType { return m.message(m.m.ResultStructType(), m.m.ResultBrand()) }

func (m Method) message(id uint64, brand schema.Brand) StructType {
	t := StructType{reg: m.of.reg, id: id, env: bind(brand, m.of.env)}
	if n, ok := node(m.of.reg, id, schema.NodeWhichStruct); ok && !n.Struct().IsGroup() {
		t.node = n
	}
	return t
}

// Annotated reports whether the method itself has an annotation.
func (m Method) Annotated(id uint64) bool { return annotated(m.m.Annotations(), id) }

// Annotation returns the value of an annotation of the method.
func (m Method) Annotation(id uint64) (Value, bool) {
	return annotation(m.of.reg, m.m.Annotations(), id)
}

// ReadOnly reports whether the schema says that calling the method changes nothing: by an annotation
// (lanyard.capnp) of the method or of the interface that declares it.
func (m Method) ReadOnly() bool {
	return m.Annotated(readOnlyAnnotation) || m.of.Annotated(readOnlyAnnotation)
}

// Idempotent reports whether the schema says that calling the method twice is as good as once; what is read-only is.
func (m Method) Idempotent() bool {
	return m.ReadOnly() || m.Annotated(idempotentAnnotation) || m.of.Annotated(idempotentAnnotation)
}

// Descriptor returns the method as calls carry it.
func (m Method) Descriptor() *capnp.Method {
	spec := capnp.MethodSpec{
		InterfaceID:     m.of.id,
		MethodID:        m.id,
		InterfaceName:   path.Base(m.of.node.DisplayName()),
		MethodName:      m.Name(),
		Params:          m.Params().Size(),
		Streaming:       m.Streaming(),
		ResultsHaveCaps: true,
	}
	if !spec.Streaming {
		spec.Results = m.Results().Size()
	}
	return capnp.NewMethod(spec)
}
