package reflection

import (
	"errors"

	"lanyard.dev/capnp/schema"
)

// sort says what a reference needs the node to be.
type sort uint8

const (
	anyNode sort = iota // asked for by id; anything but a group
	structNode
	groupNode
	enumNode
	interfaceNode
)

var sortNames = [...]string{"a node", "a struct", "a group", "an enum", "an interface"}

func (s sort) String() string { return sortNames[s] }

// ref is what one node says of another one.
type ref struct {
	id     uint64
	sort   sort
	parent uint64 // of groups: the node whose field it is
}

// streamResult is the result type of streaming methods. It says nothing, so nobody needs the node.
const streamResult = 0x995f9a3377c0b16e

// Limits on what one node says, beyond those that its size gives.
const (
	maxNesting = 15 // of lists, and of type arguments in each other
	maxScopes  = 64 // of one brand
)

var errNesting = errors.New("types nested too deeply")

// refs calls f for every node that the values and methods of a node need.
func refs(n schema.Node, f func(ref) error) error {
	switch n.Which() {
	case schema.NodeWhichStruct:
		for _, field := range n.Struct().Fields().All() {
			var err error
			if field.Which() == schema.FieldWhichGroup {
				err = f(ref{field.Group().TypeId(), groupNode, n.Id()})
			} else {
				err = typeRefs(field.Slot().Type(), 0, f)
			}
			if err != nil {
				return err
			}
		}
	case schema.NodeWhichInterface:
		for _, s := range n.Interface().Superclasses().All() {
			if err := named(s.Id(), interfaceNode, s.Brand(), 0, f); err != nil {
				return err
			}
		}
		for _, m := range n.Interface().Methods().All() {
			if err := named(m.ParamStructType(), structNode, m.ParamBrand(), 0, f); err != nil {
				return err
			}
			if m.ResultStructType() == streamResult {
				continue
			}
			if err := named(m.ResultStructType(), structNode, m.ResultBrand(), 0, f); err != nil {
				return err
			}
		}
	case schema.NodeWhichConst:
		return typeRefs(n.Const().Type(), 0, f)
	case schema.NodeWhichAnnotation:
		return typeRefs(n.Annotation().Type(), 0, f)
	}
	return nil
}

// typeRefs is refs for a type.
func typeRefs(t schema.Type, depth int, f func(ref) error) error {
	if depth > maxNesting {
		return errNesting
	}
	switch t.Which() {
	case schema.TypeWhichList:
		return typeRefs(t.List().ElementType(), depth+1, f)
	case schema.TypeWhichEnum:
		return named(t.Enum().TypeId(), enumNode, t.Enum().Brand(), depth, f)
	case schema.TypeWhichStruct:
		return named(t.Struct().TypeId(), structNode, t.Struct().Brand(), depth, f)
	case schema.TypeWhichInterface:
		return named(t.Interface().TypeId(), interfaceNode, t.Interface().Brand(), depth, f)
	}
	return nil
}

// named is refs for a type with arguments.
func named(id uint64, s sort, brand schema.Brand, depth int, f func(ref) error) error {
	if err := f(ref{id: id, sort: s}); err != nil {
		return err
	}
	if brand.Scopes().Len() > maxScopes {
		return errors.New("too many scopes in a brand")
	}
	for _, scope := range brand.Scopes().All() {
		for _, b := range scope.Bind().All() {
			if b.Which() != schema.BrandBindingWhichType {
				continue
			}
			if err := typeRefs(b.Type(), depth+1, f); err != nil {
				return err
			}
		}
	}
	return nil
}
