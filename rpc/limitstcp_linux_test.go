package rpc

import (
	"net"
	"syscall"
	"testing"
)

// Both ends of a TCP connection notice within half a minute that the other has gone.
func TestKeepAlive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(nc, nil)
	defer c.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	option := func(what string, level, name, want int) {
		raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), level, name); err != nil || got != want {
				t.Errorf("%s is %d (%v), want %d", what, got, err, want)
			}
		})
	}
	option("TCP_USER_TIMEOUT, in ms,", syscall.IPPROTO_TCP, tcpUserTimeout, 30000)
	option("SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	option("TCP_KEEPIDLE, in s,", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15)
	option("TCP_KEEPINTVL, in s,", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 5)
	option("TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3)
}
