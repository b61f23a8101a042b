// Command record keeps what a client and a server say to each other:
//
//	record -server ADDR -out FILE client-program arguments… {}
//
// It runs the client with its own address in the place of {} and passes
// everything on to the server at ADDR (HOST:PORT). The client has to succeed and
// to make one connection.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"lanyard.dev/interop/internal/tape"
)

func main() {
	server := flag.String("server", "", "address of the server, `HOST:PORT`")
	out := flag.String("out", "", "where to store the recording, `FILE`")
	limit := flag.Duration("limit", time.Minute, "time limit for the client")
	flag.Parse()
	if *server == "" || *out == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	var b bytes.Buffer
	err := record(ctx, &b, *server, flag.Args())
	if err == nil {
		err = os.WriteFile(*out, b.Bytes(), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %d bytes\n", *out, b.Len())
}

func record(ctx context.Context, w io.Writer, server string, command []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	recorded := make(chan error, 1)
	go func() { recorded <- one(ctx, w, l, server) }()

	for i, arg := range command {
		command[i] = strings.ReplaceAll(arg, "{}", l.Addr().String())
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	l.Close() // a client that never connected has ended, too
	return <-recorded
}

// one records the first connection.
func one(ctx context.Context, w io.Writer, l net.Listener, server string) error {
	client, err := l.Accept()
	if err != nil {
		return errors.New("the client did not connect")
	}
	defer client.Close()
	var d net.Dialer
	upstream, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	defer upstream.Close()
	return tape.Record(w, client, upstream)
}
