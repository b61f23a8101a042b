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
			b := boot(each)
			opt := opt
			opt.serial, opt.door = n, d
			opt.Bootstrap = capnp.ClientOf(b)
			c := NewConn(nc, &opt)
			defer d.leave(c)
			opt.Bootstrap.Release()
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
