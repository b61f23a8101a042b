package vat

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/rpc"
)

// Options says how a vat behaves. The zero value, or nil, means the defaults: a new identity, and
// nothing to restore.
type Options struct {
	_ struct{}

	// Identity is the vat's key; nil is a new one.
	Identity *Identity

	// Restore gives a peer what a secret stands for. peer is the key that it has proven to have, or
	// that of the service it acts for; the zero Key if it has shown none, which anybody may. ctx
	// ends when the peer asks no more. The vat takes over the client. Peers are not told why it
	// failed, only whether the error is disconnected or overloaded, that is, passes; the Logger is,
	// so errors must not contain the secret. It is called by many goroutines. Nil restores nothing.
	Restore func(ctx context.Context, secret []byte, peer Key) (capnp.Client, error)

	// Bootstrap is what peers get who ask without a secret. It stays the caller's. The default is
	// a Restorer, for those who cannot send the secret with the question.
	Bootstrap capnp.Client

	// At is where others find this vat: Reference puts it into references.
	At []Address

	// Insecure allows connections without TLS to and from other machines.
	Insecure bool

	// Registry knows the schemas of what is restored: of the calls that a break interrupts, Live
	// repeats those whose methods are annotated idempotent in it. Nil repeats none.
	Registry *schema.Registry

	// Limits bounds what peers can make the vat do.
	Limits Limits

	// Conn is what connections are made with: limits, observers, the time to drain. Its Bootstrap
	// and Object are not used.
	Conn *rpc.Options

	// Dial opens connections instead of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Logger gets what happens, below Warn, without secrets; nil discards.
	Logger *slog.Logger

	now func() time.Time // for tests; nil is time.Now
}

// Limits bounds a vat. Zero fields mean the defaults. What a connection may do is in rpc.Limits,
// how many are accepted, too.
type Limits struct {
	_ struct{}

	Handshake time.Duration // for dialling and TLS together, for each address; default 10 s
	Dialled   int           // connections made by this side at a time; more fail as overloaded; default 1024
	Idle      time.Duration // after which one that nobody uses is closed; default 1 min
	Restores  int           // calls of Restore at a time; more wait; default 64

	// Failures is how many secrets a peer may try on one connection that are not good here; then one
	// a second. Trying more is refused as overloaded. Default 10.
	Failures int
}

func (l Limits) withDefaults() Limits {
	set(&l.Handshake, 10*time.Second)
	set(&l.Dialled, 1024)
	set(&l.Idle, time.Minute)
	set(&l.Restores, 64)
	set(&l.Failures, 10)
	return l
}

func set[T int | time.Duration](p *T, n T) {
	if *p == 0 {
		*p = n
	}
}

// Vat is a process's place in the network: its key, its connections, at most one that is used for
// each peer, and what it restores for others.
//
// Connections (links) are known by the keys that their peers have proven. What asks for a peer
// takes the link that there is, waits for one that is being dialled, or dials. When both sides have
// dialled at the same time both keep the link that the greater key has dialled; the other is used
// by what came over it already, until nothing does.
type Vat struct {
	o        Options
	limits   Limits
	id       *Identity
	log      *slog.Logger
	now      func() time.Time
	restores chan struct{} // one for each call of Restore

	ctx  context.Context // ends when the vat does
	end  context.CancelCauseFunc
	work sync.WaitGroup // goroutines of the vat's

	mu      sync.Mutex
	closed  bool // nothing new
	links   map[target]*link
	dials   map[target]*dial
	paces   map[target]pace
	all     map[*link]struct{}
	dialled int // of all, and of dials
	failed  bucket
}

var errClosed = capnp.NewError(capnp.Disconnected, "the vat was closed here")

// New makes a vat. Close ends it.
func New(o *Options) (*Vat, error) {
	v := &Vat{
		now:   time.Now,
		links: map[target]*link{}, dials: map[target]*dial{}, paces: map[target]pace{}, all: map[*link]struct{}{},
	}
	if o != nil {
		v.o = *o
	}
	if v.o.now != nil {
		v.now = v.o.now
	}
	for _, a := range v.o.At {
		if err := a.check(); err != nil {
			return nil, err
		}
	}
	if v.id = v.o.Identity; v.id == nil {
		var err error
		if v.id, err = NewIdentity(); err != nil {
			return nil, err
		}
	}
	if v.log = v.o.Logger; v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	if !v.o.Bootstrap.IsNull() {
		v.o.Bootstrap = capnp.AddRef(client{v.o.Bootstrap}).Client
	}
	v.limits = v.o.Limits.withDefaults()
	v.restores = make(chan struct{}, v.limits.Restores)
	v.ctx, v.end = context.WithCancelCause(context.Background())
	v.work.Go(v.sweep)
	return v, nil
}

// client is a typed client of nothing known, for generic functions.
type client struct{ capnp.Client }

// Key returns the vat's name: that of its identity, or of the service that it acts for.
func (v *Vat) Key() Key { return v.id.peer().name() }

