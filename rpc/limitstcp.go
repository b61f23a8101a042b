package rpc

import (
	"io"
	"net"
	"time"
)

// halfOpen is how long it takes at most to notice that the other end of a TCP connection has gone
// without a word.
const halfOpen = 30 * time.Second

// keepAlive makes a TCP connection notice that its other end has gone: if nothing is sent by
// probes, and where the system can (Linux) also while something waits to be acknowledged, which
// elsewhere takes as long as the system thinks fit.
func keepAlive(rwc io.ReadWriteCloser) {
	if x, ok := rwc.(interface{ NetConn() net.Conn }); ok { // TLS
		rwc = x.NetConn()
	}
	tc, ok := rwc.(*net.TCPConn)
	if !ok {
		return
	}
	// Failing, it is as it was before: what ends the connection then is up to the system.
	tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: halfOpen / 2, Interval: halfOpen / 6, Count: 3})
	setUserTimeout(tc, halfOpen)
}
