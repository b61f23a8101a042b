package capnp

import "lanyard.dev/internal/wire"

// ReceiveMessage makes a message of one segment whose n bytes the caller fills in before anybody
// reads it; package frame uses it. A small message and its memory are one allocation.
func ReceiveMessage(n int, limits *Limits) (*Message, []byte) {
	m, b := wire.Receive(n, limits.wire())
	return (*Message)(m), b
}
