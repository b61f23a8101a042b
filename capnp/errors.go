package capnp

import "lanyard.dev/internal/wire"

// What can be wrong with a message, for errors.Is. The errors that [Err], [Verify] and builders return say more.
const (
	ErrMalformed = wire.Malformed // a pointer leads outside the message or is none
	ErrMistyped  = wire.Mistyped  // a pointer leads to something else than the schema says
	ErrLimit     = wire.Exceeded  // the traversal or nesting limit was reached
	ErrStale     = wire.Stale     // a builder was used after its message was sealed or sent
	ErrTooLarge  = wire.TooLarge  // a builder reached its size limit
)
