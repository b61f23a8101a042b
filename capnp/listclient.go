package capnp

import "lanyard.dev/internal/wire"

// This file is where lists of capabilities meet the capability table.

// clientElement is satisfied by the types of capabilities.
type clientElement interface{ ~struct{} }

// clientAt returns element i of a list of capabilities.
func clientAt[T Element](l wire.List, i int) (c T) {
	l.Ptr(i)
	return c
}

// builderClientAt returns element i of a list of capabilities that is being built.
func builderClientAt[T BuilderElement](l wire.ListBuilder, i int) (c T) {
	l.Ptr(i)
	return c
}

// setClientAt writes element i of a list of capabilities.
func setClientAt[T BuilderElement](l wire.ListBuilder, i int, c T) {
	l.Ptr(i)
}
