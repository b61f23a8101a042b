package capnp

import "lanyard.dev/internal/wire"

// Equality is the result of a comparison. It has a third value because capabilities in messages cannot be compared.
type Equality = wire.Equality

// The results of a comparison.
const (
	NotEqual    = wire.NotEqual
	IsEqual     = wire.IsEqual     // the same values everywhere
	UnknownCaps = wire.UnknownCaps // the same, as far as one can tell without comparing capabilities
)

// Equal compares two structs by value. Fields that one of them lacks count as their defaults, so that messages
// written with different versions of a schema can be equal.
func Equal[S StructKind](a, b S) Equality { return wire.EqualStruct(wire.Struct(a), wire.Struct(b)) }

// EqualPtr compares what two pointers lead to.
func EqualPtr(a, b Ptr) Equality { return wire.EqualPtr(wire.Ptr(a), wire.Ptr(b)) }
