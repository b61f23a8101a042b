package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/ocap"
)

// Exit statuses. They are what scripts go by, so they stay: docs/cli.md lists them.
const (
	exitOK            = 0
	exitError         = 1   // what was asked for went wrong
	exitUsage         = 2   // it was asked for in a way the program does not understand
	exitDenied        = 3   // a condition of a grant refused the call
	exitRevoked       = 4   // the grant was taken back, or the reference gives nothing (any more)
	exitExpired       = 5   // the grant's time is over
	exitExhausted     = 6   // the grant's uses are used up
	exitUnimplemented = 7   // the capability has no such method: it is narrower than that
	exitUnreachable   = 8   // nobody answers, or the connection was lost
	exitOverloaded    = 9   // not now: a rate, a limit, or the server cannot know whether the grant still holds
	exitUnknown       = 10  // nothing is kept here under that name or label
	exitInterrupted   = 130 // Ctrl-C, as shells have it
)

// A failure is an error as scripts see it.
type failure struct {
	Code    string  `json:"code"` // a word for Status
	Status  int     `json:"status"`
	Message string  `json:"message"`
	Hint    string  `json:"hint,omitempty"`
	Retry   float64 `json:"retryAfter,omitempty"` // seconds after which it makes sense to try again
}

// failureOf says what an error is.
func failureOf(err error) failure {
	f := failure{Code: "failed", Status: exitError, Message: printable(err.Error())}
	set := func(code string, status int) { f.Code, f.Status = code, status }
	if h, ok := errors.AsType[*hintError](err); ok {
		f.Hint = printable(h.hint)
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		set("usage", exitUsage)
		if f.Hint == "" {
			f.Hint = usage.command + " --help"
		}
		return f
	}
	if d, ok := ocap.RetryAfter(err); ok {
		f.Retry = d.Seconds()
	}
	x, isCall := errors.AsType[*capnp.Exception](err)
	if isCall { // how the exception came here is no news to people
		f.Message = printable(strings.Replace(err.Error(), x.Error(), x.Reason, 1))
	}
	if c, ok := ocap.CodeOf(err); ok {
		switch {
		case c == ocap.Exhausted && x.Kind == capnp.Overloaded:
			set("overloaded", exitOverloaded)
			return f
		case c == ocap.Denied:
			set("denied", exitDenied)
			return f
		case c == ocap.Revoked:
			set("revoked", exitRevoked)
			return f
		case c == ocap.Expired:
			set("expired", exitExpired)
			return f
		case c == ocap.Exhausted:
			set("exhausted", exitExhausted)
			return f
		case c == ocap.Stale:
			set("stale", exitOverloaded)
			return f
		}
	}
	switch {
	case errors.Is(err, errInterrupted):
		set("interrupted", exitInterrupted)
	case errors.Is(err, petname.ErrUnknown):
		set("unknown", exitUnknown)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNoAnswer):
		set("unreachable", exitUnreachable)
	case isCall && x.Kind == capnp.Unimplemented:
		set("unimplemented", exitUnimplemented)
	case isCall && x.Kind == capnp.Disconnected:
		set("unreachable", exitUnreachable)
	case isCall && x.Kind == capnp.Overloaded:
		set("overloaded", exitOverloaded)
	}
	return f
}

// write prints the failure for people.
func (f failure) write(w io.Writer) {
	fmt.Fprintf(w, "lanyard: %s\n", indented(f.Message))
	if f.Retry > 0 {
		fmt.Fprintf(w, "hint: try again in %s\n", time.Duration(f.Retry*float64(time.Second)).Round(time.Millisecond))
	}
	if f.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", indented(f.Hint))
	}
}

var (
	errInterrupted = errors.New("interrupted; what was asked for was told to stop")
	errNoAnswer    = errors.New("no answer")
)

// A hintError is an error with advice.
type hintError struct {
	hint string
	err  error
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// hinted adds advice to an error that has none.
func hinted(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*hintError](err); ok {
		return err
	}
	return &hintError{fmt.Sprintf(format, args...), err}
}
