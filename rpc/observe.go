package rpc

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"lanyard.dev/capnp"
)

// An Observer is told what happens on connections, for logs, metrics and traces; docs/observing.md
// says how they fit together. Nil functions are not called. Without observers nothing is measured.
//
// The functions are called with no lock held and outside the protocol's own work, those about one
// call in order. They delay the connection, so they are quick, and never wait for something to
// happen on it. A CallInfo is for reading, and within them: it changes when the call ends.
type Observer struct {
	_ struct{}

	// CallStarted is told of a call, or Bootstrap, when its message is about to be sent or to be
	// acted on. ctx is the caller's; or, for a call of the peer's, that of Options.Values. What it
	// returns is given to the next observer and then to CallEnded; a method that the peer calls
	// sees the values in it.
	CallStarted func(ctx context.Context, c *CallInfo) context.Context

	// CallEnded is told how a call ended: once for every CallStarted, unless it is a method that
	// never returns.
	CallEnded func(ctx context.Context, c *CallInfo)

	// ConnOpened and ConnClosed are told of connections. err says why it closed, as Conn.Err does.
	// Methods that run for the peer may end after that.
	ConnOpened func(c *Conn)
	ConnClosed func(c *Conn, err error)

	// LimitReached is told, by its name in Limits, which limit kept the peer or a caller from
	// something. A peer can make this happen as often as it likes.
	LimitReached func(c *Conn, limit string)
}

// Side says which end of a call this process is.
type Side uint8

const (
	// Caller: the call goes to the peer.
	Caller Side = iota
	// Callee: the call comes from the peer.
	Callee
)

// String returns "caller" or "callee".
func (s Side) String() string {
	if s == Caller {
		return "caller"
	}
	return "callee"
}

// CallInfo describes one call over a connection.
type CallInfo struct {
	_ struct{}

	Conn      *Conn
	Side      Side
	Bootstrap bool   // it asks for the bootstrap capability, and is no method call
	Question  uint32 // its id on the wire; a later call may have the same
	Start     time.Time

	InterfaceID uint64
	MethodID    uint16

	// ParamBytes is the size of the Call message; 0 if it could not be sent.
	ParamBytes int64

	// Method is nil while only the numbers are known: at the callee, until the call ends; for
	// ever, when no object of this process took it.
	Method *capnp.Method

	// Known when the call has ended.
	Duration    time.Duration
	ResultBytes int64 // size of the Return message; 0 if there was none
	Err         error // nil if there are results
}

// Name returns "file.capnp:Interface.method" if that is known, else the numbers; "bootstrap" for
// Bootstrap.
func (c *CallInfo) Name() string {
	switch {
	case c.Bootstrap:
		return "bootstrap"
	case c.Method != nil:
		return c.Method.String()
	}
	return fmt.Sprintf("@%#x.@%d", c.InterfaceID, c.MethodID)
}

// Names returns the interface and the method separately, as far as they are known.
func (c *CallInfo) Names() (iface, method string) {
	if c.Method != nil {
		s := c.Method.Spec()
		iface, method = s.InterfaceName, s.MethodName
	}
	if iface == "" {
		iface = fmt.Sprintf("@%#x", c.InterfaceID)
	}
	if method == "" {
		method = fmt.Sprintf("@%d", c.MethodID)
	}
	if c.Bootstrap {
		iface, method = "", "bootstrap"
	}
	return iface, method
}

// String names the connection for logs: Options.Name or the peer's address, and its number if it
// was accepted by Serve.
func (c *Conn) String() string { return c.name }

func nameOf(rwc io.ReadWriteCloser, o *Options) string {
	name := o.Name
	if nc, ok := rwc.(net.Conn); ok && name == "" && nc.RemoteAddr() != nil {
		name = strings.Trim(nc.RemoteAddr().String(), "@")
		if name == "" {
			name = nc.RemoteAddr().Network()
		}
	}
	if o.serial > 0 {
		name += "#" + strconv.Itoa(o.serial)
	}
	return name
}
