package capnp

import (
	"strconv"

	"lanyard.dev/internal/wire"
)

// This file is what only generated code calls.

// A SchemaFile is the compiled schema of one .capnp file, as generated code carries it. Package
// capnp/schema decodes it; programs that do not ask for it pay nothing but its bytes.
type SchemaFile struct {
	_ struct{}

	ID   uint64
	Name string // of the .capnp file, as the compiler was given it

	// Nodes is a packed message: a CodeGeneratorRequest that has only nodes, those of the file and those
	// they need from files without generated code.
	Nodes string

	// Imports are the files whose generated code this file's uses.
	Imports []func() SchemaFile
}

// When returns s if the tag at off has the given value, else the null struct. Getters of the members of
// a union look through it, so that a member that is not set reads as its default.
func (s Struct) When(off uint32, tag uint16) Struct {
	if wire.Struct(s).Uint16(off) != tag {
		return Struct{}
	}
	return s
}

// When is [Struct.When].
func (b StructBuilder) When(off uint32, tag uint16) StructBuilder {
	if wire.StructBuilder(b).Uint16(off) != tag {
		return StructBuilder{}
	}
	return b
}

// EnumName returns the name of an enum value or a union's tag, or its number if the schema had no name
// for it.
func EnumName(v uint16, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return strconv.Itoa(int(v))
}

// NotImplemented is the error of a method that an object does not have.
func NotImplemented(m *Method) error {
	return NewError(Unimplemented, "not implemented: "+m.String())
}
