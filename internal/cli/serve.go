package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

func serveCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "serve",
		Short: "Serve a capability at an address",
		Long: `Serve a capability: whoever can connect to the address holds it. So listen where
only those can connect who should hold it; the default is a port of this
machine, chosen by the system and printed.`,
	})
	cmd.AddCommand(serveCalculatorCommand())
	return cmd
}

func serveCalculatorCommand() *cobra.Command {
	var listen string
	var recording recording
	var drain time.Duration
	cmd := &cobra.Command{
		Use:   "calculator",
		Short: "Serve the calculator of Cap'n Proto's samples",
		Long: `Serve the calculator of Cap'n Proto's samples. The sample clients of the C++ and
Python implementations work with it, and so does "lanyard calc".

It prints "listening on ADDRESS" once it accepts connections. On an interrupt
(Ctrl-C) or SIGTERM it ends, once the calls under way have returned or --drain
is over; a second one ends it at once. Each connection gets a calculator of its own,
with its own limits on work and memory.`,
		Example: `  lanyard serve calculator --listen 127.0.0.1:7000
  lanyard serve calculator --listen unix:/tmp/calculator`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := listenOn(cmd.Context(), listen)
			if err != nil {
				return err
			}
			rec, stop, err := recording.start()
			if err != nil {
				l.Close()
				return err
			}
			if rec != nil {
				l = rec.Listener(l)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", addressOf(l))
			o := &rpc.Options{DrainTimeout: drain}
			budget, fits := o.Limits.Budget()
			if !fits {
				budget += ": more than there is; fewer connections or lower limits would fit"
			}
			fmt.Fprintln(cmd.ErrOrStderr(), budget)
			err = rpc.ServeEach(cmd.Context(), l, newCalculator, o)
			return errors.Join(err, stop())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on: HOST:PORT or unix:PATH; port 0 is any free one")
	recording.flags(cmd)
	cmd.Flags().DurationVar(&drain, "drain", 10*time.Second, "`TIME` that calls under way get to return when the server ends")
	return cmd
}

// parseAddress splits an address as people write it into what package net takes.
func parseAddress(s string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return "", "", fmt.Errorf("address %q has no path", s)
		}
		return "unix", path, nil
	}
	if _, _, err := net.SplitHostPort(s); err != nil {
		return "", "", fmt.Errorf("address %q is neither HOST:PORT nor unix:PATH", s)
	}
	return "tcp", s, nil
}

// listenOn listens at an address as people write it.
func listenOn(ctx context.Context, s string) (net.Listener, error) {
	network, address, err := parseAddress(s)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}

// addressOf writes where l listens as parseAddress reads it.
func addressOf(l net.Listener) string {
	if a := l.Addr(); a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return l.Addr().String()
}

// newCalculator makes the calculator of one connection.
func newCalculator(context.Context) calculator.Calculator { return calculator.New(nil) }
