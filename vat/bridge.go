package vat

import (
	"context"
	"net"
)

// ListenPrivate listens on a unix socket that only this user can connect to: the socket has mode 0600, its
// folder, which is made if it does not exist, must have 0700, and where the system tells who connects others are turned away.
func ListenPrivate(path string) (net.Listener, error) { panic("soon") }

// Bridge offers what r names on l, as what everybody gets who connects, without TLS: for programs
// that have none, and hold one reference. It heals (Vat.Live). l is on a unix socket, best from ListenPrivate.
// Bridge returns when ctx ends, nil, or the listener fails.
func Bridge(ctx context.Context, v *Vat, r Reference, l net.Listener) error { panic("soon") }
