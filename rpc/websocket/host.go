package websocket

import (
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
)

// hostAllowed guards against DNS rebinding: a page of some site whose name was made to lead here says
// that it is the handler's own host. It is asked for browsers only, which send an origin.
func (o *Options) hostAllowed(r *http.Request) bool {
	if r.Header.Get("Origin") == "" {
		return true
	}
	host := hostname(r.Host)
	if len(o.Hosts) > 0 {
		for _, p := range o.Hosts {
			if ok, err := path.Match(strings.ToLower(p), host); ok && err == nil {
				return true
			}
		}
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true // no name that somebody else could point here
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	a, err := netip.ParseAddrPort(local.String())
	return err == nil && !a.Addr().Unmap().IsLoopback()
}

// hostname takes the port and the brackets off a Host header.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}
