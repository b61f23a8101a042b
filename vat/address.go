package vat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address is where a vat may be found: a hint, which need not be right, because the key decides.
type Address struct {
	Network string // "tcp" or "unix"
	Address string // HOST:PORT, or an absolute path
}

// maxPath is the longest path of a unix socket, everywhere.
const maxPath = 103

// ParseAddress reads HOST:PORT, an absolute path, or "unix:" and an absolute path. HOST is a DNS
// name in ASCII, an IPv4 address, or an IPv6 address in brackets.
func ParseAddress(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok || strings.HasPrefix(s, "/") {
		if !ok {
			path = s
		}
		return Address{"unix", path}, checkPath(path)
	}
	return Address{"tcp", s}, checkHostPort(s)
}

// String returns the address as ParseAddress reads it.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return a.Address
}

// text is the address as references have it.
func (a Address) text() string { return a.Address }

func (a Address) check() error {
	switch a.Network {
	case "tcp":
		return checkHostPort(a.Address)
	case "unix":
		return checkPath(a.Address)
	}
	return fmt.Errorf("network %q is neither tcp nor unix", a.Network)
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("address %q is not HOST:PORT", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return fmt.Errorf("address %q has no port between 1 and 65535", s)
	}
	if strings.HasPrefix(s, "[") {
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("address %q has no IPv6 address in its brackets", s)
		}
		return nil
	}
	return checkHost(host)
}

// checkHost takes names that mean one thing to everybody who reads them: no Unicode, whose
// characters may look like others, and nothing that a resolver might read as something else.
func checkHost(host string) error {
	if len(host) > 253 {
		return errors.New("the host name has more than 253 characters")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("host %q is no host name", host)
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
				return fmt.Errorf("host %q has characters that a host name cannot have", host)
			}
		}
	}
	return nil
}

func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("path %q is not absolute", p)
	case len(p) > maxPath:
		return fmt.Errorf("the path of a socket has more than %d characters", maxPath)
	}
	for part := range strings.SplitSeq(p[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("path %q has a part that is empty, . or .. and leads elsewhere", p)
		}
		for i := range len(part) {
			if c := part[i]; !isAlphanumeric(c) && !strings.ContainsRune("-._~+=,:", rune(c)) {
				return fmt.Errorf("path %q has characters that a reference cannot hold", p)
			}
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
