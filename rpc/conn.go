package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/internal/wire"
	"lanyard.dev/rpc/internal/codec"
	"lanyard.dev/rpc/internal/engine"
)

// Options says how a connection behaves. The zero value, or nil, means the defaults.
type Options struct {
	_ struct{}

	// Bootstrap is what the peer gets when it asks for a capability to start with. It stays the
	// caller's. Serve sets it for the connections it accepts.
	Bootstrap capnp.Client

	// Object, if not nil, gets what a peer asks for that names an object in its question, instead of
	// Bootstrap: with BootstrapObject, or as the OCaml implementation does for what a reference
	// stands for. It runs like a method, many at a time, with a context that ends when the peer no
	// longer wants the object. The connection takes over what it returns. Without it such a
	// question fails.
	Object func(ctx context.Context, id []byte) (capnp.Client, error)

	// Limits bounds what the peer can make this process hold.
	Limits Limits

	// Files is how many open files the peer may send with one message, at most 253; the rest are
	// closed. Above 0 files travel in both directions, with capabilities of a capnp.FileServer: see
	// capnp.FileOf. It needs a unix socket, or a transport that is a FileTransport; over another
	// the connection ends at once. The default 0 carries none. It costs system calls: nothing is
	// read beyond the end of a message.
	Files int

	// DrainTimeout is how long Serve, when its context ends, lets the calls under way on a
	// connection go on (Conn.Shutdown); 0 closes connections at once.
	DrainTimeout time.Duration

	// Logger gets what happens to the connection, at level Debug and below Warn; nil discards. Calls
	// are logged if the logger takes Debug when the connection is made.
	Logger *slog.Logger

	// Observers are told what happens, in this order: see Observer. A Logger is one more.
	Observers []*Observer

	// Name is what logs call the connection; the default is the peer's address. Serve numbers the
	// connections it accepts.
	Name string

	// Traces, if not nil, lets exceptions say where they arose; see there.
	Traces *Traces

	// Values is the base of the contexts that methods called by the peer get: its values, not its
	// cancellation.
	Values context.Context

	logs   *Observer // that Serve shares
	serial int       // of a connection that Serve accepted
	door   *door     // that it came by
}

// Conn is a connection to another vat. It owns the transport and one goroutine, which reads and
// feeds the engine; now and then another, which writes what a reader must not wait for. Callers
// write themselves, and read while they wait.
//
// Invariant: the engine is touched only by whoever drains the inbox, one goroutine at a time.
type Conn struct {
	rwc     io.ReadWriteCloser
	limits  Limits
	boot    capnp.Hook
	client  capnp.Client // keeps boot alive
	objects capnp.Hook   // nil: none by name
	base    context.Context
	log     *slog.Logger
	traces  *Traces

	name     string
	watching *watching // nil if nobody does

	e     *engine.Engine
	table []byte   // scratch of the drainer's
	segs  [][]byte // likewise
	large []wire.Memory

	in struct { // the inbox
		mu       sync.Mutex
		q, spare []engine.Command
		busy     bool
		hurry    bool // somebody else has fed what is being drained, and will not wait for it
	}

	reader  reader
	running atomic.Int32 // goroutines of the connection's own that there are or will be

	out     outbox
	leaving leaving
	files   *carrier     // what rwc is, if it carries files; else nil
	calls   atomic.Int64 // under way, both directions
	slots   *capnp.Slots // for the methods that the peer calls
	flow    flow
	guard   guard
	reap    *time.Timer // closes the transport at last; set before closed is closed
	door    *door       // nil if Serve has not accepted it
	meter   meter       // likewise unused
	charged int64       // owned by the drainer

	counts counters

	closeOnce sync.Once
	closed    chan struct{} // the engine has shut down
	err       error         // set before closed is closed
	done      chan struct{} // the goroutines have gone
}

