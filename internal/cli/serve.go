package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/cli/config"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [CONFIG]",
		Short: "Serve the objects of a configuration, or one calculator",
		Long: `Serve the objects of a configuration: a file that "lanyard init" makes an example
of in your home, and that is served without CONFIG. Each object is kept under your
petname of the same name, so that you can use and share it at once; what you share
is in the configuration's ledger.

It prints "listening on ADDRESS" once it accepts connections, and what happens on
standard error. On an interrupt (Ctrl-C) or SIGTERM it ends, once the calls under
way have returned or the time to drain is over; a second one ends it at once.

"lanyard serve calculator" serves one calculator without keys, references or
ledger to whoever can connect.`,
		Example: `  lanyard serve
  lanyard serve book.toml
  lanyard serve calculator --listen 127.0.0.1:7000`,
		Args: optional("CONFIG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			file := filepath.Join(h.dir, configFile)
			if len(args) == 1 {
				file = args[0]
				if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) && filepath.Base(file) == file && filepath.Ext(file) == "" {
					return &usageError{cmd.CommandPath(), fmt.Errorf("%q is neither a file nor something that lanyard serves", file)}
				}
			}
			cfg, err := loadConfig(file)
			if err != nil {
				return err
			}
			return serveConfig(cmd, h, cfg)
		},
	}
	cmd.AddCommand(serveCalculatorCommand())
	return cmd
}

// loadConfig reads a configuration.
func loadConfig(file string) (*config.Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	cfg.In(dir)
	return cfg, nil
}

func serveCalculatorCommand() *cobra.Command {
	var listen string
	var recording recording
	var drain time.Duration
	var insecure bool
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
			if a, ok := l.Addr().(*net.TCPAddr); ok && !insecure && !a.IP.IsLoopback() {
				l.Close()
				return &usageError{cmd.CommandPath(), notNear(listen)}
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
	cmd.Flags().BoolVar(&insecure, "insecure", false, "let other machines in, without TLS: everybody on the way can read and change everything")
	recording.flags(cmd)
	cmd.Flags().DurationVar(&drain, "drain", 10*time.Second, "`TIME` that calls under way get to return when the server ends")
	return cmd
}

// notNear is what those hear who would use a plain connection with another machine.
func notNear(address string) error {
	return fmt.Errorf("%s is not on this machine only, and there is no TLS here (--insecure)", address)
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
