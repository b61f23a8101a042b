package vat

import (
	"context"

	"lanyard.dev/capnp"
)

//go:generate go run lanyard.dev/cmd/lanyard schema gen .

// restorer is what a guest gets who asks without a secret.
type restorer struct {
	UnimplementedRestorer
	guest *guest
}

// Restore implements RestorerServer.
func (r restorer) Restore(ctx context.Context, call RestorerRestoreCall) error {
	secret := call.Params().Secret()
	call.Unblock()
	c, err := r.guest.restore(ctx, secret)
	if err != nil {
		return err
	}
	defer c.Release()
	capnp.StructBuilder(call.Results()).SetClient(0, c) // cap
	return nil
}
