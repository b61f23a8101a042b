package capnp

import "context"

// What those who watch calls may ask, from any goroutine.

// KnownMethod returns the method called, or nil if it is not known (yet): a call that comes over a
// connection has only numbers until an object in this process takes it.
func (c *Call) KnownMethod() *Method {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.method
}

// Caller returns the context that the call was made with. For a call that came from a peer, and
// for one that cannot tell, it is the call's own, which has the values of the connection.
func (c *Call) Caller() context.Context {
	switch r := c.ret.(type) {
	case *Answer:
		return r.context()
	case *streamed:
		return r.a.context()
	case interface{ Caller() context.Context }: // a wrapper's
		return r.Caller()
	}
	return c
}
