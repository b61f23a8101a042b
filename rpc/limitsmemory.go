package rpc

import (
	"fmt"
	"math"
	"runtime/debug"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/engine"
)

// What is the same for every connection: its buffers, chunks, goroutines and structs, and what may
// be held before it is charged. TestIdleConnections measures what an idle one takes.
const (
	connBytes  = 256 << 10
	stackBytes = 16 << 10 // of a method's goroutine, which it shares with the method
)

// WorstCase is how many bytes of live memory one peer can make a connection hold, by the limits
// together. What methods themselves allocate is not in it, nor results until they are queued, nor
// what the collector has not got to yet: with GOGC=100 and no GOMEMLIMIT the process may be
// twice as large.
func (l Limits) WorstCase() int64 {
	l = l.withDefaults()
	n := int64(connBytes)
	n += 6 * l.MessageBytes                                  // the message that is coming, and its table of capabilities
	n += maxInbox + l.MessageBytes                           // read and not seen
	n += l.CallBytes + l.MessageBytes                        // calls that have not returned
	n += l.CallBytes + l.MessageBytes                        // calls given up whose methods run
	n += l.ResultBytes + 4*l.ResultBytes + l.MessageBytes    // calls that have returned
	n += l.QueueBytes + l.MessageBytes                       // to be written
	n += int64(l.Calls) * engine.RowBytes                    //
	n += int64(l.Exports) * engine.ExportBytes               //
	n += int64(l.Imports+2*l.Embargoes) * engine.ImportBytes // imports that are promises have embargoes
	n += engine.MaxPaths * engine.PathBytes
	n += int64(l.Methods) * stackBytes
	return n
}

// ServerWorstCase is the same for all the connections that one Serve accepts. It is less than
// Connections times WorstCase, because together they may hold no more than ServerBytes.
func (l Limits) ServerWorstCase() int64 {
	l = l.withDefaults()
	each := l.WorstCase()
	shared := l.ServerBytes +
		each - connBytes + // whoever goes beyond has to be met first
		int64(l.Connections)*(connBytes+2*chargeStep) +
		int64(min(l.ServerMethods, l.Connections*l.Methods))*stackBytes
	if n := int64(l.Connections); n > 0 && each < math.MaxInt64/n {
		return min(shared, n*each)
	}
	return shared
}

// Budget says in one line what all clients of a server with these limits can make it hold, beside
// the memory limit of the process (GOMEMLIMIT), and whether that fits.
func (l Limits) Budget() (line string, fits bool) {
	l = l.withDefaults()
	worst := l.ServerWorstCase()
	line = fmt.Sprintf("memory: worst case %s for %d connections, at most %s for one",
		inGiB(worst), l.Connections, inGiB(l.WorstCase()))
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return line + "; GOMEMLIMIT is not set", true
	}
	return line + ", of GOMEMLIMIT " + inGiB(limit), worst <= limit
}

func inGiB(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func (c *Conn) crowdedOut() engine.Command {
	return engine.Close(capnp.NewError(capnp.Disconnected, crowdedOut), capnp.NewError(capnp.Overloaded, crowdedOut))
}
