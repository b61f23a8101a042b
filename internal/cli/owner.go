package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/store"
	"lanyard.dev/vat"
)

// A socket offers one object without TLS.
type socket struct {
	name   string
	l      net.Listener
	object capnp.Client
}

// own sees to it that the owner of the home holds every object that is served, under its name, and opens the sockets
// of those that have one.
func (s *host) own(ctx context.Context) (out []socket, err error) {
	defer func() {
		if err != nil {
			for _, k := range out {
				k.l.Close()
			}
		}
	}()
	for _, name := range s.names() {
		edge, err := s.ownOne(ctx, name)
		if err != nil {
			return out, fmt.Errorf("objects.%s: %w", name, err)
		}
		path := s.cfg.Objects[name].Socket
		if path == "" {
			continue
		}
		c, err := s.forSocket(ctx, edge)
		if err != nil {
			return out, fmt.Errorf("objects.%s.socket: %w", name, err)
		}
		s.closers = append(s.closers, func() error { c.Release(); return nil })
		l, err := vat.ListenPrivate(path)
		if err != nil {
			return out, fmt.Errorf("objects.%s.socket: %w", name, err)
		}
		out = append(out, socket{name, l, c})
	}
	return out, nil
}

// ownOne gives the owner an object. What the owner has already is brought up to date if the server has moved.
func (s *host) ownOne(ctx context.Context, name string) (store.EdgeID, error) {
	iface := petname.ID(s.objects[name].iface)
	have, err := s.home.reference(name)
	switch {
	case errors.Is(err, petname.ErrUnknown):
		secret, edge, err := s.issue(ctx, name)
		if err != nil {
			return edge, err
		}
		r, err := s.vat.Reference(secret[:])
		if err != nil {
			return edge, err
		}
		note := petname.Note{Interface: iface, From: "my own server", Added: time.Now().UTC().Truncate(time.Second)}
		if err := s.home.names.Add(name, capFile(r), note, false); err != nil {
			return edge, err
		}
		s.log.Info("petname", "name", name, "reference", r)
		return edge, nil
	case err != nil:
		return 0, err
	}
	edge, err := s.mine(ctx, name, have)
	if err != nil {
		return edge, err
	}
	r, err := s.vat.Reference(have.Secret())
	if err != nil || r.Equal(have) {
		return edge, err
	}
	note, err := s.home.names.Note(name)
	if err != nil {
		return edge, err
	}
	note.Interface = iface
	s.log.Info("petname", "name", name, "reference", r)
	return edge, s.home.names.Add(name, capFile(r), note, true)
}

// mine finds the edge of a reference that must be to the object of that name.
func (s *host) mine(ctx context.Context, name string, r vat.Reference) (store.EdgeID, error) {
	wrong := hinted(fmt.Errorf("your petname %s is something else", name), "give the object another name, or forget the petname: lanyard drop %s --forget", name)
	if r.Key() != s.vat.Key() {
		return 0, wrong
	}
	secret, err := store.ParseSecret(r.Secret())
	if err != nil {
		return 0, wrong
	}
	chain, err := s.ledger.Restore(ctx, secret, nil)
	switch {
	case errors.Is(err, store.ErrUnknown):
		return 0, hinted(fmt.Errorf("your petname %s is of no use any more: dropped, revoked, or of another ledger", name), "forget it to get a new one: lanyard drop %s --forget", name)
	case err != nil:
		return 0, err
	case chain.Edge().Object != name:
		return 0, wrong
	}
	return chain.Edge().ID, nil
}

// issue makes the owner's reference to an object. If there is an edge already, whose reference the owner has lost, the
// new one takes its place.
func (s *host) issue(ctx context.Context, name string) (store.Secret, store.EdgeID, error) {
	label := "owner of " + name
	if s.cfg.Postgres() { // the servers that share it may be of several owners
		id, err := s.home.identity()
		if err != nil {
			return store.Secret{}, 0, err
		}
		label += ", " + id.Key().String()
	}
	e, err := s.ledger.Resolve(ctx, store.Host, label)
	if err == nil {
		secret, err := s.ledger.Rotate(ctx, store.Host, e.ID)
		return secret, e.ID, err
	}
	if !errors.Is(err, store.ErrUnknown) {
		return store.Secret{}, 0, err
	}
	e, secret, err := s.keeper.Issue(ctx, name, &grant.Terms{Label: label})
	return secret, e.ID, err
}

// forSocket gives what is offered at a socket: an edge of its own below the owner's, so that it can be seen and
// revoked.
func (s *host) forSocket(ctx context.Context, owner store.EdgeID) (capnp.Client, error) {
	const label = "the socket"
	var secret store.Secret
	e, err := s.ledger.Resolve(ctx, owner, label)
	switch {
	case err == nil:
		secret, err = s.ledger.Rotate(ctx, owner, e.ID)
	case errors.Is(err, store.ErrUnknown):
		_, secret, err = s.ledger.Share(ctx, owner, store.Share{Label: label, Stored: true})
	}
	if err != nil {
		return capnp.Client{}, err
	}
	return s.keeper.Restore(ctx, secret, nil)
}
