// Command gopeer is our side of the tests and measurements that need a process
// of its own:
//
//	gopeer serve ADDRESS                  serves a Probe (testservice)
//	gopeer calc  ADDRESS [-repeat N]      goes through a calculator's steps
//	gopeer check ADDRESS [-repeat N]      checks every method of a Probe
//	gopeer cancel ADDRESS                 gives calls up, prints how many were cancelled there
//	gopeer load  ADDRESS [-mode M] [-calls N] [-warm N] [-depth N] [-inflight N] [-size N]
//	             [-linger 1]              and keeps the connection until standard input ends
//
// With -tls FILE.pem clients speak TLS to a server whose certificate is in the file.
// ADDRESS is HOST:PORT or unix:PATH. The options, the output and the exit status
// (1: a check failed, 3: time limit) are those of the C++ and Python peers.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

func main() {
	commands := map[string]func(context.Context, *options) error{
		"serve":  serve,
		"calc":   calc,
		"check":  check,
		"load":   load,
		"cancel": cancel,
	}
	if len(os.Args) < 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gopeer serve|calc|check|cancel|load ADDRESS [options]")
		os.Exit(2)
	}
	o := parse(os.Args[1], os.Args[2], os.Args[3:])
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if o.timeout > 0 {
		time.AfterFunc(time.Duration(o.timeout*float64(time.Second)), func() {
			fmt.Fprintln(os.Stderr, "time limit reached")
			os.Exit(3)
		})
	}
	if err := commands[os.Args[1]](ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

// options are all the commands' options; each has its use for some.
type options struct {
	addr     string
	repeat   int
	timeout  float64
	mode     string
	calls    int
	warm     int
	depth    int
	inflight int
	size     int
	linger   int
	tls      string
}

func parse(command, addr string, args []string) *options {
	o := &options{addr: addr}
	f := flag.NewFlagSet("gopeer "+command, flag.ExitOnError)
	f.IntVar(&o.repeat, "repeat", 1, "how often, each on a new connection")
	limit := 60.0
	if command == "serve" {
		limit = 0
	}
	f.Float64Var(&o.timeout, "timeout", limit, "time limit in seconds, 0 for none")
	f.StringVar(&o.mode, "mode", "flight", "flight, chain or stream")
	f.IntVar(&o.calls, "calls", 1000, "calls, chains or chunks")
	f.IntVar(&o.warm, "warm", 0, "calls before the clock starts")
	f.IntVar(&o.depth, "depth", 16, "calls in a chain")
	f.IntVar(&o.inflight, "inflight", 1, "calls unanswered at a time")
	f.IntVar(&o.size, "size", 0, "bytes in each call")
	f.IntVar(&o.linger, "linger", 0, "1: keep the connection until standard input ends")
	f.StringVar(&o.tls, "tls", "", "`FILE` with the certificates to trust: speak TLS")
	f.Parse(args)
	return o
}

// split turns an address into what package net wants.
func split(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// serve serves one Probe to everybody until a signal comes.
func serve(ctx context.Context, o *options) error {
	network, address := split(o.addr)
	if network == "unix" {
		os.Remove(address)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	shown := o.addr
	if network == "tcp" {
		shown = l.Addr().String()
	}
	fmt.Println("listening on", shown)
	return rpc.Serve(ctx, l, testservice.New(), nil)
}

// connect gives f a connection's first capability, and closes the connection.
func connect[C capnp.ClientKind](ctx context.Context, o *options, f func(context.Context, C) error) error {
	conn, err := dial(ctx, o)
	if err != nil {
		return err
	}
	c := rpc.Bootstrap[C](ctx, conn)
	err = f(ctx, c)
	capnp.ClientOf(c).Release()
	return errors.Join(err, conn.Close())
}

func dial(ctx context.Context, o *options) (*rpc.Conn, error) {
	network, address := split(o.addr)
	if o.tls == "" {
		return rpc.Dial(ctx, network, address, nil)
	}
	pem, err := os.ReadFile(o.tls)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", o.tls)
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: trusted}}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return rpc.NewConn(c, nil), nil
}
