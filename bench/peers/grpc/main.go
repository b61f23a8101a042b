// Command grpc is gRPC for Go under measurement: unary calls, and one client
// stream, of protobuf's BytesValue. A chain is calls one after the other.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"lanyard.dev/bench/internal/peer"
)

func main() {
	peer.Main(peer.Implementation{Library: "gRPC-Go " + grpc.Version, Serve: serve, Open: open})
}

const (
	echoMethod  = "/bench.Probe/Echo"
	writeMethod = "/bench.Probe/Write"
)

// service returns what protoc would generate for
//
//	service Probe {
//	  rpc Echo(google.protobuf.BytesValue) returns (google.protobuf.BytesValue);
//	  rpc Write(stream google.protobuf.BytesValue) returns (google.protobuf.UInt64Value);
//	}
func service() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "bench.Probe",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Echo",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				in := new(wrapperspb.BytesValue)
				if err := decode(in); err != nil {
					return nil, err
				}
				return &wrapperspb.BytesValue{Value: in.Value}, nil
			},
		}},
		Streams: []grpc.StreamDesc{{StreamName: "Write", ClientStreams: true, Handler: write}},
	}
}

func write(_ any, s grpc.ServerStream) error {
	var total uint64
	for {
		in := new(wrapperspb.BytesValue)
		if err := s.RecvMsg(in); err == io.EOF {
			return s.SendMsg(wrapperspb.UInt64(total))
		} else if err != nil {
			return err
		}
		total += uint64(len(in.Value))
	}
}

func serve(l net.Listener) error {
	s := grpc.NewServer()
	s.RegisterService(service(), struct{}{})
	return s.Serve(l)
}

func dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///bench",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return peer.Dial(addr) }))
}

func open(j peer.Job) (*peer.Work, error) {
	ctx := context.Background()
	data := make([]byte, j.Size)
	call := func(c *grpc.ClientConn) error {
		out := new(wrapperspb.BytesValue)
		if err := c.Invoke(ctx, echoMethod, &wrapperspb.BytesValue{Value: data}, out); err != nil {
			return err
		}
		if len(out.Value) != len(data) {
			return fmt.Errorf("echo of %d bytes, want %d", len(out.Value), len(data))
		}
		return nil
	}
	var conns []*grpc.ClientConn
	w := &peer.Work{Close: func() error {
		var errs []error
		for _, c := range conns {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}}
	switch j.Mode {
	case "flight", "chain", "stream":
		for range j.Conns {
			c, err := dial(j.Addr)
			if err != nil {
				return nil, errors.Join(err, w.Close())
			}
			conns = append(conns, c)
		}
		c := conns[0]
		switch j.Mode {
		case "flight":
			w.Run = func(n int) error {
				return peer.Lanes(n, j.Inflight, func(lane int) error { return call(conns[lane%len(conns)]) })
			}
		case "chain":
			w.Run = func(n int) error { return peer.Chain(n, j.Depth, func() error { return call(c) }) }
		case "stream":
			w.Run = func(n int) error { return stream(ctx, c, n, data) }
		}
	case "idle":
		w.Once = true
		w.Run = func(n int) error {
			for range n {
				c, err := dial(j.Addr)
				if err != nil {
					return err
				}
				conns = append(conns, c)
				if err := call(c); err != nil {
					return err
				}
			}
			return nil
		}
	default:
		return nil, peer.ErrUnsupported
	}
	return w, nil
}

func stream(ctx context.Context, c *grpc.ClientConn, n int, data []byte) error {
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, writeMethod)
	if err != nil {
		return err
	}
	for range n {
		if err := s.SendMsg(&wrapperspb.BytesValue{Value: data}); err != nil {
			return err
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	total := new(wrapperspb.UInt64Value)
	if err := s.RecvMsg(total); err != nil {
		return err
	}
	if want := uint64(n) * uint64(len(data)); total.Value != want {
		return fmt.Errorf("%d bytes arrived, want %d", total.Value, want)
	}
	return nil
}
