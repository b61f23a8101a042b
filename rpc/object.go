package rpc

import (
	"context"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/codec"
	"lanyard.dev/rpc/internal/engine"
)

// BootstrapObject asks for one of several capabilities that the peer offers, by name
// (Options.Object; rpc.capnp's deprecatedObjectId). An empty name asks for the bootstrap capability.
// It is usable at once, like that.
func BootstrapObject[C capnp.ClientKind](ctx context.Context, c *Conn, id []byte) C {
	return capnp.As[C](capnp.StartCall(ctx, func(call *capnp.Call, t *capnp.Turn) {
		c.Push(engine.AskBootstrap(call, id), t)
	}))
}

// Objects implements engine.Host.
func (c *Conn) Objects() capnp.Hook { return c.objects }

// objects is the object that a connection's Objects are asked of. The call is none of a method: its
// numbers are zero, its parameter is the name, its result the capability itself.
type objects struct {
	find func(context.Context, []byte) (capnp.Client, error)
}

// objectMethod is what such a call is known as in this process.
var objectMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceName: "rpc.capnp:Message", MethodName: "bootstrap", ResultsHaveCaps: true})

// FindMethod implements capnp.Dispatcher.
func (objects) FindMethod(interfaceID uint64, methodID uint16) *capnp.Method {
	if interfaceID == 0 && methodID == 0 {
		return objectMethod
	}
	return nil
}

// Invoke implements capnp.Dispatcher.
func (o objects) Invoke(ctx context.Context, call *capnp.Call) error {
	id := codec.ObjectID(call.Payload().Content())
	call.Unblock()
	c, err := o.find(ctx, id)
	if err != nil {
		return err
	}
	defer c.Release()
	h := capnp.HookOf(c)
	h.Retain()
	t := capnp.BeginTurn()
	call.Return(capnp.Result{Payload: capnp.CapPayload(h)}, t)
	t.End()
	return nil
}

// Impl implements capnp.Dispatcher.
func (o objects) Impl() any { return o }