// Reference makes a reference to what this vat's Restore gives for secret, by the vat's Key and Options.At.
func (v *Vat) Reference(secret []byte) (Reference, error) {
	return NewReference(v.Key(), secret, v.o.At...)
}

// Restore gets what r names, over the connection to its vat that there is, or a new one. It is
// usable at once: calls on it wait for it, or travel with the question. ctx bounds the getting, not
// the capability, which breaks with its connection: see Live. A reference that is not good at its
// vat, for whatever reason, gives a capability broken with the code ocap.Revoked.
func (v *Vat) Restore(ctx context.Context, r Reference) capnp.Client {
	c, res := capnp.NewPromise[client]()
	if !v.start(func() { v.restore(ctx, r, res) }) {
		res.Reject(errClosed)
	}
	return c.Client
}

// start runs f on a goroutine of the vat's. It reports false if the vat is closed.
func (v *Vat) start(f func()) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.work.Go(f)
	return true
}

// restore resolves a promise to what r names.
func (v *Vat) restore(ctx context.Context, r Reference, res *capnp.Resolver[client]) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(v.ctx, func() { cancel(errClosed) })()
	early := func(c capnp.Client) { res.Resolve(client{c}) }
	c, _, err := v.ask(ctx, r, early)
	if err != nil {
		res.Reject(err)
		return
	}
	res.Resolve(client{c})
	c.Release()
}

// tries is how often a restore is tried on connections that were there before: they may be about
// to end.
const tries = 3

// ask gets what r names, and the connection it came by, nil for this vat's own. It returns when
// that is known; before that, on a connection that is new, early, if not nil, gets a promise for it.
func (v *Vat) ask(ctx context.Context, r Reference, early func(capnp.Client)) (capnp.Client, *rpc.Conn, error) {
	if r.IsZero() {
		return capnp.Client{}, nil, capnp.NewError(capnp.Failed, "there is no reference to restore")
	}
	if me := v.id.peer(); me.is(r.key) {
		c, err := v.own(ctx, r.Secret(), me)
		return c, nil, err
	}
	for try := 1; ; try++ {
		l, fresh, err := v.link(ctx, r)
		if err != nil {
			return capnp.Client{}, nil, err
		}
		// The question's context ends only if it fails: an end that meets the answer would give the
		// answer's capability back.
		asking, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, func() { giveUp(context.Cause(ctx)) })
		c := rpc.BootstrapObject[client](asking, l.conn, r.secret()).Client
		if fresh && early != nil {
			early(c)
		}
		err = c.Resolve(ctx)
		v.unuse(l)
		stop()
		if err == nil {
			return c, l.conn, nil
		}
		giveUp(err)
		c.Release()
		if ctx.Err() != nil {
			return capnp.Client{}, nil, context.Cause(ctx)
		}
		lost := capnp.AsException(err).Kind == capnp.Disconnected
		if lost {
			v.forget(l) // it has ended, or refuses new work because it is about to
		}
		if !lost || fresh || try == tries {
			return capnp.Client{}, l.conn, err
		}
	}
}

// own gets what one of this vat's own references names.
func (v *Vat) own(ctx context.Context, secret []byte, me peer) (capnp.Client, error) {
	if len(secret) == 0 {
		return v.bootstrap(&guest{v: v, peer: me.name()}), nil
	}
	return (&guest{v: v, peer: me.name()}).restore(ctx, secret)
}

// bootstrap is what a guest gets who asks without a secret.
func (v *Vat) bootstrap(g *guest) capnp.Client {
	if !v.o.Bootstrap.IsNull() {
		return capnp.AddRef(client{v.o.Bootstrap}).Client
	}
	return NewRestorer(restorer{guest: g}).Client
}

// options are those of a connection.
func (v *Vat) options(g *guest) rpc.Options {
	var o rpc.Options
	if v.o.Conn != nil {
		o = *v.o.Conn
	}
	o.Object = g.restore
	if o.Logger == nil {
		o.Logger = v.o.Logger
	}
	return o
}

// Shutdown ends the vat in good order: nothing new is let in, and connections end as by
// rpc.Conn.Shutdown. When ctx ends they are closed at once. The error is ctx's.
func (v *Vat) Shutdown(ctx context.Context) error {
	v.mu.Lock()
	v.closed = true
	var conns []*rpc.Conn
	for l := range v.all {
		conns = append(conns, l.conn)
	}
	v.mu.Unlock()
	var ending sync.WaitGroup
	for _, c := range conns {
		ending.Go(func() { c.Shutdown(ctx) })
	}
	ending.Wait()
	v.Close()
	return context.Cause(ctx)
}

// Close ends the vat and its connections. It waits for its goroutines, and for Serve.
func (v *Vat) Close() error {
	v.mu.Lock()
	v.closed = true
	var conns []*rpc.Conn
	for l := range v.all {
		conns = append(conns, l.conn)
	}
	v.mu.Unlock()
	v.end(errClosed)
	for _, c := range conns {
		c.Close()
	}
	v.work.Wait()
	v.o.Bootstrap.Release()
	return nil
}
