package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/conform"
)

func conformCommand() *cobra.Command {
	var o struct {
		json, remote bool
		only         string
		timeout      time.Duration
	}
	cmd := &cobra.Command{
		Use:   "conform ADDRESS",
		Short: "Attack a server of your own and see what it does",
		Long: `Attack a server of your own, message by message, and see what it does: a table of
what was tried, what the protocol or prudence asks for, and what the server did.
Nothing is flooded, but a server may well end: use one that nobody needs.

Any server of Cap'n Proto's RPC will do; no method of it is called. Cases that
need methods are tried where the server offers Lanyard's test service, and are
n/a elsewhere.

The status is 1 if the server differs anywhere.`,
		Example: `  lanyard serve calculator --listen 127.0.0.1:7000 &
  lanyard conform 127.0.0.1:7000
  lanyard conform unix:/tmp/calculator --only R03 --json`,
		Args: arguments("ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dial, err := attackable(cmd.Context(), args[0], o.remote)
			if err != nil {
				return err
			}
			results, err := attack(cmd.Context(), dial, o.only, o.timeout)
			if err != nil {
				return err
			}
			if o.json {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "\t")
				err = e.Encode(results)
			} else {
				err = conform.Print(cmd.OutOrStdout(), results)
			}
			if err != nil {
				return err
			}
			for _, r := range results {
				if r.Failed() {
					return &saidError{exitError}
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.remote, "remote-ok", false, "the server is mine, though on another machine")
	f.StringVar(&o.only, "only", "", "try only cases whose `NAME`, as in R03/twice, begins so")
	f.DurationVar(&o.timeout, "timeout", 2*time.Second, "how long to wait for what should come")
	return cmd
}

// attackable finds a server that may be attacked: one on this machine, unless remote says otherwise.
func attackable(ctx context.Context, s string, remote bool) (dial func(context.Context) (net.Conn, error), err error) {
	network, address, err := parseAddress(s)
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		if !remote && !addrs[0].Unmap().IsLoopback() {
			return nil, fmt.Errorf("%s is not on this machine: attack servers of your own only (--remote-ok)", s)
		}
		address = net.JoinHostPort(addrs[0].String(), port) // and no other later on
	}
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}, nil
}

// attack plays the cases whose names begin with only, until the server is gone.
func attack(ctx context.Context, dial func(context.Context) (net.Conn, error), only string, timeout time.Duration) ([]conform.Result, error) {
	all, err := conform.Cases()
	if err != nil {
		return nil, err
	}
	var cases []conform.Case
	for _, c := range all {
		if strings.HasPrefix(c.ID+"/"+c.Name, only) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("no case begins with %q", only)
	}
	server, err := conform.New(ctx, dial, timeout)
	if err != nil {
		return nil, fmt.Errorf("this does not answer as a Cap'n Proto server does: %w", err)
	}
	var results []conform.Result
	for r, err := range server.All(ctx, cases) {
		if err != nil {
			return nil, err
		}
		results = append(results, r)
		if r.Verdict == conform.Gone {
			break
		}
	}
	return results, nil
}
