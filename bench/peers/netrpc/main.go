// Command netrpc is the standard library's net/rpc, with gob, under measurement.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"runtime"

	"lanyard.dev/bench/internal/peer"
)

func main() {
	peer.Main(peer.Implementation{Library: "net/rpc " + runtime.Version(), Serve: serve, Open: open})
}

// A Probe is what the server offers.
type Probe struct{}

// Echo returns its argument.
func (Probe) Echo(in *[]byte, out *[]byte) error {
	*out = *in
	return nil
}

func serve(l net.Listener) error {
	s := rpc.NewServer()
	if err := s.Register(Probe{}); err != nil {
		return err
	}
	s.Accept(l)
	return errors.New("accept failed")
}

func open(j peer.Job) (*peer.Work, error) {
	data := make([]byte, j.Size)
	call := func(c *rpc.Client) error {
		var out []byte
		if err := c.Call("Probe.Echo", &data, &out); err != nil {
			return err
		}
		if len(out) != len(data) {
			return fmt.Errorf("echo of %d bytes, want %d", len(out), len(data))
		}
		return nil
	}
	var conns []*rpc.Client
	w := &peer.Work{Close: func() error {
		var errs []error
		for _, c := range conns {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}}
	dial := func() (*rpc.Client, error) {
		conn, err := peer.Dial(j.Addr)
		if err != nil {
			return nil, err
		}
		c := rpc.NewClient(conn)
		conns = append(conns, c)
		return c, nil
	}
	switch j.Mode {
	case "flight", "chain":
		for range j.Conns {
			if _, err := dial(); err != nil {
				return nil, errors.Join(err, w.Close())
			}
		}
		w.Run = func(n int) error {
			return peer.Lanes(n, j.Inflight, func(lane int) error { return call(conns[lane%len(conns)]) })
		}
		if j.Mode == "chain" {
			w.Run = func(n int) error { return peer.Chain(n, j.Depth, func() error { return call(conns[0]) }) }
		}
	case "idle":
		w.Once = true
		w.Run = func(n int) error {
			for range n {
				c, err := dial()
				if err == nil {
					err = call(c)
				}
				if err != nil {
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
