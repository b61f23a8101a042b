// Package cli is the lanyard program as a function, one file per subcommand.
// It is not for users to import; scripts and tests run it as they would run
// the program.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the program whose argument list, name included, is args, and
// returns its exit status. By the name of a schema compiler or of its plugin
// it is that. SIGINT and SIGTERM end the context of what runs; the second one ends
// the program.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program whatever it does
	switch strings.TrimSuffix(filepath.Base(args[0]), ".exe") {
	case "capnpc-lanyard", "capnpc-go":
		return pluginMain(args, stdin, stderr)
	case "capnp", "capnpc":
		return capnpMain(ctx, args, stdout, stderr)
	}
	if err := checkArguments(args[1:]); err != nil {
		return report(stderr, err, false)
	}
	root := rootCommand()
	root.SetArgs(args[1:])
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = errInterrupted
	}
	asJSON, _ := cmd.Flags().GetBool("json")
	return report(stderr, err, asJSON)
}

// report prints an error as every command does, and turns it into a status.
func report(stderr io.Writer, err error, asJSON bool) int {
	if err == nil {
		return exitOK
	}
	var said *saidError
	if errors.As(err, &said) {
		return said.status
	}
	f := failureOf(err)
	if asJSON {
		if b, err := json.Marshal(map[string]failure{"error": f}); err == nil {
			fmt.Fprintf(stderr, "%s\n", harmless(b))
			return f.Status
		}
	}
	f.write(stderr)
	return f.Status
}

// A usageError is a command line that the program does not understand.
type usageError struct {
	command string // the command whose help explains
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// A saidError is a failure that the command has already explained.
type saidError struct{ status int }

func (e *saidError) Error() string { return fmt.Sprintf("status %d", e.status) }

// optional is arguments for one that may be left out.
func optional(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return arguments(name)(cmd, args)
	}
}

// arguments checks how many arguments a command gets; names are their names as
// the usage line has them.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		err := fmt.Errorf("%s takes no arguments, got %q", cmd.CommandPath(), args)
		switch {
		case len(args) < len(names):
			err = fmt.Errorf("%s needs %s", cmd.CommandPath(), names[len(args)])
		case len(names) > 0:
			err = fmt.Errorf("%s does not know what to do with %q", cmd.CommandPath(), args[len(names):])
		}
		return &usageError{cmd.CommandPath(), err}
	}
}
