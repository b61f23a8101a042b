package vat

import (
	"net"
	"syscall"
)

// peerUser is the user at the other end of a unix socket; false if the system does not tell.
func peerUser(c net.Conn) (uid int, ok bool) {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, true
	}
	uid = -1
	// What fails leaves -1, which is nobody.
	raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid, true
}
