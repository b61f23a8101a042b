package rpc

import (
	"context"
	"errors"
	"net"
	"sync"

	"lanyard.dev/capnp"
)

// Dial connects to a vat that listens at an address: network is "tcp" or "unix". ctx bounds the
// dialling only.
func Dial(ctx context.Context, network, address string, o *Options) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, &capnp.Exception{Kind: capnp.Disconnected, Reason: err.Error(), Cause: err}
	}
	return NewConn(c, o), nil
}

// Serve accepts connections and offers boot on each, until ctx ends or the listener fails. It
// closes the listener and the connections (see Options.DrainTimeout) and returns when they are gone;
// nil if ctx ended. boot stays the caller's.
func Serve[C capnp.ClientKind](ctx context.Context, l net.Listener, boot C, o *Options) error {
	return ServeEach(ctx, l, func(context.Context) C { return capnp.AddRef(boot) }, o)
}

// ServeEach is Serve with a capability of its own for each connection: what is counted or limited
// per connection hangs on that. boot is called with a context that ends with the connection, and
// what it returns is released then.
func ServeEach[C capnp.ClientKind](ctx context.Context, l net.Listener, boot func(context.Context) C, o *Options) error {
	return ServeConns(ctx, l, func(ctx context.Context, nc net.Conn, o *Options) (net.Conn, func(*Conn), error) {
		b := capnp.ClientOf(boot(ctx))
		o.Bootstrap = b
		context.AfterFunc(ctx, b.Release) // should it not come to a Conn, which has a reference of its own
		return nc, func(*Conn) { b.Release() }, nil
	}, o)
}

// ServeConns is Serve for those who have more to do with a connection before it speaks Cap'n Proto:
// TLS, or options that depend on who has connected. prepare is called for each connection that the
// limits let in, on a goroutine of its own, with a context that ends with the connection and, until
// prepare has returned, with ctx. It may change the options, which are this connection's, and
// returns what is to carry messages: nc, or something around it. If it returns a function, that
// gets the Conn, at once. An error closes nc; prepare says itself what there is to say of it.
func ServeConns(ctx context.Context, l net.Listener, prepare func(ctx context.Context, nc net.Conn, o *Options) (net.Conn, func(*Conn), error), o *Options) error {
	var opt Options
	if o != nil {
		opt = *o
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	all, cancel := context.WithCancel(ctx)
	defer cancel()
	if opt.Logger != nil {
		opt.logs = logObserver(opt.Logger)
	}
	d := newDoor(&opt)
	conns.Go(func() { d.watch(all) })
	for n := 1; ; n++ {
		nc, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				continue
			}
			l.Close()
			return err
		}
		if !d.admit(nc) {
			continue
		}
		conns.Go(func() {
			defer d.gone(nc)
			each, end := context.WithCancel(context.WithoutCancel(ctx)) // calls may outlive ctx
			defer end()
			opt := opt
			opt.serial, opt.door = n, d
			stop := context.AfterFunc(all, end)
			carrier, made, err := prepare(each, nc, &opt)
			if !stop() || err != nil {
				nc.Close()
				return
			}
			c := NewConn(carrier, &opt)
			defer d.leave(c)
			if made != nil {
				made(c)
			}
			select {
			case <-all.Done():
				c.drain(opt.DrainTimeout)
			case <-c.Done():
			}
		})
	}
}

// Pipe returns the two ends of a connection within the process. Messages are serialized as over a
// socket.
func Pipe(a, b *Options) (*Conn, *Conn) {
	x, y := net.Pipe()
	return NewConn(x, a), NewConn(y, b)
}
