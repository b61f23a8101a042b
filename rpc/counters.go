package rpc

import (
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc/internal/engine"
)

// counters count what went over a connection.
type counters struct {
	messagesSent, messagesReceived atomic.Int64
	callsSent, callsReceived       atomic.Int64
	writes                         atomic.Int64
	bytesReceived                  atomic.Int64
}

func (c *counters) sent(m *engine.Message) {
	c.messagesSent.Add(1)
	switch m.Type {
	case engine.Call, engine.Bootstrap:
		c.callsSent.Add(1)
	}
}

func (c *counters) received(m *engine.Message, in *capnp.Message) {
	c.messagesReceived.Add(1)
	c.bytesReceived.Add(sizeOf(in))
	switch m.Type {
	case engine.Call, engine.Bootstrap:
		c.callsReceived.Add(1)
	}
}

// arrived looks at a message before the engine gets it.
func (c *Conn) arrived(m *engine.Message, in *capnp.Message) {
	c.counts.received(m, in)
	if c.watching != nil && c.watching.call && (m.Type == engine.Call || m.Type == engine.Bootstrap) {
		c.watching.arrived(m, in)
	}
	if m.Exception != nil {
		c.traces.incoming(m.Exception)
	}
}

// Stats is what a connection holds and has done.
type Stats struct {
	// Rows of the tables: calls of ours that wait, calls of the peer's, capabilities the peer
	// holds, capabilities of the peer's, promises whose path is being shortened.
	Questions, Answers, Exports, Imports, Embargoes int

	MessagesSent, MessagesReceived int64
	CallsSent, CallsReceived       int64 // Bootstrap included
	BytesSent, BytesReceived       int64 // the latter without segment tables
	Writes                         int64 // system calls that wrote

	// What waits to be written, or is being written.
	QueuedMessages int
	QueuedBytes    int64
	// QueuedFor is how long no write has ended while messages waited: at least, since it is only
	// measured when one waits behind another, or from one Stats to the next. 0 if nothing waits.
	QueuedFor time.Duration
}

// Stats takes stock. The tables of a closed connection are empty.
func (c *Conn) Stats() Stats {
	var e engine.Stats
	done := make(chan struct{})
	c.ask(func(x *engine.Engine) {
		e = x.Stats()
		close(done)
	})
	<-done
	n := &c.counts
	q := c.out.stats()
	return Stats{
		Questions: e.Questions, Answers: e.Answers, Exports: e.Exports, Imports: e.Imports, Embargoes: e.Embargoes,
		MessagesSent: n.messagesSent.Load(), MessagesReceived: n.messagesReceived.Load(),
		CallsSent: n.callsSent.Load(), CallsReceived: n.callsReceived.Load(),
		BytesSent: q.written, BytesReceived: n.bytesReceived.Load(), Writes: n.writes.Load(),
		QueuedMessages: q.messages, QueuedBytes: q.bytes, QueuedFor: q.wait,
	}
}
