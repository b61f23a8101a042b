// Command record keeps what a client and a server say to each other:
//
//	record -server ADDR -out DIR/NAME client-program arguments… {}
//
// It runs the client with its own address in the place of {}, passes everything
// on to the server at ADDR (HOST:PORT), and stores the tape when the client has
// ended. The client has to succeed and to make one connection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lanyard.dev/interop/internal/tape"
)

func main() {
	server := flag.String("server", "", "address of the server, `HOST:PORT`")
	out := flag.String("out", "", "where to store the tape, `DIR/NAME`")
	limit := flag.Duration("limit", time.Minute, "time limit for the client")
	flag.Parse()
	if *server == "" || *out == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	t, err := record(ctx, *server, flag.Args())
	if err == nil {
		err = t.Save(filepath.Dir(*out), filepath.Base(*out))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %d messages\n", *out, len(t))
}

func record(ctx context.Context, server string, command []string) (tape.Tape, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	type result struct {
		tape tape.Tape
		err  error
	}
	recorded := make(chan result, 1)
	go func() {
		t, err := one(ctx, l, server)
		recorded <- result{t, err}
	}()

	for i, arg := range command {
		command[i] = strings.ReplaceAll(arg, "{}", l.Addr().String())
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	l.Close() // a client that never connected has ended, too
	r := <-recorded
	return r.tape, r.err
}

// one records the first connection.
func one(ctx context.Context, l net.Listener, server string) (tape.Tape, error) {
	client, err := l.Accept()
	if err != nil {
		return nil, errors.New("the client did not connect")
	}
	defer client.Close()
	var d net.Dialer
	upstream, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer upstream.Close()
	return tape.Record(client, upstream)
}
