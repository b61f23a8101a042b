// Command lanyard is this repository's RPC under measurement.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"

	"lanyard.dev/bench/internal/peer"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

func main() {
	peer.Main(peer.Implementation{Library: "Lanyard, " + runtime.Version(), Serve: serve, Open: open})
}

func serve(l net.Listener) error {
	// Every connection has a Probe with counters of its own.
	boot := func(context.Context) testservice.Probe { return testservice.New() }
	// All limits are the defaults, but for the number of connections: it is 1024,
	// and idle ones are measured by the thousand.
	o := &rpc.Options{Limits: rpc.Limits{Connections: 1 << 20}}
	return rpc.ServeEach(context.Background(), l, boot, o)
}

// A client is a connection and its first capability.
type client struct {
	conn   *rpc.Conn
	probe  testservice.Probe
	j      peer.Job
	data   []byte
	pushed atomic.Int64 // calls back
}

func dial(ctx context.Context, j peer.Job) (*client, error) {
	network, address := peer.Split(j.Addr)
	conn, err := rpc.Dial(ctx, network, address, nil)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, probe: rpc.Bootstrap[testservice.Probe](ctx, conn), j: j, data: make([]byte, j.Size)}, nil
}

func (c *client) close() error {
	c.probe.Release()
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

func open(j peer.Job) (*peer.Work, error) {
	ctx := context.Background()
	switch j.Mode {
	case "idle":
		return idle(ctx, j), nil
	case "local":
		c := &client{probe: testservice.New(), j: j, data: make([]byte, j.Size)}
		return &peer.Work{Run: func(n int) error { return c.flight(ctx, n) }, Close: c.close}, nil
	}
	if j.Mode == "flight" && j.Conns > 1 {
		return spread(ctx, j)
	}
	modes := map[string]func(*client, context.Context, int) error{
		"flight":   (*client).flight,
		"chain":    (*client).chains,
		"stream":   (*client).stream,
		"callback": (*client).callBacks,
		"returned": (*client).returned,
	}
	mode := modes[j.Mode]
	if mode == nil {
		return openData(j)
	}
	c, err := dial(ctx, j)
	if err != nil {
		return nil, err
	}
	return &peer.Work{Run: func(n int) error { return mode(c, ctx, n) }, Close: c.close}, nil
}

func (c *client) echo(ctx context.Context) error {
	res, err := c.probe.Echo(ctx, func(p testservice.ProbeEchoParamsBuilder) { p.SetData(c.data) }).Wait()
	if err == nil && len(res.Data()) != len(c.data) {
		err = fmt.Errorf("echo of %d bytes, want %d", len(res.Data()), len(c.data))
	}
	return err
}

func (c *client) flight(ctx context.Context, n int) error {
	return peer.Lanes(n, c.j.Inflight, func(int) error { return c.echo(ctx) })
}

// spread distributes calls in flight over several connections.
func spread(ctx context.Context, j peer.Job) (*peer.Work, error) {
	var conns []*client
	w := &peer.Work{
		Run: func(n int) error {
			return peer.Lanes(n, j.Inflight, func(lane int) error { return conns[lane%len(conns)].echo(ctx) })
		},
		Close: func() error { return closeAll(conns) },
	}
	for range j.Conns {
		c, err := dial(ctx, j)
		if err != nil {
			return nil, errors.Join(err, closeAll(conns))
		}
		conns = append(conns, c)
	}
	return w, nil
}

func closeAll(conns []*client) error {
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// chains makes chains of pipelined calls, one after the other.
func (c *client) chains(ctx context.Context, n int) error {
	for range n {
		link := c.probe
		for range c.j.Depth - 1 {
			link = link.Self(ctx, nil).Self()
		}
		if _, err := link.Self(ctx, nil).Wait(); err != nil {
			return err
		}
	}
	return nil
}

// stream writes chunks as fast as flow control lets it.
func (c *client) stream(ctx context.Context, n int) error {
	fill := func(p testservice.ProbeWriteParamsBuilder) { p.SetChunk(c.data) }
	for range n {
		if err := c.probe.Write(ctx, fill); err != nil {
			return err
		}
	}
	res, err := c.probe.Written(ctx, nil).Wait()
	if err == nil && (res.Chunks() != uint64(n) || res.Bytes() != uint64(n*len(c.data))) {
		err = fmt.Errorf("%d bytes in %d chunks arrived, want %d in %d", res.Bytes(), res.Chunks(), n*len(c.data), n)
	}
	return err
}

// A sink counts how often it is called.
type sink struct {
	testservice.UnimplementedSink
	pushed *atomic.Int64
}

// Push implements SinkServer.
func (s *sink) Push(_ context.Context, call testservice.SinkPushCall) error {
	s.pushed.Add(1)
	call.Results().SetAccepted(uint64(len(call.Params().Data())))
	return nil
}

// callBacks passes a new capability with every call, which the server calls
// before it returns.
func (c *client) callBacks(ctx context.Context, n int) error {
	before := c.pushed.Load()
	for range n {
		_, err := c.probe.CallBack(ctx, func(p testservice.ProbeCallBackParamsBuilder) {
			p.SetSink(testservice.NewSink(&sink{pushed: &c.pushed}))
			p.SetCount(1)
		}).Wait()
		if err != nil {
			return err
		}
	}
	if got := c.pushed.Load() - before; got != int64(n) {
		return fmt.Errorf("%d calls back, want %d", got, n)
	}
	return nil
}

// returned gets a new capability, calls it, and gives it up.
func (c *client) returned(ctx context.Context, n int) error {
	for range n {
		res, err := c.probe.Fresh(ctx, nil).Wait()
		if err != nil {
			return err
		}
		fresh := res.Probe()
		ticket, err := fresh.Ticket(ctx, nil).Wait()
		fresh.Release()
		if err == nil && ticket.Number() != 0 {
			err = fmt.Errorf("ticket %d of a new object", ticket.Number())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// idle opens connections, makes one call on each, and keeps them.
func idle(ctx context.Context, j peer.Job) *peer.Work {
	var conns []*client
	return &peer.Work{
		Once: true,
		Run: func(n int) error {
			for range n {
				c, err := dial(ctx, j)
				if err != nil {
					return err
				}
				conns = append(conns, c)
				if err := c.echo(ctx); err != nil {
					return err
				}
			}
			return nil
		},
		Close: func() error { return closeAll(conns) },
	}
}
