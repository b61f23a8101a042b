package dynamic

import (
	"strconv"

	"lanyard.dev/capnp/schema"
)

// EnumType is the type of an enum.
type EnumType struct {
	id   uint64
	node schema.Node
}

// ID returns the id of the node.
func (t EnumType) ID() uint64 { return t.id }

// Name returns the name without that of the file.
func (t EnumType) Name() string { return shortName(t.node, t.id) }

// Len returns the number of enumerants that the schema knows.
func (t EnumType) Len() int { return t.node.Enum().Enumerants().Len() }

// At returns enumerant i, 0 ≤ i < Len.
func (t EnumType) At(i int) schema.Enumerant { return t.node.Enum().Enumerants().At(i) }

// Value returns the enumerant of a name.
func (t EnumType) Value(name string) (v uint16, ok bool) {
	for i, e := range t.node.Enum().Enumerants().All() {
		if string(e.NameBytes()) == name && i <= 0xffff {
			return uint16(i), true
		}
	}
	return 0, false
}

// Enum is a value of an enum.
type Enum struct {
	Type EnumType
	Raw  uint16
}

// Name returns the enumerant's name; ok is false if the schema has none for it.
func (e Enum) Name() (name string, ok bool) {
	if int(e.Raw) >= e.Type.Len() {
		return "", false
	}
	return e.Type.At(int(e.Raw)).Name(), true
}

// String returns the name, or the number if there is none.
func (e Enum) String() string {
	if name, ok := e.Name(); ok {
		return name
	}
	return strconv.Itoa(int(e.Raw))
}
