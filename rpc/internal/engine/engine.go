package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lanyard.dev/capnp"
)

// Host is what the engine needs from the connection around it.
type Host interface {
	// Send queues m to be written; it does not keep m. An error means that m, a Call or
	// a Return with results, cannot be sent at all, because of its size for example.
	Send(m *Message) error
	// Push queues cmd for Do, from any goroutine and with locks held, and notes the inbox in t.
	Push(cmd Command, t *capnp.Turn)
	// Admit waits, for a caller in the application, until there is room in the queue.
	Admit(ctx context.Context) error
	// Await returns when w has settled.
	Await(w *capnp.Waiter)
	// Hasten writes what may wait to be written no longer.
	Hasten()
	// Bootstrap returns the hook that the peer's Bootstrap gets, retained for the engine; nil if
	// there is none.
	Bootstrap() capnp.Hook
	// Objects returns the hook that gets a Bootstrap that names an object, as a call of no method
	// whose parameter is the name and whose result is the object; nil if there is none.
	Objects() capnp.Hook
	// Context is the base of the contexts of incoming calls: its values only.
	Context() context.Context
	// Closed is called once, when the engine has shut down because of err.
	Closed(err error)
}

// Limits bounds what a peer can make the engine hold. Zero fields mean the defaults.
type Limits struct {
	Answers   int   // calls of the peer's that are not finished; default 16384
	Running   int   // calls of the peer's that have not returned: Full; default 4096
	Questions int   // calls of ours; default 65536
	Exports   int   // capabilities the peer may refer to; default 65536
	Imports   int   // capabilities of the peer's; default 65536
	Embargoes int   // default 1024
	Caps      int   // capabilities in one message; default 1024
	Promises  int   // of the peer's, not resolved; default 4096
	CallBytes int64 // of the parameters of calls that have not returned: Full; default 16 MiB
	// Results of calls that are not finished; default 16 MiB.
	ResultBytes int64
	Ops         int // steps in one pipelined path; default 64

	Files bool // the host carries the files of capabilities
}

// WithDefaults returns l with its zero fields filled in.
func (l Limits) WithDefaults() Limits {
	def := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	def(&l.Answers, 16384)
	def(&l.Running, 4096)
	def(&l.Promises, 4096)
	def(&l.Questions, 65536)
	def(&l.Exports, 65536)
	def(&l.Imports, 65536)
	def(&l.Embargoes, 1024)
	def(&l.Caps, 1024)
	def(&l.Ops, 64)
	if l.CallBytes == 0 {
		l.CallBytes = 16 << 20
	}
	if l.ResultBytes == 0 {
		l.ResultBytes = 16 << 20
	}
	return l
}

// Engine is the state of one connection: the four tables of rpc.capnp and the embargoes. It is
// owned by whoever drains the host's inbox; nothing in it is locked but what remote says.
//
// Invariants, checked by check:
//   - every row of questions has been announced to the peer and not been finished;
//   - a row of answers stays until its Return has been sent and its Finish has come;
//   - exports[id].refs is the number of references that messages of ours gave to the peer, less
//     what the peer released; imports[id].count likewise the other way;
//   - a remote with an embargo is in embargoes, and only those have a queue.
type Engine struct {
	host   Host
	limits Limits

	questions table[*question]
	high      map[uint32]*question // those that get no Return; their ids have bit 31 set
	nextHigh  uint32
	noHints   bool // the peer returned one of those: it does not know the hint
	answers   map[uint32]*answer
	orphans   map[*answer]struct{} // finished, the id is free, and no Return will follow
	exports   table[*export]
	byHook    map[capnp.Hook]*export
	imports   map[uint32]*remote
	embargoes table[*remote]

	callMsg   Message    // scratch: a host is done with a message when Send returns
	returnMsg Message    // likewise
	after     []*Message // to be sent after the message that is being made
	callBytes int64      // of the parameters of calls that have not returned
	held      bounds
	closed    error
	leaving   error      // what new calls end with; nil while they are welcome
	watcher   Watcher    // nil for none
	flow      capnp.Flow // of the streams that go out here; locked by itself

	broken sabotage // tests only: what the engine does wrong
}

// sabotage is what tests leave out, to see that they would notice.
type sabotage struct{ noEmbargo, noBarrier bool }

// New makes an engine.
func New(host Host, limits Limits) *Engine {
	return &Engine{
		host:    host,
		limits:  limits.WithDefaults(),
		answers: map[uint32]*answer{},
		high:    map[uint32]*question{},
		orphans: map[*answer]struct{}{},
		byHook:  map[capnp.Hook]*export{},
		imports: map[uint32]*remote{},
	}
}

// Command is something for the engine to do, made by the engine's own hooks or by the functions
// below and handed back to Do in order.
type Command struct {
	op     op
	remote *remote
	call   *capnp.Call
	row    *answer
	result capnp.Result
	q      *question
	export *export
	hook   capnp.Hook
	msg    *Message
	id     uint32
	err    error

	pointed bool // opLoopback
	ask     func(*Engine)
}

type op uint8

const (
	opReceive op = iota
	opCall
	opReturn
	opCancel
	opReleased
	opSettled
	opIdle
	opUnused
	opAbandon
	opBootstrap
	opEcho
	opLoopback
	opClose
	opAsk
)

