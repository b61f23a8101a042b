package ocap

import (
	"errors"
	"runtime"

	"lanyard.dev/capnp"
)

// Revocable returns a capability of the same type to c's object, and the function that takes it
// back. When revoke has returned no call passes the capability any more, nor any other that came
// out of it or was passed in through it; what is under way ends with the reason and is cancelled.
// The reason is the given errors, or words of this package's; errors.Is(err, Revoked) recognizes
// it. It crosses the wire. Only the first revoke counts; it may be called from anywhere.
//
// c stays the caller's; release both.
func Revocable[C capnp.ClientKind](c C) (revocable C, revoke func(reason ...error)) {
	cl := capnp.ClientOf(c)
	defer runtime.KeepAlive(cl)
	h := capnp.HookOf(cl)
	m := newMembrane(h, nil, true)
	revoke = func(reason ...error) {
		m.revoke(Revoked.exception(errors.Join(reason...), "the capability was revoked"))
	}
	return capnp.As[C](capnp.NewClient(m.view(h, true))), revoke
}
