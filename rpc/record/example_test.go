package record_test

import (
	"bytes"
	"context"
	"fmt"
	"net"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/record"
)

// A connection is recorded, and the recording read.
func Example() {
	var file bytes.Buffer
	rec, err := record.New(&file, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	here, there := net.Pipe()
	boot := capnp.NewServer(&echo{})
	server := rpc.NewConn(there, &rpc.Options{Bootstrap: boot})
	client := rpc.NewConn(rec.Wrap("example", here), nil)
	rpc.Bootstrap[thing](context.Background(), client).Resolve(context.Background())
	client.Close()
	server.Close()

	r, err := record.NewReader(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for rec, err := range r.All() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(rec.Conn, rec.Kind, rec.Size)
		if rec.Kind == record.Received {
			break
		}
	}
	// Output:
	// 1 opened 0
	// 1 sent 48
	// 1 received 112
}
