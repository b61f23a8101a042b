package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/internal/cli/wiretap"
	"lanyard.dev/service/calculator"
	"lanyard.dev/vat"
)

// serveTap serves a calculator at a vat without TLS, keeps it under the petname calc in a new home, and counts what
// crosses the wire.
func serveTap(t *testing.T, c calculator.Calculator) *wiretap.Tap {
	t.Helper()
	t.Setenv("LANYARD_HOME", filepath.Join(t.TempDir(), "home"))
	if status, _, msg := run("init"); status != exitOK {
		t.Fatal(msg)
	}
	v, err := vat.New(&vat.Options{Restore: func(context.Context, []byte, vat.Key) (capnp.Client, error) {
		return another(c.Client), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- v.ServePlain(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-served, v.Close()); err != nil {
			t.Error(err)
		}
	})
	tap, err := wiretap.Start(ctx, "tcp", l.Addr().String(), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	at, err := vat.ParseAddress(tap.Addr())
	if err != nil {
		t.Fatal(err)
	}
	r, err := vat.NewReference(vat.Key{}, []byte("secret"), at)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	note := petname.Note{Interface: petname.ID(calculator.CalculatorEvaluateMethod.InterfaceID())}
	if err := h.names.Add("calc", capFile(r), note, false); err != nil {
		t.Fatal(err)
	}
	return tap
}

// TestOneRoundTrip: a path takes one round trip however long it is, restoring and arguments included.
func TestOneRoundTrip(t *testing.T) {
	for _, c := range []struct {
		path, want string
		calls      int
	}{
		{"calc.getOperator(op: add)", "func", 1},
		{"calc.getOperator(op: add).call(params: [1, 2]).value", "3", 2},
		{"calc.evaluate(expression: (literal: 5)).read().value", "5", 2},
		{"calc.evaluate(expression: (call: (function: @calc.getOperator(op: multiply).func, params: [(literal: 6), (literal: 7)]))).read().value", "42", 3},
		{"calc.evaluate(expression: (previousResult: @calc.evaluate(expression: (call: (function: @calc.getOperator(op: add), params: [(literal: 40), (literal: 2)]))))).value.read()", "42", 4},
	} {
		tap := serveTap(t, calculator.New(nil))
		status, out, msg := run("call", c.path)
		if status != exitOK || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, %q, %q", c.path, status, out, msg)
		}
		if n := tap.Counts(); n.RoundTrips != 1 || n.Calls != c.calls {
			t.Errorf("%s: %d calls in %d round trips, want %d in 1", c.path, n.Calls, n.RoundTrips, c.calls)
		}
	}
}

// slow is a calculator that takes its time, until nobody wants the result any more.
type slow struct {
	calculator.UnimplementedCalculator
	started chan struct{}
	ended   chan error // why nobody wants it
}

func (s *slow) Evaluate(ctx context.Context, _ calculator.CalculatorEvaluateCall) error {
	close(s.started)
	<-ctx.Done()
	s.ended <- context.Cause(ctx)
	return context.Cause(ctx)
}

// TestInterruptCancels: Ctrl-C ends the call at the other side.
func TestInterruptCancels(t *testing.T) {
	s := &slow{started: make(chan struct{}), ended: make(chan error, 1)}
	serveTap(t, calculator.NewCalculator(s))
	go func() {
		<-s.started
		syscall.Kill(os.Getpid(), syscall.SIGINT)
	}()
	status, out, msg := run("call", "calc.evaluate()")
	if status != exitInterrupted || out != "" || !strings.Contains(msg, "interrupted") {
		t.Errorf("%d, %q, %q", status, out, msg)
	}
	// A connection that breaks would end the call, too, in other words.
	if err := <-s.ended; !errors.Is(err, context.Canceled) || errors.Is(err, capnp.Disconnected) {
		t.Errorf("the call ended with %v: no Finish", err)
	}
}

// TestTimeout: nobody is waited for longer than one wants to.
func TestTimeout(t *testing.T) {
	s := &slow{started: make(chan struct{}), ended: make(chan error, 1)}
	serveTap(t, calculator.NewCalculator(s))
	status, _, msg := run("call", "calc.evaluate()", "--timeout", "200ms")
	if status != exitUnreachable || !strings.Contains(msg, "no answer within 200ms") {
		t.Errorf("%d, %q", status, msg)
	}
	<-s.ended
}

// evil says what a terminal should not hear.
type evil struct {
	calculator.UnimplementedCalculator
}

const escapes = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202e\nlanyard: all is well"

func (evil) Evaluate(context.Context, calculator.CalculatorEvaluateCall) error {
	return capnp.NewError(capnp.Failed, escapes)
}

// TestEvilServer: what a server says is text.
func TestEvilServer(t *testing.T) {
	serveTap(t, calculator.NewCalculator(evil{}))
	status, out, msg := run("call", "calc.evaluate()")
	if status != exitError || strings.ContainsAny(out+msg, "\x1b\x07\u202e") || strings.Contains(msg, "\nlanyard: all") {
		t.Errorf("%d, %q, %q", status, out, msg)
	}
	_, out, msg = run("call", "calc.evaluate()", "--json")
	if strings.ContainsAny(out+msg, "\x1b\x07\u202e") {
		t.Errorf("%q, %q", out, msg)
	}
}

// TestCompletion: what is completed comes from here, and is nothing that a shell would run.
func TestCompletion(t *testing.T) {
	tap := serveTap(t, calculator.New(nil))
	h, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"bob", "$(touch x)", "`id`", "a b", "-rf"} {
		if err := h.names.Give(petname.Gift{Label: label, Petname: "calc"}, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"$(id).cap", "a\nb.cap", "-x.cap"} {
		if err := os.WriteFile(filepath.Join(h.dir, petnameDir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show", ""}, "calc\n:4\n"},
		{[]string{"call", ""}, "calc\n:6\n"},
		{[]string{"call", "calc."}, "calc.evaluate\ncalc.defFunction\ncalc.getOperator\n:6\n"},
		{[]string{"call", "calc.ev"}, "calc.evaluate\n:6\n"},
		{[]string{"call", "calc.evaluate()."}, ":6\n"},
		{[]string{"call", "$(id)."}, ":6\n"},
		{[]string{"revoke", ""}, "bob\n:4\n"},
		{[]string{"drop", "calc", ""}, ":4\n"},
	} {
		_, out, _ := run(append([]string{"__complete"}, c.args...)...)
		if out != c.want {
			t.Errorf("%q completes to %q, want %q", c.args, out, c.want)
		}
	}
	if n := tap.Counts(); n.Messages != 0 {
		t.Errorf("completing took %d messages", n.Messages)
	}
}
