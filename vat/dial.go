package vat

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// dial is a connection that is being made, for all who wait for it.
type dial struct {
	v      *Vat
	to     target
	at     []Address
	cancel context.CancelFunc
	done   chan struct{}
	made   *link // the three are set before done is closed
	link   *link // to use: made, or what crossed it
	err    error

	waiting int // under Vat.mu
}

// startDial begins to dial the vat that r names. It is called with mu held.
func (v *Vat) startDial(t target, r Reference) *dial {
	ctx, cancel := context.WithCancel(v.ctx)
	d := &dial{v: v, to: t, at: r.at, cancel: cancel, done: make(chan struct{})}
	v.dials[t] = d
	v.dialled++
	delay := v.patience(t, r)
	v.work.Go(func() {
		defer cancel()
		l, err := v.connectAfter(ctx, delay, t, r)
		if err == nil {
			v.add(l)
			v.work.Go(func() { <-l.conn.Done(); v.gone(l) })
		}
		v.mu.Lock()
		if v.dials[t] == d {
			delete(v.dials, t)
		}
		d.made, d.link, d.err = l, l, err
		if err != nil {
			v.dialled--
			if ctx.Err() == nil {
				v.failedAt(t, r)
			}
		} else {
			delete(v.paces, t)
			if other := v.links[t]; other != nil && other.conn.Err() == nil {
				d.link = other
			}
			d.link.using += d.waiting
		}
		close(d.done)
		v.mu.Unlock()
	})
	return d
}

// pace is how often dialling a target has failed in a row: all who want to go there wait together.
type pace struct {
	failures int
	last     time.Time
	at       []Address // that were tried
}

const (
	minPace  = 100 * time.Millisecond
	maxPace  = 2 * time.Second
	maxPaces = 1024
)

// patience is how long to wait before a target is dialled again: at random, longer after every
// failure. Addresses that were not tried are tried at once.
func (v *Vat) patience(t target, r Reference) time.Duration {
	p, ok := v.paces[t]
	if !ok || !covers(p.at, r.at) {
		return 0
	}
	most := min(minPace<<min(p.failures, 10), maxPace)
	return max(0, rand.N(most)-v.now().Sub(p.last))
}

// failedAt notes a failure, with mu held.
func (v *Vat) failedAt(t target, r Reference) {
	if len(v.paces) >= maxPaces {
		clear(v.paces)
	}
	p := v.paces[t]
	v.paces[t] = pace{p.failures + 1, v.now(), r.at}
}

func covers(tried, at []Address) bool {
	return !slices.ContainsFunc(at, func(a Address) bool { return !slices.Contains(tried, a) })
}

func (v *Vat) connectAfter(ctx context.Context, delay time.Duration, t target, r Reference) (*link, error) {
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return v.connect(ctx, t, r)
}

// wait waits for the connection. When nobody does it is given up.
func (d *dial) wait(ctx context.Context) (*link, error) {
	select {
	case <-d.done:
		return d.link, d.err
	case <-ctx.Done():
	}
	d.v.mu.Lock()
	defer d.v.mu.Unlock()
	select {
	case <-d.done:
		if d.link != nil {
			d.link.using--
		}
	default:
		if d.waiting--; d.waiting == 0 {
			d.cancel()
			if d.v.dials[d.to] == d { // who comes now begins another
				delete(d.v.dials, d.to)
			}
		}
	}
	return nil, context.Cause(ctx)
}

// tries reports whether d has tried all addresses of r.
func (d *dial) tries(r Reference) bool { return covers(d.at, r.at) }

// stagger is after how long the next address is tried beside those that have not answered.
const stagger = 300 * time.Millisecond

