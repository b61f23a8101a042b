package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/cli/transcript"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/record"
)

func traceCommand() *cobra.Command {
	var o transcript.Options
	var schemas []string
	var opt compiler.Options
	cmd := &cobra.Command{
		Use:   "trace FILE",
		Short: "Print what went over recorded connections",
		Long: `Print what went over recorded connections, one line a message: when, on which
connection, in which direction, what it is, which question and capability it is
about, its size, and for a return the time since its question.

A question is qN, numbered by who asks. "export N" is a capability of the
receiver's; descriptors in brackets are the sender's word. Contents of parameters
and results are never printed, and are in the file only if the recording was
made to keep them.

Recordings come from --record of other commands, and from package rpc/record.`,
		Example: `  lanyard trace calc.rec
  lanyard trace calc.rec --schema calculator.capnp
  lanyard trace calc.rec --json | jq 'select(.latency > 0.01)'`,
		Args: arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(schemas) > 0 {
				names, err := methodNames(schemas, &opt, cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				o.Method = func(i uint64, m uint16) string { return names[methodID{i, m}] }
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			r, err := record.NewReader(bufio.NewReader(f))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			if err := transcript.Write(out, r, &o); err != nil {
				return errors.Join(out.Flush(), fmt.Errorf("%s: %w", args[0], err))
			}
			return out.Flush()
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.JSON, "json", false, "one JSON object a line")
	flags.StringArrayVar(&schemas, "schema", nil, "name methods as schema `FILE` does; may be repeated")
	flags.StringArrayVarP(&opt.ImportPaths, "import-path", "I", nil, "`FOLDER` to search for imports that begin with a slash")
	return cmd
}

type methodID struct {
	iface  uint64
	method uint16
}

// methodNames compiles schemas and names the methods in them and in what they import.
func methodNames(files []string, opt *compiler.Options, stderr io.Writer) (map[methodID]string, error) {
	res, err := compiler.Compile(files, opt)
	if err != nil {
		return nil, err
	}
	if err := diag.Write(stderr, res.Diags, nil); err != nil {
		return nil, err
	}
	if !res.OK() {
		return nil, &saidError{exitError}
	}
	names := map[methodID]string{}
	for _, n := range res.Request.Nodes().All() {
		if n.Which() != schema.NodeWhichInterface {
			continue
		}
		for i, m := range n.Interface().Methods().All() {
			names[methodID{n.Id(), uint16(i)}] = path.Base(n.DisplayName()) + "." + m.Name()
		}
	}
	return names, nil
}

// recording is the flags with which a command records its connections.
type recording struct {
	file     string
	contents bool
}

func (r *recording) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.file, "record", "", "record the traffic in `FILE`, for \"lanyard trace\"")
	cmd.Flags().BoolVar(&r.contents, "record-contents", false, "keep the contents of parameters and results in the recording, secrets and all")
}

// start opens the recording; it returns nil if none is wanted. stop closes it and returns what went
// wrong.
func (r *recording) start() (rec *record.Recorder, stop func() error, err error) {
	if r.file == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(r.file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	rec, err = record.New(f, &record.Options{Contents: r.contents})
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return rec, func() error { return errors.Join(rec.Err(), f.Close()) }, nil
}

// dial connects, and records the connection if that is wanted. stop is called when it has been
// closed.
func (r *recording) dial(ctx context.Context, network, address string) (conn *rpc.Conn, stop func() error, err error) {
	rec, stop, err := r.start()
	if err != nil {
		return nil, nil, err
	}
	if rec == nil {
		conn, err = rpc.Dial(ctx, network, address, nil)
		return conn, stop, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return rpc.NewConn(rec.Wrap(address, c), nil), stop, nil
}
