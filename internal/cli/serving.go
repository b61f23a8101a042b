package cli

import (
	"context"
	"net"
)

// serveHere serves at a free port of this machine until stop is called, which waits and returns serve's error.
func serveHere(ctx context.Context, serve func(context.Context, net.Listener) error) (addr string, stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	l, err := listenOn(ctx, "127.0.0.1:0")
	if err != nil {
		cancel()
		return "", nil, err
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-served }, nil
}
