package ocap

import (
	"errors"

	"lanyard.dev/capnp"
)

// Revocable returns a capability of the same type to c's object, and the function that takes it
// back. When revoke has returned no call passes the capability any more, nor any other that came
// out of it or was passed in through it; what is under way ends with the reason and is cancelled.
// The reason is the given errors, or words of this package's; errors.Is(err, Revoked) recognizes
// it, unless it is an exception with a Code of its own. It crosses the wire. Only the first revoke counts; it may be called from anywhere.
//
// c stays the caller's; release both.
func Revocable[C capnp.ClientKind](c C) (revocable C, revoke func(reason ...error)) {
	return Membrane(c, nil, nil)
}

// takeBack is what Membrane returns.
func (m *membrane) takeBack(reason ...error) {
	if len(reason) == 1 {
		if x, ok := reason[0].(*capnp.Exception); ok {
			if _, coded := CodeOf(x); coded {
				m.revoke(x)
				return
			}
		}
	}
	err := errors.Join(reason...)
	words := Revoked.words()
	if err != nil {
		words = err.Error()
	}
	m.revoke(Revoked.exception(err, words))
}
