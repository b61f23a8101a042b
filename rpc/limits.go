package rpc

import (
	"runtime/debug"
	"time"
)

// Limits bounds what one peer can make a process hold. Zero fields mean the defaults. What goes
// beyond ends the connection, unless said otherwise. docs/limits.md has the table, with what each
// protects against and what all of them come to (WorstCase).
type Limits struct {
	_ struct{}

	MessageBytes int64 // size of one message; default 8 MiB
	Segments     int   // of one message; default 512
	Traversal    int64 // words walked in one message; default 8 Mi
	Depth        int   // nesting of one message; default 64

	Calls     int   // calls of the peer's at a time, from Call to Finish; default 16384
	Running   int   // of them not returned: no more is read until one has; default 4096
	CallBytes int64 // size of their parameters together: likewise; default 16 MiB

	// Methods is how many methods run for the peer at a time, those that wait included; further calls
	// wait, in order. Default 256.
	Methods int

	// BreakAfter is the deadlock breaker: when, because of Running or CallBytes, nothing has been
	// read for so long while calls of ours wait for the peer (six times as long while none do),
	// reading goes on and new calls are refused as overloaded until half of those under way have
	// returned. When calls wait because of Methods and no method has ended for so long, they are
	// refused as overloaded. Default 5 s.
	BreakAfter time.Duration

	// ResultBytes is the size of results with capabilities that the peer has not finished: a call
	// that returns more fails as overloaded. Default 16 MiB. The parameters of calls that are not
	// finished may have four times that.
	ResultBytes int64

	Questions   int // calls of ours at a time; more fail as overloaded; default 65536
	Exports     int // capabilities of ours that the peer holds; default 65536
	Imports     int // capabilities of the peer's that are held here; default 65536
	Promises    int // of them promises that are not resolved; default 4096
	Embargoes   int // on promises, and echoes of the peer's; default 1024
	Caps        int // capabilities in one message; default 1024
	PipelineOps int // steps in one pipelined path; default 64
	Files       int // open files of the peer's held here (Options.Files); more are closed; default 256

	// QueueBytes is the size of the messages that wait to be written; default 16 MiB. Results that
	// go beyond three quarters of it fail as overloaded.
	QueueBytes   int64
	QueueSoft    int64         // beyond this, callers wait before they add to the queue; default 256 KiB
	StallTimeout time.Duration // for the peer to take some of what waits; default 30 s, negative for ever
	CloseTimeout time.Duration // for the peer to take the last messages; default 1 s

	// The rest is for the connections that one Serve accepts.

	Connections   int // at a time; more are closed at once; default 1024
	PerHost       int // of them from one IP address, loopback excepted; default 32
	ServerMethods int // methods that run for all of them together; further calls wait; default 8192

	// ServerBytes is about how much all of them together may hold, besides a fixed amount each. When
	// it is more, the connection that holds most is closed. Default 1 GiB, or half of the
	// runtime's memory limit (GOMEMLIMIT) if that is less.
	ServerBytes int64

	// FirstMessage is how long an accepted connection may be silent at first, and MessageTime how
	// long it may take over each 10 KiB of a message that it has begun. Default 10 s both, negative
	// for ever.
	FirstMessage time.Duration
	MessageTime  time.Duration
}

func (l Limits) withDefaults() Limits {
	set(&l.MessageBytes, 8<<20)
	set(&l.Segments, 512)
	set(&l.Calls, 16384)
	set(&l.Running, 4096)
	set(&l.CallBytes, 16<<20)
	set(&l.Methods, 256)
	set(&l.BreakAfter, 5*time.Second)
	set(&l.ResultBytes, 16<<20)
	set(&l.Exports, 65536)
	set(&l.Imports, 65536)
	set(&l.Promises, 4096)
	set(&l.Embargoes, 1024)
	set(&l.Files, 256)
	set(&l.QueueBytes, 16<<20)
	set(&l.QueueSoft, 256<<10)
	set(&l.StallTimeout, 30*time.Second)
	set(&l.CloseTimeout, time.Second)
	set(&l.Connections, 1024)
	set(&l.PerHost, 32)
	set(&l.ServerMethods, 8192)
	set(&l.ServerBytes, min(1<<30, debug.SetMemoryLimit(-1)/2))
	set(&l.FirstMessage, 10*time.Second)
	set(&l.MessageTime, 10*time.Second)
	return l
}

func set[T int | int64 | time.Duration](p *T, n T) {
	if *p == 0 {
		*p = n
	}
}
