package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/cli/wiretap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

func demoCommand() *cobra.Command {
	var delay time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch capabilities at work over a real socket",
		Long: `Watch capabilities at work over a real socket: a calculator is served on a port of
this machine, and used through a wire that delays every message, so that round
trips can be told apart. Then four people, each a process, have to do with a
contact book: what one of them may do is shared, kept, shared on and taken back.

Nothing that is printed was written in advance: results come from the calculator
and the book, calls and round trips are counted on the wire, mails are read where
they arrived.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), cmd.OutOrStdout(), delay)
		},
	}
	cmd.Flags().DurationVar(&delay, "delay", 25*time.Millisecond, "`TIME` that the wire takes, one way")
	cmd.AddCommand(deputyCommand(), demoActorCommand())
	return cmd
}

// demo serves a calculator, connects to it through a wire, and walks through
// what one can do with it.
func demo(ctx context.Context, out io.Writer, delay time.Duration) (err error) {
	ctx, cancel := context.WithCancel(ctx) // for the wire
	defer cancel()
	addr, stop, err := serveHere(ctx, func(ctx context.Context, l net.Listener) error { return rpc.ServeEach(ctx, l, newCalculator, nil) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	tap, err := wiretap.Start(ctx, "tcp", addr, delay)
	if err != nil {
		return err
	}
	conn, err := rpc.Dial(ctx, "tcp", tap.Addr(), nil)
	if err != nil {
		return err
	}
	defer tap.Wait()
	defer conn.Close()
	fmt.Fprintf(out, "A calculator is served at %s. We reach it over a wire that takes %s each way.\n", addr, delay)
	w := &walk{desk: desk{ctx, rpc.Bootstrap[calculator.Calculator](ctx, conn)}, out: out, tap: tap}
	for _, act := range acts {
		if err := act(w); err != nil {
			return err
		}
	}
	return nil
}

// A walk is the demo under way.
type walk struct {
	desk
	out  io.Writer
	tap  *wiretap.Tap
	step int
}

// say prints a heading, and what it is about.
func (w *walk) say(title, about string) {
	w.step++
	fmt.Fprintf(w.out, "\n%d. %s\n\n", w.step, title)
	for line := range strings.Lines(about) {
		fmt.Fprintf(w.out, "   %s", line)
	}
	fmt.Fprint(w.out, "\n\n")
}

// act does something and prints what it came to, with what crossed the wire.
func (w *walk) act(what string, do func() (string, error)) error {
	w.tap.Reset()
	start := time.Now()
	result, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	took := time.Since(start)
	n := w.tap.Counts()
	cost := plural(n.Calls, "call")
	if n.CallsBack > 0 {
		cost += " and " + plural(n.CallsBack, "call") + " back"
	}
	w.row(what, result, fmt.Sprintf("%s in %s, %d ms", cost, plural(n.RoundTrips, "round trip"), took.Milliseconds()))
	return nil
}

// row prints something that was done, its result, and what it cost.
func (w *walk) row(what, result, cost string) {
	fmt.Fprintf(w.out, "     %-36s  %-13s  %s\n", what, result, cost)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
