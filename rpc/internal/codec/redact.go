package codec

import (
	"io/fs"
	"net"
	"os"
	"strings"

	"lanyard.dev/capnp"
)

// reasonOf is what the peer gets to read of an exception: no more than it would read itself, and
// without the names of files and the addresses that errors of package os and net have in them.
func reasonOf(x *capnp.Exception) string {
	s := x.Reason
	hideNames(&s, x.Cause)
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	return s
}

func hideNames(s *string, err error) {
	var names []string
	switch x := err.(type) {
	case nil:
		return
	case *fs.PathError:
		names = []string{x.Path}
	case *os.LinkError:
		names = []string{x.Old, x.New}
	case *net.OpError:
		for _, a := range []net.Addr{x.Source, x.Addr} {
			if a != nil {
				names = append(names, a.String())
			}
		}
	case *net.DNSError:
		names = []string{x.Name, x.Server}
	}
	for _, n := range names {
		if len(n) > 1 {
			*s = strings.ReplaceAll(*s, n, "…")
		}
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		hideNames(s, x.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			hideNames(s, e)
		}
	}
}
