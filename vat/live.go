package vat

import (
	"context"
	"errors"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

// Live returns a capability that heals: when what r names is lost with its connection it is restored
// anew, after a delay that grows with every failure and is random, so that those who lost one vat
// at one moment do not come back at one moment.
//
//   - Calls that were on their way at the break fail as disconnected: they may have had their
//     effect. Only those whose methods are annotated idempotent in Options.Registry are made again,
//     twice at most, and only if nothing was pipelined on them.
//   - Calls made while it heals wait, in order, as long as their contexts do: at most 1024, 16 MiB.
//     They go on once the restore has been answered. Should that be lost as well they fail as overloaded.
//   - When the reference is not good any more (ocap.Revoked) every call fails with that, for good.
//     After ten failures of another kind the calls that wait fail, and the next call tries anew.
//   - Objects that were reached through it are lost with the connection.
//
// It connects at the first call. When the last reference is released it ends.
func (v *Vat) Live(r Reference) capnp.Client {
	connect := func(ctx context.Context) (client, *rpc.Conn, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(v.ctx, func() { cancel(errClosed) })()
		c, conn, err := v.ask(ctx, r, nil)
		if err != nil && conn != nil && capnp.AsException(err).Kind == capnp.Disconnected {
			err = &brokeAgain{capnp.AsException(err)}
		}
		return client{c}, conn, err
	}
	c, _ := rpc.Reconnect(connect, &rpc.ReconnectOptions{
		Lazy: true, Shared: true, Judge: v.judge, Repeat: v.repeat(),
		Timeout: 2 * v.limits.Handshake, Logger: v.log.With("reference", r),
	})
	return c.Client
}

// brokeAgain is the loss of a connection while something was restored over it.
type brokeAgain struct{ *capnp.Exception }

// Unwrap returns the exception.
func (b *brokeAgain) Unwrap() error { return b.Exception }

const maxAttempts = 10

// judge says what it means that a reference could not be restored.
func (v *Vat) judge(err error, attempts int) rpc.Verdict {
	_, again := errors.AsType[*brokeAgain](err)
	kind := capnp.AsException(err).Kind
	switch {
	case errors.Is(err, ocap.Revoked), v.ctx.Err() != nil:
		return rpc.GiveUpForever
	case attempts >= maxAttempts, kind != capnp.Disconnected && kind != capnp.Overloaded:
		return rpc.GiveUp
	case again:
		return rpc.TryAgainOverloaded
	}
	return rpc.TryAgain
}

// repeat says which calls may be made again.
func (v *Vat) repeat() func(uint64, uint16) bool {
	if v.o.Registry == nil {
		return nil
	}
	return func(interfaceID uint64, methodID uint16) bool {
		m, ok := dynamic.MethodAt(v.o.Registry, interfaceID, methodID)
		return ok && m.Idempotent() && !m.Streaming()
	}
}
