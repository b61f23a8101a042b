package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/ocap"
)

// TestFailures: scripts tell errors apart by status and code, the same ones on this side of a connection as on the other.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{errors.New("x"), "failed", 1},
		{&usageError{"lanyard x", errors.New("x")}, "usage", 2},
		{ocap.Denied.Errorf("x"), "denied", 3},
		{ocap.Revoked.Errorf("x"), "revoked", 4},
		{ocap.Expired.Errorf("x"), "expired", 5},
		{ocap.Exhausted.Errorf("x"), "exhausted", 6},
		{capnp.NewError(capnp.Unimplemented, "x"), "unimplemented", 7},
		{capnp.NewError(capnp.Disconnected, "x"), "unreachable", 8},
		{context.DeadlineExceeded, "unreachable", 8},
		{errNoAnswer, "unreachable", 8},
		{capnp.NewError(capnp.Overloaded, "x"), "overloaded", 9},
		{ocap.Later(time.Second, "x"), "overloaded", 9},
		{ocap.Stale.Errorf("x"), "stale", 9},
		{petname.ErrUnknown, "unknown", 10},
		{errInterrupted, "interrupted", 130},
	} {
		for _, err := range []error{c.err, fmt.Errorf("calling book: %w", c.err)} {
			if f := failureOf(err); f.Code != c.code || f.Status != c.status {
				t.Errorf("%v: %s, %d, want %s, %d", err, f.Code, f.Status, c.code, c.status)
			}
		}
	}
	var b strings.Builder
	if status := report(&b, ocap.Later(1500*time.Millisecond, "not so fast\x1b[2J"), true); status != exitOverloaded {
		t.Errorf("status %d", status)
	}
	var got struct{ Error failure }
	want := failure{Code: "overloaded", Status: 9, Message: "not so fast\ufffd[2J", Retry: 1.5}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got.Error != want {
		t.Errorf("%s\ngot %+v, %v, want %+v", b.String(), got.Error, err, want)
	}
}

// TestPrintable: nothing from afar drives the terminal or looks like something else.
func TestPrintable(t *testing.T) {
	evil := "a\x1b]52;c;ZXZpbA==\x07b\x1b[2J\u009b31mc\u202eexe.txt\u2066\u200bd\x7f\r\xff\u2028\U000e0041"
	clean := "a\ufffd]52;c;ZXZpbA==\ufffdb\ufffd[2J\ufffd31mc\ufffdexe.txt\ufffd\ufffdd\ufffd\ufffd\ufffd\ufffd\ufffd"
	if got := printable(evil); got != clean {
		t.Errorf("got %q, want %q", got, clean)
	}
	if got := oneLine("a\nlanyard: b"); got != "a⏎lanyard: b" {
		t.Errorf("got %q", got)
	}
	var b strings.Builder
	table(&b, []string{"A", "B"}, [][]string{{"x\ty", "1\n2"}, {"long cell", "z"}})
	if want := "A          B\nx\ufffdy        1⏎2\nlong cell  z\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	j, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	j = harmless(j)
	if got := printable(string(j)); got != string(j) {
		t.Errorf("JSON that is not safe to print: %q", j)
	}
	var back string
	if err := json.Unmarshal(j, &back); err != nil || back != strings.ToValidUTF8(evil, "\ufffd") {
		t.Errorf("JSON reads as %q, %v", back, err)
	}
}

// TestSecretArguments: a reference in an argument list is refused by every command, and not repeated.
func TestSecretArguments(t *testing.T) {
	const fp = "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
	for _, c := range []struct {
		args  []string
		taken bool
	}{
		{[]string{"add", "book", "capnp://" + fp + "@127.0.0.1:7000/" + secret}, false},
		{[]string{"version", "CAPNP://" + fp + "@h:1/" + secret}, false},
		{[]string{"call", "x.y()", `{"ref": "capnp://insecure@h:1/` + secret + `"}`}, false},
		{[]string{"show", "--from=capnp://" + fp + "@/run/s/" + secret + "?at=h:2"}, false},
		{[]string{"version", "capnp://" + fp + "@h:1"}, true}, // names a server, gives nothing
	} {
		status, out, msg := run(c.args...)
		refused := status == exitUsage && strings.Contains(msg, "Consider it leaked")
		if refused == c.taken || strings.Contains(out+msg, secret) {
			t.Errorf("%q: %d, %q, %q", c.args, status, out, msg)
		}
	}
}
