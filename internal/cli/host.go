package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/config"
	"lanyard.dev/rpc"
	"lanyard.dev/store"
	"lanyard.dev/vat"
)

// A host is a server of a configuration.
type host struct {
	home   *home
	cfg    *config.Config
	log    *slog.Logger
	reg    *schema.Registry // of the objects
	ledger ledger
	keeper *grant.Keeper
	vat    *vat.Vat

	objects map[string]*hosted
	closers []func() error // called last first
}

// serveConfig serves until the command's context ends.
func serveConfig(cmd *cobra.Command, h *home, cfg *config.Config) (err error) {
	s := &host{home: h, cfg: cfg, log: newLogger(cmd.ErrOrStderr(), cfg.Log)}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.reg, err = knownSchemas(); err != nil {
		return err
	}
	if s.objects, err = openObjects(cmd.Context(), cfg, s.log, &s.closers); err != nil {
		return err
	}
	return s.run(cmd.Context(), cmd.OutOrStdout())
}

// run serves the objects until ctx ends, and says where.
func (s *host) run(ctx context.Context, out io.Writer) error {
	listeners, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	if err := s.open(ctx, listeners); err != nil {
		return err
	}
	sockets, err := s.own(ctx)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		fmt.Fprintf(out, "listening on %s\n", addressOf(l))
		s.log.Info("listening", "at", addressOf(l), "key", s.vat.Key().String())
	}
	for _, k := range sockets {
		fmt.Fprintf(out, "listening on %s\n", addressOf(k.l))
		s.log.Info("listening without TLS", "at", addressOf(k.l), "object", k.name)
	}
	return s.serve(ctx, listeners, sockets)
}

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// listen opens the addresses of the configuration.
func (s *host) listen(ctx context.Context) (out []net.Listener, err error) {
	for _, a := range s.cfg.Listen {
		network, address, err := parseAddress(a)
		var l net.Listener
		if err == nil && network == "unix" {
			l, err = vat.ListenPrivate(address)
		} else if err == nil {
			l, err = new(net.ListenConfig).Listen(ctx, network, address)
		}
		if err != nil {
			for _, l := range out {
				l.Close()
			}
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// hints is where others find what listens: what the configuration says, or where it listens.
func (s *host) hints(listeners []net.Listener) (out []vat.Address, err error) {
	for _, a := range s.cfg.Hints {
		at, err := vat.ParseAddress(a)
		if err != nil {
			return nil, fmt.Errorf("hints: %w", err)
		}
		out = append(out, at)
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, l := range listeners {
		text := addressOf(l)
		if a, err := netip.ParseAddrPort(text); err == nil && a.Addr().IsUnspecified() {
			return nil, fmt.Errorf("listen: %s is every address of this machine; say in hints by which one others find it", text)
		}
		at, err := vat.ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		out = append(out, at)
	}
	return out, nil
}

// open opens the ledger and the vat.
func (s *host) open(ctx context.Context, listeners []net.Listener) error {
	at, err := s.hints(listeners)
	if err != nil {
		return err
	}
	id, err := s.home.server()
	if err != nil {
		return err
	}
	if s.ledger, err = openLedger(ctx, s.cfg); err != nil {
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	options := &grant.Options{
		Name:      vatName(s.cfg, id.Key()),
		Reference: s.reference,
		Root: func(object string) uint64 {
			if o := s.objects[object]; o != nil {
				return o.iface
			}
			return 0
		},
		Freshness: time.Duration(s.cfg.Freshness),
		Log:       s.log,
	}
	if s.cfg.Reflection {
		options.Also = (&offered{reg: s.reg, log: s.log}).also
	}
	s.keeper, err = grant.New(ctx, s.ledger, s.ledger, s.reg, s.object, options)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.keeper.Close)
	s.vat, err = vat.New(&vat.Options{
		Identity: id,
		Restore:  s.restore,
		At:       at,
		Registry: s.reg,
		Conn:     &rpc.Options{DrainTimeout: time.Duration(s.cfg.Drain), Logger: s.log},
		Logger:   s.log,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.vat.Close)
	return nil
}

// object implements grant.Objects.
func (s *host) object(ctx context.Context, name string) (capnp.Client, error) {
	o := s.objects[name]
	if o == nil {
		return capnp.Client{}, capnp.Errorf(capnp.Failed, "the object %q is not served any more", name)
	}
	return o.open(ctx)
}

// restore is what a secret stands for, if whoever asks may have it.
func (s *host) restore(ctx context.Context, secret []byte, peer vat.Key) (capnp.Client, error) {
	k, err := store.ParseSecret(secret)
	if err != nil {
		return capnp.Client{}, err
	}
	var owner []byte
	if !peer.IsZero() {
		owner = peer[:]
	}
	return s.keeper.Restore(ctx, k, owner)
}

func (s *host) reference(secret store.Secret) (string, error) {
	r, err := s.vat.Reference(secret[:])
	return r.Reveal(), err
}

// serve accepts connections until ctx ends or a listener fails.
func (s *host) serve(ctx context.Context, listeners []net.Listener, sockets []socket) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	run := func(f func() error) {
		wg.Go(func() {
			err := f()
			cancel() // one that fails takes the others along
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	for _, l := range listeners {
		run(func() error { return s.vat.Serve(ctx, l) })
	}
	for _, k := range sockets {
		run(func() error {
			return rpc.Serve(ctx, k.l, capnp.As[grant.Grant](k.object), &rpc.Options{DrainTimeout: time.Duration(s.cfg.Drain), Logger: s.log})
		})
	}
	<-ctx.Done()
	s.log.Info("ending", "drain", time.Duration(s.cfg.Drain).String())
	wg.Wait()
	return errors.Join(errs...)
}

// close closes what open has opened, in reverse.
func (s *host) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// names lists the objects in order.
func (s *host) names() []string { return slices.Sorted(maps.Keys(s.objects)) }
