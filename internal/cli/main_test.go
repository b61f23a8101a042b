package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{nil, exitOK, ""},
		{errors.New("it broke"), exitError, "lanyard: it broke\n"},
		{errors.New("a\x1b]52;c;evil\x07b\u009b\xffc"), exitError, "lanyard: a\ufffd]52;c;evil\ufffdb\ufffd\ufffdc\n"},
		{&usageError{"lanyard x", errors.New("what?")}, exitUsage, "lanyard: what?\nhint: lanyard x --help\n"},
		{fmt.Errorf("wrapped: %w", &usageError{"lanyard x", errors.New("what?")}), exitUsage, "lanyard: wrapped: what?\nhint: lanyard x --help\n"},
		{&saidError{exitError}, exitError, ""},
		{errors.New("one\nlanyard: two\u202e\n"), exitError, "lanyard: one\n  lanyard: two\ufffd\n"},
		{hinted(errors.New("no"), "ask %s", "al\x1bice"), exitError, "lanyard: no\nhint: ask al\ufffdice\n"},
	} {
		var b strings.Builder
		if status := report(&b, c.err, false); status != c.status || b.String() != c.want {
			t.Errorf("report(%v) = %d, %q, want %d, %q", c.err, status, b.String(), c.status, c.want)
		}
	}
}

// run runs the program and returns what it printed.
func run(args ...string) (status int, stdout, stderr string) {
	var out, err strings.Builder
	status = Main(append([]string{"lanyard"}, args...), strings.NewReader(""), &out, &err)
	return status, out.String(), err.String()
}

// TestCalcDistrustsServer: what a server says is text, and waiting for it ends.
func TestCalcDistrustsServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	evil := capnp.Broken(capnp.NewError(capnp.Failed, "\x1b[2Jgone"))
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(t.Context(), l, calculator.Calculator{Client: evil}, nil) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	status, out, msg := run("calc", l.Addr().String(), "1")
	if status != exitError || out != "" || !strings.Contains(msg, "\ufffd[2Jgone") {
		t.Errorf("calc on an evil server: %d, %q, %q", status, out, msg)
	}

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	status, out, msg = run("calc", "--timeout", "50ms", silent.Addr().String(), "1")
	if status != exitError || out != "" || !strings.Contains(msg, "no answer within 50ms") {
		t.Errorf("calc on a silent server: %d, %q, %q", status, out, msg)
	}
}