// NewConn makes a connection over a byte stream, which it owns. It works at once.
func NewConn(rwc io.ReadWriteCloser, o *Options) *Conn {
	if o == nil {
		o = &Options{}
	}
	c := &Conn{
		rwc:    rwc,
		limits: o.Limits.withDefaults(),
		base:   o.Values,
		log:    o.Logger,
		traces: o.Traces,
		closed: make(chan struct{}),
		done:   make(chan struct{}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if !o.Bootstrap.IsNull() {
		c.client = capnp.AddRef(bootstrapClient{o.Bootstrap}).Client
		c.boot = capnp.HookOf(c.client)
	}
	if o.Object != nil {
		c.objects = capnp.HookOf(capnp.NewServer(objects{o.Object}))
	}
	l := c.limits
	var refused error
	if o.Files > 0 {
		c.files, refused = newCarrier(rwc, o.Files, l.Files)
	}
	c.e = engine.New(c, engine.Limits{
		Answers: l.Calls, CallBytes: l.CallBytes, Questions: l.Questions, Exports: l.Exports, Imports: l.Imports,
		Embargoes: l.Embargoes, Caps: l.Caps, Ops: l.PipelineOps,
		Running: l.Running, Promises: l.Promises, ResultBytes: l.ResultBytes,
		Files: c.files != nil,
	})
	c.guard.c = c
	if c.files != nil {
		c.rwc = c.files
	}
	var all *capnp.Slots
	if c.door = o.door; c.door != nil {
		all = c.door.methods
	}
	c.slots = capnp.NewSlots(l.Methods, all, c.guard.arm)
	c.e.SetSlots(c.slots)
	c.out.init(l.QueueSoft, c.rwc)
	keepAlive(rwc)
	c.reader.init(c)
	c.name = nameOf(rwc, o)
	if c.watching = watch(c, o); c.watching != nil {
		c.e.Watch(c.watching)
		c.watching.tell(event{kind: connOpened})
	}
	c.running.Store(2) // the reader, and finish
	if c.door != nil {
		c.door.enter(c) // whole: from now on it may be told to end
	}
	go c.reader.loop()
	if refused != nil {
		t := capnp.BeginTurn()
		c.Push(engine.Close(refused, nil), t)
		t.End()
	}
	return c
}

type bootstrapClient struct{ capnp.Client }

// Bootstrap asks for the capability that the peer offers to start with. It is usable at once: calls
// on it travel together with the question. ctx bounds the question, not the capability.
func Bootstrap[C capnp.ClientKind](ctx context.Context, c *Conn) C {
	return capnp.As[C](capnp.StartCall(ctx, func(call *capnp.Call, t *capnp.Turn) {
		c.Push(engine.AskBootstrap(call, nil), t)
	}))
}

// Push implements engine.Host.
func (c *Conn) Push(cmd engine.Command, t *capnp.Turn) {
	c.in.mu.Lock()
	c.in.q = append(c.in.q, cmd)
	c.in.mu.Unlock()
	t.Kick(c)
}

// Drain implements capnp.Inbox.
func (c *Conn) Drain(t *capnp.Turn) {
	in := &c.in
	in.mu.Lock()
	if in.busy || len(in.q) == 0 {
		if in.busy && !t.Lazy() {
			in.hurry = true
		}
		taken := !in.busy && !t.Lazy() // by somebody who may have left writing for later
		in.mu.Unlock()
		if taken {
			c.Hasten()
		}
		return
	}
	in.busy = true
	for len(in.q) > 0 {
		q := in.q
		in.q = in.spare[:0]
		in.mu.Unlock()
		seen := int64(0)
		for i := range q {
			m := q[i].Received()
			if m != nil {
				seen += weight(m)
			}
			c.e.Do(&q[i], t)
			if m != nil {
				c.files.dropLeft(m)
				*m = engine.Message{}
				messages.Put(m)
			}
		}
		clear(q)
		if seen > 0 {
			c.flow.inbox.Add(-seen)
		}
		c.reflow()
		if c.door != nil {
			c.recharge(t)
		}
		c.calls.Store(int64(c.e.Calls()))
		if c.leaving.any.Load() {
			c.leave()
		}
		in.mu.Lock()
		in.spare = q
	}
	if cap(in.spare) > 1024 {
		in.spare = nil
	}
	in.busy = false
	hurry := in.hurry
	in.hurry = false
	in.mu.Unlock()
	if c.watching != nil {
		t.Kick(c.watching)
	}
	switch {
	case c.out.isCorked():
	case t.Background():
		c.flushSome()
	case t.Lazy() && !hurry && c.mayDelay():
		t.LeaveUnflushed(c)
	default:
		c.flush()
	}
}

// messages are engine messages between one being received and the next.
var messages = sync.Pool{New: func() any { return new(engine.Message) }}

// Context implements engine.Host.
func (c *Conn) Context() context.Context { return c.base }

// Bootstrap implements engine.Host.
func (c *Conn) Bootstrap() capnp.Hook {
	if c.boot != nil {
		c.boot.Retain()
	}
	return c.boot
}

// Send implements engine.Host.
func (c *Conn) Send(m *engine.Message) error {
	if m.Exception != nil {
		m.Exception = c.traces.outgoing(m.Exception)
	}
	files := c.files.collect(m)
	mb, err := codec.Encode(m, c.limits.MessageBytes)
	if err != nil {
		closeFiles(files)
		return err
	}
	if m.Type == engine.Return && m.Outcome == engine.Results && c.queueFull((*wire.MessageBuilder)(mb).Words()*8) {
		closeFiles(files)
		return errQueueFull
	}
	c.counts.sent(m)
	c.segs = mb.AppendSegments(c.segs[:0])
	c.table = frame.AppendTable(c.table[:0], c.segs)
	c.large = c.large[:0]
	if b := (*wire.MessageBuilder)(mb); b.NumSegments() > 1 && (m.Type != engine.Return || len(m.Caps) == 0) {
		// Nobody reads it any more. The capabilities of results still lead to pipelined calls.
		c.large, _ = b.Surrender(c.large)
	}
	if c.files != nil {
		c.files.goesOut(c.table, c.segs, files)
	}
	c.out.add(c.table, c.segs, c.large)
	if m.Note != nil {
		c.watching.size(m, c.segs)
	}
	clear(c.segs)
	clear(c.large)
	if c.out.bytes() > c.limits.QueueBytes {
		c.watching.limited("QueueBytes")
		c.push(engine.Close(capnp.NewError(capnp.Disconnected, "the peer does not read what is sent to it"), nil))
	} else if c.out.bytes() > c.limits.QueueSoft {
		c.guard.arm()
	}
	return nil
}

// ask calls f with the engine when its turn comes.
func (c *Conn) ask(f func(*engine.Engine)) {
	t := capnp.BeginTurn()
	c.Push(engine.Ask(f), t)
	t.End()
}

// push queues a command from within the engine: whoever drains now takes it along.
func (c *Conn) push(cmd engine.Command) {
	c.in.mu.Lock()
	c.in.q = append(c.in.q, cmd)
	c.in.mu.Unlock()
}

// Closed implements engine.Host.
func (c *Conn) Closed(err error) {
	c.closeOnce.Do(func() {
		c.err = err
		c.watching.limited(limitOf(err))
		// A goroutine may be writing what the peer does not take.
		c.reap = time.AfterFunc(2*c.limits.CloseTimeout, func() { c.rwc.Close() })
		close(c.closed)
		c.out.close()
		go c.finish()
	})
}

func closeCommand(err error) engine.Command {
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return engine.Close(capnp.NewError(capnp.Disconnected, "the peer closed the connection"), nil)
	case isTransport(err):
		return engine.Close(&capnp.Exception{Kind: capnp.Disconnected, Reason: "the connection was lost", Cause: err}, nil)
	default:
		x := capnp.AsException(err)
		return engine.Close(&capnp.Exception{Kind: capnp.Disconnected, Reason: "the peer sent what is no message: " + x.Reason, Details: x.Details, Cause: err},
			capnp.NewError(capnp.Failed, x.Reason))
	}
}

func isTransport(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*os.SyscallError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed)
}

// Close ends the connection: everything that waits for it fails as disconnected, and methods that
// run for the peer get their contexts ended. It waits for the connection's own goroutines, not for
// those methods.
func (c *Conn) Close() error {
	t := capnp.BeginTurn()
	c.Push(engine.Close(capnp.NewError(capnp.Disconnected, "the connection was closed here"), nil), t)
	t.End()
	<-c.done
	return nil
}

// Abort ends the connection like Close and tells the peer why.
func (c *Conn) Abort(reason string) {
	t := capnp.BeginTurn()
	c.Push(engine.Close(capnp.NewError(capnp.Disconnected, "the connection was aborted here: "+reason), capnp.NewError(capnp.Failed, reason)), t)
	t.End()
	<-c.done
}

// Done returns a channel that is closed when the connection has ended and its goroutines have
// gone.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection ended, or nil while it has not.
func (c *Conn) Err() error {
	select {
	case <-c.closed:
		return c.err
	default:
		return nil
	}
}
