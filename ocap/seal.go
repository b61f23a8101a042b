package ocap

import (
	"context"

	"lanyard.dev/capnp"
)

// NewSealer makes a sealer and the unsealer that belongs to it, and to no other. Who has the sealer
// puts capabilities into boxes, and only who has the unsealer gets them out again; in between they can be
// given to anybody, over connections, too. Boxes have no methods, look all alike, and do not say
// whose they are.
//
// A box is an object of this process and opens only here, when it has come back as what it is: a
// membrane that it left through has to be the one that it returns through. It does not outlive the
// process.
func NewSealer[C capnp.ClientKind]() (Sealer[C], Unsealer[C]) {
	b := &brand{}
	return Sealer[C]{b}, Unsealer[C]{b}
}

// brand is what a sealer and its unsealer share; it is compared by address.
type brand struct{ _ byte }

// Sealer makes boxes. The zero Sealer makes boxes that nobody opens.
type Sealer[C capnp.ClientKind] struct{ brand *brand }

// Unsealer opens boxes. The zero Unsealer opens none.
type Unsealer[C capnp.ClientKind] struct{ brand *brand }

// Seal returns a new box with c in it. c stays the caller's; release both.
func (s Sealer[C]) Seal(c C) capnp.Client {
	return capnp.NewServer(&box{brand: s.brand, content: capnp.ClientOf(capnp.AddRef(c))})
}

// Unseal returns what is in a box, which stays as it is; release what it returns. If the box is a
// promise it waits for it. It fails in the same way with boxes of other sealers and what is no box.
func (u Unsealer[C]) Unseal(ctx context.Context, sealed capnp.Client) (C, error) {
	var none C
	if err := sealed.Resolve(ctx); err != nil {
		if ctx.Err() != nil {
			return none, err
		}
		return none, errNotSealed
	}
	impl, _ := capnp.LocalImpl(sealed)
	b, ok := impl.(*box)
	if !ok || u.brand == nil || b.brand != u.brand {
		return none, errNotSealed
	}
	return capnp.AddRef(capnp.As[C](b.content)), nil
}

var errNotSealed = Denied.Errorf("not sealed by the sealer that belongs to this unsealer")

// box is an object without methods.
type box struct {
	brand   *brand
	content capnp.Client
}

// FindMethod implements capnp.Dispatcher.
func (b *box) FindMethod(uint64, uint16) *capnp.Method { return nil }

// Invoke implements capnp.Dispatcher.
func (b *box) Invoke(context.Context, *capnp.Call) error {
	return capnp.NewError(capnp.Unimplemented, "a box has no methods")
}

// Impl implements capnp.Dispatcher.
func (b *box) Impl() any { return b }

// Released implements capnp.Releaser.
func (b *box) Released() { b.content.Release() }
