package vat

import (
	"context"
	"log/slog"
	"net"
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
	// that of the service it acts for; the zero Key if it has shown none, which anybody may. ctx ends when
	// the peer asks no more. The vat takes over the client. Peers are not told why it failed,
	// unless the error is disconnected, overloaded or ocap.Stale, that is, passes. It is called by
	// many goroutines. Nil restores nothing.
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

	// Conn is what connections are made with: limits, observers. Bootstrap, Name and Values in it are not used.
	Conn *rpc.Options

	// Dial opens connections instead of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Logger gets what happens, below Warn, without secrets; nil discards.
	Logger *slog.Logger
}

// Limits bounds a vat. Zero fields mean the defaults.
type Limits struct {
	_ struct{}

	Handshake time.Duration // for dialling and TLS together, for each address; default 10 s
	Dialled   int           // connections made by this side at a time; default 1024
	Idle      time.Duration // after which one that nobody uses is closed; default 1 min
	Restores  int           // calls of Restore at a time; default 64
	Failures  int           // restores that may fail on one connection at once; then one a second; default 10
}

// Vat is a process's place in the network: its key, its connections, at most one that is used for
// each peer, and what it restores for others.
type Vat struct{}

// New makes a vat. Close ends it.
func New(o *Options) (*Vat, error) { panic("soon") }

// Key returns the vat's name: that of its identity, or of the service that it acts for.
func (v *Vat) Key() Key { panic("soon") }

// Reference makes a reference to what this vat's Restore gives for secret.
func (v *Vat) Reference(secret []byte) (Reference, error) { panic("soon") }

// Serve accepts connections, with TLS, until ctx ends or the listener fails; it closes the listener.
// When it returns the connections it accepted are gone, which had o.Conn.DrainTimeout to end; nil if ctx ended.
func (v *Vat) Serve(ctx context.Context, l net.Listener) error { panic("soon") }

// ServePlain is Serve without TLS: whoever can connect may ask. The listener must be on a unix socket or
// a loopback address, or Options.Insecure be set.
func (v *Vat) ServePlain(ctx context.Context, l net.Listener) error { panic("soon") }

// Restore gets what r names, over the connection to its vat that there is, or a new one. It is usable at
// once: calls on it wait for it. ctx bounds the getting, not the capability. It breaks with its connection; see Live.
func (v *Vat) Restore(ctx context.Context, r Reference) capnp.Client { panic("soon") }

// Live returns a capability that heals: when its connection breaks it is restored anew.
func (v *Vat) Live(r Reference) capnp.Client { panic("soon") }

// Shutdown ends the vat in good order: see rpc.Conn.Shutdown. When ctx ends it is closed at once.
func (v *Vat) Shutdown(ctx context.Context) error { panic("soon") }

// Close ends the vat and its connections.
func (v *Vat) Close() error { panic("soon") }
