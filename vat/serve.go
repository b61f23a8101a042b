package vat

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// Serve accepts connections, with TLS, until ctx or the vat ends or the listener fails; it closes
// the listener. When it returns the connections it accepted are gone, for which they had
// Options.Conn.DrainTimeout; nil if ctx or the vat ended.
func (v *Vat) Serve(ctx context.Context, l net.Listener) error {
	config := v.server()
	return v.serve(ctx, l, func(ctx context.Context, nc net.Conn) (net.Conn, peer, error) {
		tc := tls.Server(nc, config)
		p, err := handshake(ctx, tc, v.limits.Handshake, v.now)
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil {
			v.sayTLS(plain.Conn)
		}
		return tc, p, err
	})
}

// ServePlain is Serve without TLS: whoever can connect may ask, and is nobody. The listener must be
// on a unix socket or a loopback address, or Options.Insecure be set.
func (v *Vat) ServePlain(ctx context.Context, l net.Listener) error {
	if !v.o.Insecure && !isNear(l.Addr()) {
		l.Close()
		return errPlain
	}
	return v.serve(ctx, l, func(_ context.Context, nc net.Conn) (net.Conn, peer, error) {
		return &plainConn{Conn: nc}, peer{}, nil
	})
}

func (v *Vat) serve(ctx context.Context, l net.Listener, open func(context.Context, net.Conn) (net.Conn, peer, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.ctx, cancel)()
	result := make(chan error, 1)
	prepare := func(ctx context.Context, nc net.Conn, o *rpc.Options) (net.Conn, func(*rpc.Conn), error) {
		c, p, err := open(ctx, nc)
		if err != nil {
			v.log.Info("a connection failed", "peer", nc.RemoteAddr(), "err", err)
			return nil, nil, err
		}
		g := &guest{v: v, peer: p.name()}
		boot := v.bootstrap(g)
		o.Object, o.Bootstrap = g.restore, boot
		k := &link{peer: p, targets: p.targets()}
		return c, func(c *rpc.Conn) {
			boot.Release()
			k.conn = c
			v.add(k)
			context.AfterFunc(ctx, func() { v.gone(k) })
		}, nil
	}
	o := v.options(&guest{})
	o.Object = nil
	if !v.start(func() { result <- rpc.ServeConns(ctx, l, prepare, &o) }) {
		l.Close()
		return errClosed
	}
	return <-result
}

// sayTLS tells a program that speaks Cap'n Proto without TLS what is missing, in its language.
func (v *Vat) sayTLS(c net.Conn) {
	mb := capnp.NewMessage(nil)
	x := schema.NewRootMessage(mb).NewAbort()
	x.SetReason("this address speaks TLS 1.3 only: connect with a capnp:// reference, or through lanyard bridge")
	x.SetType(schema.ExceptionTypeFailed)
	var b bytes.Buffer
	if frame.NewWriter(&b).Write(mb) == nil {
		c.SetWriteDeadline(v.now().Add(v.limits.Handshake / 10))
		c.Write(b.Bytes())
	}
}

// plainConn finds out when the peer speaks TLS where there is none.
type plainConn struct {
	net.Conn
	begun bool
}

var errSpeaksTLS = capnp.NewError(capnp.Failed, "the peer speaks TLS, which this address does not")

// Read implements io.Reader. A message does not begin like a TLS handshake: it would have too many
// segments.
func (c *plainConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.begun && n > 0 {
		c.begun = true
		if n >= 3 && p[0] == 0x16 && p[1] == 3 && p[2] <= 4 {
			return 0, errSpeaksTLS
		}
	}
	return n, err
}

// CloseWrite ends what is sent, where that can be done by itself.
func (c *plainConn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}
