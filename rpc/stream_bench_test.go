package rpc_test

import (
	"context"
	"net"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

var writeMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabd, MethodID: 0, InterfaceName: "t.capnp:S", MethodName: "write", Params: size, Streaming: true})

type sink struct{ n int }

func (s *sink) Impl() any { return s }
func (s *sink) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != 0xabd || m != 0 {
		return nil
	}
	return writeMethod
}
func (s *sink) Invoke(ctx context.Context, c *capnp.Call) error {
	s.n += len(c.ParamsStruct().Data(0))
	return nil
}

// BenchmarkStream sends chunks of 64 KiB.
func BenchmarkStream(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	go rpc.Serve(ctx, l, T{capnp.NewServer(&sink{})}, nil)
	c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
	if err != nil {
		b.Fatal(err)
	}
	boot := rpc.Bootstrap[T](ctx, c)
	chunk := make([]byte, 64<<10)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	used := processorTime()
	defer func() { used(b) }()
	for b.Loop() {
		if err := capnp.SendStream(ctx, boot.Client, writeMethod, func(p capnp.StructBuilder) { p.SetData(0, chunk) }); err != nil {
			b.Fatal(err)
		}
	}
}
