package codec

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"lanyard.dev/capnp"
)

func TestReasonNamesNoFiles(t *testing.T) {
	_, open := os.Open("/no/such/file")
	rename := os.Rename("/no/such/old", "/no/such/new")
	_, dial := net.Dial("tcp", "127.0.0.1:1")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{open, "open …: "},
		{fmt.Errorf("cannot read the list: %w", open), "cannot read the list: open …: "},
		{errors.Join(rename, open), "rename … …: "},
		{dial, "dial tcp …: "},
		{capnp.Errorf(capnp.Overloaded, "no room: %w", open), "no room: open …: "},
		{errors.New("no such thing as /a/b"), "no such thing as /a/b"}, // the method's own words
	} {
		got := reasonOf(capnp.AsException(tt.err))
		if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "/no/") || strings.Contains(got, "127.0.0.1") {
			t.Errorf("%v: got %q, want %q…", tt.err, got, tt.want)
		}
	}
}

func TestReasonIsCut(t *testing.T) {
	for n, want := range map[int]int{maxReason - 1: maxReason - 1, maxReason: maxReason, maxReason + 1: maxReason} {
		if got := len(reasonOf(capnp.NewError(capnp.Failed, strings.Repeat("a", n)))); got != want {
			t.Errorf("%d bytes: %d are sent, want %d", n, got, want)
		}
	}
	if got := reasonOf(capnp.NewError(capnp.Failed, "a"+strings.Repeat("ä", maxReason))); !utf8.ValidString(got) {
		t.Error("cut within a rune")
	}
}
