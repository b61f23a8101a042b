package rpc_test

import (
	"context"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// An observer that prints how calls end.
func ExampleObserver() {
	o := &rpc.Observer{
		CallEnded: func(_ context.Context, c *rpc.CallInfo) {
			fmt.Println(c.Side, c.Name(), c.Err)
		},
	}
	boot := capnp.NewServer(&server{})
	a, b := rpc.Pipe(&rpc.Options{Observers: []*rpc.Observer{o}}, &rpc.Options{Bootstrap: boot})
	c := rpc.Bootstrap[T](context.Background(), a)
	c.Resolve(context.Background())
	add(context.Background(), c, 1).Wait()
	capnp.Send[capnp.Struct, capnp.StructBuilder](context.Background(), c.Client, failMethod, nil).Wait()
	a.Close()
	b.Close()
	// Output:
	// caller bootstrap <nil>
	// caller t.capnp:T.add <nil>
	// caller t.capnp:T.fail remote exception: no more
}
