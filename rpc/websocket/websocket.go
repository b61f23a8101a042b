package websocket

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// Options says how WebSocket connections behave. The zero value, or nil, means the defaults.
type Options struct {
	_ struct{}

	// RPC is for the connections. Its Bootstrap is what the dialling side offers; a Handler sets it.
	RPC *rpc.Options

	// Ping is the time between two pings, and the time in which an answer has to come; default 30 s,
	// negative for none.
	Ping time.Duration

	// Client and Header are for the HTTP request of Dial; nil means http.DefaultClient and nothing
	// besides what the protocol needs.
	Client *http.Client
	Header http.Header

	// Origins are the hosts, as patterns of path.Match, whose pages a browser lets connect to a
	// Handler besides those of the handler's own host. Who is no browser sends no origin and may
	// always connect: it is no authentication.
	Origins []string

	// Hosts are the names, as patterns of path.Match and without port, under which browsers may ask
	// for a Handler: else a page of a site whose name was made to lead here would be one of the handler's
	// own host (DNS rebinding). Default: addresses, localhost and, where the request did not come to
	// a loopback address, every name. Set it when a proxy on the same machine stands in front.
	Hosts []string
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.RPC == nil {
		out.RPC = &rpc.Options{}
	}
	if out.Ping == 0 {
		out.Ping = 30 * time.Second
	}
	return out
}

const (
	defaultMessage = 8 << 20 // rpc.Limits.MessageBytes
	tableBytes     = 4 << 10 // room for a segment table
)

func (o *Options) conn(ws *websocket.Conn, r *rpc.Options) *rpc.Conn {
	most := r.Limits.MessageBytes
	if most == 0 {
		most = defaultMessage
	}
	return rpc.NewConn(newStream(ws, most+tableBytes+4*int64(r.Limits.Segments), o.Ping), r)
}

// Dial connects to a handler at a URL, "ws://…" or "wss://…" ("http" and "https" mean the same).
// ctx bounds the handshake only.
func Dial(ctx context.Context, url string, o *Options) (*rpc.Conn, error) {
	opt := o.withDefaults()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: opt.Client, HTTPHeader: opt.Header, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, &capnp.Exception{Kind: capnp.Disconnected, Reason: "no WebSocket there", Cause: err}
	}
	return opt.conn(ws, opt.RPC), nil
}

// Handler is an http.Handler that offers a capability on each WebSocket. Put authentication in
// front of it, as for any handler.
//
// An http.Server forgets WebSockets: neither its timeouts nor its Shutdown concern them. Call
// the Shutdown here, too.
type Handler struct {
	boot func(*http.Request) (capnp.Client, error)
	o    Options

	mu     sync.Mutex
	conns  map[*rpc.Conn]struct{}
	closed bool
	gone   sync.WaitGroup // of conns
}

// NewHandler makes a Handler. boot makes the capability for one connection, which is released when
// that ends; the request's context ends then, too. An error refuses the connection as forbidden.
func NewHandler[C capnp.ClientKind](boot func(*http.Request) (C, error), o *Options) *Handler {
	return &Handler{
		boot: func(r *http.Request) (capnp.Client, error) {
			c, err := boot(r)
			return capnp.ClientOf(c), err
		},
		o:     o.withDefaults(),
		conns: map[*rpc.Conn]struct{}{},
	}
}

// ServeHTTP implements http.Handler. It returns when the connection has ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	if !h.o.hostAllowed(r) {
		http.Error(w, "nothing is served here under that name: see Options.Hosts", http.StatusForbidden)
		return
	}
	ctx, end := context.WithCancel(r.Context())
	defer end()
	boot, err := h.boot(r.WithContext(ctx))
	if err != nil {
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	defer boot.Release()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OriginPatterns: h.o.Origins, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // it has answered
	}
	opt := *h.o.RPC
	opt.Bootstrap = boot
	if opt.Name == "" {
		opt.Name = r.RemoteAddr
	}
	c := h.o.conn(ws, &opt)
	if !h.add(c) {
		c.Close()
		return
	}
	defer h.remove(c)
	<-c.Done()
}

func (h *Handler) add(c *rpc.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.conns[c] = struct{}{}
	h.gone.Add(1)
	return true
}

func (h *Handler) remove(c *rpc.Conn) {
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
	h.gone.Done()
}

// Shutdown refuses new connections and ends those that are there in good order (rpc.Conn.Shutdown).
// When ctx ends they are closed at once, and the error is ctx's.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	var conns []*rpc.Conn
	for c := range h.conns {
		conns = append(conns, c)
	}
	h.mu.Unlock()
	errs := make([]error, len(conns))
	var ends sync.WaitGroup
	for i, c := range conns {
		ends.Go(func() { errs[i] = c.Shutdown(ctx) })
	}
	ends.Wait()
	h.gone.Wait()
	if err := errors.Join(errs...); err != nil {
		return context.Cause(ctx)
	}
	return nil
}
