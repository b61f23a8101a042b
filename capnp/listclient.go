package capnp

import "lanyard.dev/internal/wire"

// This file is where lists of capabilities meet the capability table.

// clientElement is satisfied by the types of capabilities.
type clientElement interface{ Client | ~struct{ Client } }

// clientAt returns element i of a list of capabilities.
func clientAt[T Element](l wire.List, i int) T {
	return wire.Convert[T](Ptr(l.Ptr(i)).Client())
}

// builderClientAt returns element i of a list of capabilities that is being built.
func builderClientAt[T BuilderElement](l wire.ListBuilder, i int) T {
	return wire.Convert[T](PtrBuilder(l.Ptr(i)).Client())
}

// setClientAt writes element i of a list of capabilities.
func setClientAt[T BuilderElement](l wire.ListBuilder, i int, c T) {
	PtrBuilder(l.Ptr(i)).SetClient(wire.Convert[Client](c))
}