// connect tries the addresses of r, one after the other but with some overlap, until one leads to
// its vat.
func (v *Vat) connect(ctx context.Context, t target, r Reference) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		c   net.Conn
		p   peer
		a   Address
		err error
	}
	at := r.at
	if r.key.IsZero() {
		at = at[:1] // without a key nobody can tell whether another address is the same vat
	}
	outcomes := make(chan outcome, len(at))
	next, running := 0, 0
	begin := func() {
		a := at[next]
		next, running = next+1, running+1
		v.work.Go(func() {
			c, p, err := v.reach(ctx, a, r.key)
			outcomes <- outcome{c, p, a, err}
		})
	}
	begin()
	defer func() {
		for range running {
			v.work.Go(func() {
				if o := <-outcomes; o.c != nil {
					o.c.Close()
				}
			})
		}
	}()
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	var errs []error
	for {
		select {
		case <-timer.C:
			if next < len(at) {
				begin()
			}
			timer.Reset(stagger)
		case o := <-outcomes:
			running--
			if o.err == nil {
				return v.linkOver(o.c, o.p, t, o.a, r.at), nil
			}
			v.log.Debug("dialling failed", "address", o.a, "err", o.err)
			errs = append(errs, o.err)
			if next < len(at) {
				begin()
			} else if running == 0 {
				return nil, worst(errs)
			}
		}
	}
}

// worst is the error to tell: one that another attempt may not meet is none to give up for.
func worst(errs []error) error {
	for _, err := range errs {
		if capnp.AsException(err).Kind == capnp.Disconnected {
			return err
		}
	}
	return errs[0]
}

// linkOver starts to speak over a connection that was dialled.
func (v *Vat) linkOver(c net.Conn, p peer, t target, a Address, at []Address) *link {
	g := &guest{v: v, peer: p.name()}
	o := v.options(g)
	o.Bootstrap = v.bootstrap(g)
	o.Name = a.String()
	l := &link{conn: rpc.NewConn(c, &o), peer: p, dialled: true, targets: p.targets()}
	l.at = at
	o.Bootstrap.Release()
	if t.key.IsZero() {
		l.targets = []target{t}
	}
	return l
}

func (p peer) targets() (out []target) {
	for _, k := range []Key{p.own, p.service} {
		if !k.IsZero() {
			out = append(out, target{key: k})
		}
	}
	return out
}

// reach connects to one address and finds out who answers there.
func (v *Vat) reach(ctx context.Context, a Address, key Key) (net.Conn, peer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, v.limits.Handshake, capnp.NewError(capnp.Disconnected, "nobody answers there in time"))
	defer cancel()
	c, err := v.open(ctx, a, key.IsZero() && !v.o.Insecure)
	if err != nil {
		return nil, peer{}, err
	}
	if key.IsZero() {
		return c, peer{}, nil
	}
	tc := tls.Client(c, v.client(key))
	p, err := handshake(ctx, tc, v.limits.Handshake, v.now)
	if err != nil {
		c.Close()
		return nil, peer{}, err
	}
	return tc, p, nil
}

// errPlain is why a connection without TLS is refused.
var errPlain = capnp.NewError(capnp.Failed, "without TLS there are connections within this machine only")

// open opens a connection. If it must be near it must not leave the machine, whatever the name
// says that leads there.
func (v *Vat) open(ctx context.Context, a Address, near bool) (net.Conn, error) {
	open := v.o.Dial
	if open == nil {
		d := net.Dialer{}
		if near {
			d.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
				if host, _, err := net.SplitHostPort(address); network != "unix" && (err != nil || !net.ParseIP(host).IsLoopback()) {
					return errPlain
				}
				return nil
			}
		}
		open = d.DialContext
	}
	c, err := open(ctx, a.Network, a.Address)
	switch {
	case errors.Is(err, errPlain):
		return nil, errPlain
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, &capnp.Exception{Kind: capnp.Disconnected, Reason: err.Error(), Cause: err}
	case near && !isNear(c.RemoteAddr()):
		c.Close()
		return nil, errPlain
	}
	return c, nil
}

// isNear reports whether an address is on this machine.
func isNear(a net.Addr) bool {
	switch a := a.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return a.Network() == "pipe"
}