// Receive is the command for a message that arrived.
func Receive(m *Message) Command { return Command{op: opReceive, msg: m} }

// Received returns the message of a Receive command, which the engine has done with after Do.
func (cmd *Command) Received() *Message {
	if cmd.op == opReceive {
		return cmd.msg
	}
	return nil
}

// AskBootstrap is the command to ask for the peer's bootstrap capability, or if id is not empty for
// the object of that name; c ends with it.
func AskBootstrap(c *capnp.Call, id []byte) Command {
	cmd := Command{op: opBootstrap, call: c}
	if len(id) > 0 {
		cmd.msg = &Message{ObjectID: id}
	}
	return cmd
}

// Close is the command to shut down. If abort is not nil the peer is told.
func Close(err error, abort *capnp.Exception) Command {
	cmd := Command{op: opClose, err: err}
	if abort != nil {
		cmd.msg = &Message{Type: Abort, Exception: abort}
	}
	return cmd
}

// Ask is the command to call f with the engine.
func Ask(f func(*Engine)) Command { return Command{op: opAsk, ask: f} }

// Do carries out one command.
func (e *Engine) Do(cmd *Command, t *capnp.Turn) {
	switch cmd.op {
	case opReceive:
		e.receive(cmd.msg, t)
	case opCall:
		e.call(cmd.remote, cmd.call, t)
	case opReturn:
		e.doReturn(cmd.row, cmd.result, t)
		e.stays(cmd.row, t)
	case opCancel:
		e.cancel(cmd.q, t)
	case opReleased:
		e.released(cmd.remote, t)
	case opSettled:
		e.resolve(cmd.export, t)
	case opIdle:
		e.maybeCancel(cmd.row, t)
	case opUnused:
		e.maybeOver(cmd.q, t)
	case opAbandon:
		cmd.q.last.held = false
		e.maybeOver(cmd.q, t)
	case opBootstrap:
		e.bootstrap(cmd.call, cmd.msg, t)
	case opEcho:
		e.echo(cmd.remote, cmd.id, t)
	case opLoopback:
		e.loopback(cmd.hook, cmd.id, cmd.pointed, t)
	case opClose:
		if cmd.msg != nil && e.closed == nil {
			e.host.Send(cmd.msg)
		}
		e.shutdown(cmd.err, t)
	case opAsk:
		cmd.ask(e)
	}
	e.check()
}

// send queues m and whatever has to follow it.
func (e *Engine) send(m *Message) error {
	err := e.host.Send(m)
	for _, m := range e.after {
		e.host.Send(m)
	}
	e.after = e.after[:0]
	return err
}

// fail ends the connection because the peer broke the protocol.
func (e *Engine) fail(t *capnp.Turn, format string, args ...any) {
	if e.closed != nil {
		return
	}
	reason := fmt.Sprintf(format, args...)
	e.host.Send(&Message{Type: Abort, Exception: capnp.NewError(capnp.Failed, reason)})
	e.shutdown(&capnp.Exception{Kind: capnp.Disconnected, Reason: "the peer broke the protocol: " + reason}, t)
}

// shutdown settles everything with err and empties the tables.
func (e *Engine) shutdown(err error, t *capnp.Turn) {
	if e.closed != nil {
		return
	}
	if err == nil {
		err = capnp.NewError(capnp.Disconnected, "the connection is closed")
	}
	e.closed = err
	broken := capnp.BrokenHook(err)
	for _, q := range slices.AppendSeq(e.questions.all(), maps.Values(e.high)) {
		e.drop(q)
		if !q.done {
			e.finishPaths(q, capnp.Result{Err: err}, t)
		}
		q.end(capnp.Result{Err: err}, t)
	}
	for _, r := range e.embargoes.all() {
		e.embargoes.remove(r.embargoID)
		r.embargo = false
		queue := r.queue
		r.queue = nil
		r.sever(broken, t)
		e.publish(r, t)
		for _, q := range queue {
			if q.call != nil {
				q.call.Refuse(err, t)
			}
			r.Release(t)
		}
		e.released(r, t)
	}
	for id, r := range e.imports {
		delete(e.imports, id)
		r.detach()
		if r.settled == nil {
			e.settle(r, broken, false, t)
		}
	}
	for _, x := range e.exports.all() {
		e.exports.remove(x.id)
		delete(e.byHook, x.hook)
		x.gone = true
		x.hook.Release(t)
	}
	for _, row := range slices.AppendSeq(slices.Collect(maps.Values(e.answers)), maps.Keys(e.orphans)) {
		row.call.Cancel(err, t)
		if row.taker != nil {
			row.taker.end(capnp.Result{Err: err}, t)
		}
		row.dropResults(t)
	}
	clear(e.answers)
	clear(e.orphans)
	e.host.Closed(err)
}

// Calls is the number of calls under way, in both directions.
func (e *Engine) Calls() int { return e.questions.len() + e.asked() }

// asked is the number of calls of the peer's that hold something here.
func (e *Engine) asked() int { return len(e.answers) + len(e.orphans) }

// Stats is the number of rows in each table.
type Stats struct{ Questions, Answers, Exports, Imports, Embargoes int }

// Stats counts the rows. Call it from the inbox, like Do.
func (e *Engine) Stats() Stats {
	return Stats{e.questions.len() + len(e.high), e.asked(), e.exports.len(), len(e.imports), e.embargoes.len()}
}
