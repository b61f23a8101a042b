package rpc

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
)

// ReconnectOptions says how a client of Reconnect behaves. The zero value, or nil, means the
// defaults.
type ReconnectOptions struct {
	_ struct{}

	// Lazy connects only when the client is used, the first time and after a loss. Otherwise it
	// connects at once.
	Lazy bool

	// MinDelay and MaxDelay bound the waiting between attempts. After n failures in a row the delay
	// is random between 0 and MinDelay<<n, but at most MaxDelay: clients that lost one server at
	// one moment do not come back at one moment. A failure is an attempt without success, or a
	// connection that was lost before it carried a call. Defaults 100 ms and 10 s.
	MinDelay, MaxDelay time.Duration

	// Timeout bounds one attempt; default 20 s.
	Timeout time.Duration

	// Attempts is how many in a row may fail before the calls that wait fail, too. The next call
	// then starts anew. Default 10.
	Attempts int

	// QueueCalls and QueueBytes bound the calls that wait for a connection; more are refused as
	// overloaded. Defaults 1024 and 16 MiB.
	QueueCalls int
	QueueBytes int64

	// Shared says that the connections belong to somebody else: they are watched, and never closed.
	Shared bool

	// Judge, if not nil, says what a failed attempt means; attempts is how many have failed in a row.
	// It runs on the goroutine that connects.
	Judge func(err error, attempts int) Verdict

	// Repeat, if not nil, says which calls may be made again when they are on their way at a loss,
	// because it makes no difference how often they are carried out. They wait like calls made after the
	// loss, behind those that wait already, and keep a copy of their parameters. A call on whose results
	// something was pipelined is never repeated, nor one that was repeated twice. Repeat must not block.
	Repeat func(interfaceID uint64, methodID uint16) bool

	// Logger gets gains and losses, at level Info, and failed attempts, at level Debug; nil
	// discards.
	Logger *slog.Logger
}

// Verdict is what a failed attempt to connect means.
type Verdict uint8

const (
	// TryAgain: calls go on waiting.
	TryAgain Verdict = iota
	// TryAgainOverloaded: the calls that wait fail as overloaded, attempts go on.
	TryAgainOverloaded
	// GiveUp: the calls that wait fail with the error; the next call starts anew.
	GiveUp
	// GiveUpForever: the calls that wait, and all that come, fail with the error.
	GiveUpForever
)

// judge is Judge, or what is done without.
func (o *ReconnectOptions) judge(err error, attempts int) Verdict {
	if o.Judge != nil {
		return o.Judge(err, attempts)
	}
	kind := capnp.AsException(err).Kind
	if attempts >= o.Attempts || kind != capnp.Disconnected && kind != capnp.Overloaded {
		return GiveUp
	}
	return TryAgain
}

func (o *ReconnectOptions) withDefaults() ReconnectOptions {
	var out ReconnectOptions
	if o != nil {
		out = *o
	}
	set := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	set(&out.MinDelay, 100*time.Millisecond)
	set(&out.MaxDelay, 10*time.Second)
	set(&out.Timeout, 20*time.Second)
	if out.Attempts == 0 {
		out.Attempts = 10
	}
	if out.QueueCalls == 0 {
		out.QueueCalls = 1024
	}
	if out.QueueBytes == 0 {
		out.QueueBytes = 16 << 20
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	return out
}

// Reconnect makes a client that survives the loss of what it stands for. connect gets that: it
// mostly dials and asks for the bootstrap capability. The client takes over what it returns, the
// connection too, which may be nil if nothing is to be closed; a connection whose capability has
// been given up is closed once nothing else uses it. ctx bounds the attempt, and ends when the
// capability is given up.
//
//	c, _ := rpc.Reconnect(func(ctx context.Context) (calc.Calculator, *rpc.Conn, error) {
//		conn, err := rpc.Dial(ctx, "tcp", address, nil)
//		if err != nil {
//			return calc.Calculator{}, nil, err
//		}
//		return rpc.Bootstrap[calc.Calculator](ctx, conn), conn, nil
//	}, nil)
//
// A loss is a call that fails as disconnected, or the end of the connection. The calls that were
// on their way fail: they may or may not have had their effect, and only the caller knows whether to
// repeat them. Calls made after that wait, in order, for the next connection, for as long as their
// contexts allow. Other errors are no loss. An error of connect's that is neither disconnected nor
// overloaded fails the waiting calls at once.
//
// Objects that were reached through the client are lost with their connection: what has to be
// done to get them again is up to the caller. The same holds for a stream: one that was broken
// stays so for the reference that it was sent on (capnp.AddRef makes another).
//
// When the last reference is released, and the calls made on it have returned, connecting ends.
func Reconnect[C capnp.ClientKind](connect func(ctx context.Context) (C, *Conn, error), o *ReconnectOptions) (C, *Reconnector) {
	r := &Reconnector{o: o.withDefaults(), hurry: make(chan struct{}, 1)}
	r.again.r = r
	r.connect = func(ctx context.Context) (capnp.Client, *Conn, error) {
		c, conn, err := connect(ctx)
		return capnp.ClientOf(c), conn, err
	}
	c := capnp.NewClient(r)
	if !r.o.Lazy {
		r.mu.Lock()
		r.begin()
		r.mu.Unlock()
	}
	return capnp.As[C](c), r
}

// A Reconnector controls a client made by Reconnect, of which it is no reference.
//
//	idle ──use──▶ connecting ──▶ up ──loss──▶ connecting, or if lazy and unused: idle
//	  ◀──given up──┘
//
// One goroutine (run) goes through this while it is not idle.
//
// Invariant: up is set only under mu with the queue empty, so whoever sees it set, and not lost,
// may deliver without mu. A call in the queue or on its way holds a reference.
type Reconnector struct {
	o       ReconnectOptions
	connect func(context.Context) (capnp.Client, *Conn, error)
	hurry   chan struct{} // Reset was called
	again   again

	// Owned by run.
	failures int  // in a row
	lost     bool // the next attempt comes after a failure or a loss

	refs atomic.Int64
	over atomic.Pointer[capnp.Exception] // why there will be no other attempt
	up   atomic.Pointer[generation]
	lead atomic.Pointer[capnp.Hook] // what calls go to, for LeadsTo

	mu         sync.Mutex
	stop       context.CancelFunc // of the running goroutine; nil while idle
	queue      []*capnp.Call
	queueBytes int64
}

// generation is one capability that connect returned.
type generation struct {
	r      *Reconnector
	client capnp.Client
	hook   capnp.Hook
	conn   *Conn // may be nil
	end    context.CancelCauseFunc
	born   time.Time

	good  atomic.Bool   // a call came back
	reset atomic.Bool   // lost by Reset
	lost  atomic.Bool   // a call failed as disconnected
	lostC chan struct{} // closed when lost is set
}

func (g *generation) lose() {
	if !g.lost.Swap(true) {
		close(g.lostC)
	}
}

// Reset gives up what the client stands for now and connects anew, without delay: at once, or if
// the client is lazy when it is used. It also cuts a delay short, for those who know that the
// network is back. Calls on their way are not ended.
func (r *Reconnector) Reset() {
	if g := r.up.Load(); g != nil {
		g.reset.Store(true)
		g.lose()
		return
	}
	select {
	case r.hurry <- struct{}{}:
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.o.Lazy && r.refs.Load() > 0 && r.over.Load() == nil {
		r.begin()
	}
}

// Deliver implements capnp.Hook.
func (r *Reconnector) Deliver(c *capnp.Call, t *capnp.Turn) {
	if !c.Hop(t) {
		return
	}
	if g := r.up.Load(); g != nil && g.usable() {
		r.pass(g, c, t)
		return
	}
	r.mu.Lock()
	if g := r.up.Load(); g != nil && g.usable() {
		r.mu.Unlock()
		r.pass(g, c, t)
		return
	}
	if x := r.over.Load(); x != nil {
		r.mu.Unlock()
		r.deny(c, x, t)
		return
	}
	n := callBytes(c)
	if len(r.queue) >= r.o.QueueCalls || r.queueBytes+n > r.o.QueueBytes {
		r.mu.Unlock()
		r.deny(c, capnp.NewError(capnp.Overloaded, "too many calls wait for a connection"), t)
		return
	}
	if !c.SetExecutor(r) {
		r.mu.Unlock()
		r.deny(c, canceled(c), t)
		return
	}
	r.queue, r.queueBytes = append(r.queue, c), r.queueBytes+n
	r.refs.Add(1)
	r.begin()
	r.mu.Unlock()
}

// usable reports whether calls can go to g. Who finds that they cannot has not sent his, so it is
// not lost.
func (g *generation) usable() bool {
	if g.lost.Load() {
		return false
	}
	if err := g.hook.Broken(); err != nil && isLoss(err) {
		g.lose()
		return false
	}
	return true
}

// callBytes is the size of a call's parameters.
func callBytes(c *capnp.Call) int64 {
	if b, _ := c.Payload().Frame(); b != nil {
		return int64(b.Words()) * 8
	}
	return c.Payload().Size()
}

func isLoss(err error) bool { return capnp.AsException(err).Kind == capnp.Disconnected }

// CancelCall implements capnp.Canceler for the calls in the queue.
func (r *Reconnector) CancelCall(c *capnp.Call, t *capnp.Turn) {
	r.mu.Lock()
	i := slices.Index(r.queue, c)
	if i >= 0 {
		r.queue = slices.Delete(r.queue, i, i+1)
		r.queueBytes -= callBytes(c)
	}
	r.mu.Unlock()
	if i >= 0 {
		r.deny(c, canceled(c), t)
		t.Drop(r)
	}
}

func canceled(c *capnp.Call) error {
	if cause := c.Cause(); cause != nil {
		return capnp.AsException(cause)
	}
	return capnp.NewError(capnp.Failed, "the call was canceled")
}

// Next implements capnp.Hook: what it stands for is not shown, because it changes.
func (r *Reconnector) Next() capnp.Hook { return nil }

// LeadsTo implements capnp.Leader.
func (r *Reconnector) LeadsTo(p capnp.Hook) bool {
	h := r.lead.Load()
	return h != nil && capnp.Leads(*h, p)
}

// Shorten implements capnp.Hook.
func (r *Reconnector) Shorten() capnp.Hook { return nil }

// Watch implements capnp.Hook.
func (r *Reconnector) Watch(capnp.Watcher, *capnp.Turn) bool { return false }

// Promise implements capnp.Hook: it never becomes something else.
func (r *Reconnector) Promise() bool { return false }

// Broken implements capnp.Hook.
func (r *Reconnector) Broken() error {
	if x := r.over.Load(); x != nil {
		return x
	}
	return nil
}

// String describes the capability for logs.
func (r *Reconnector) String() string { return "reconnecting capability" }

// Retain implements capnp.Hook.
func (r *Reconnector) Retain() { r.refs.Add(1) }

// Release implements capnp.Hook. Should a reference come back later, it connects again.
func (r *Reconnector) Release(*capnp.Turn) {
	if r.refs.Add(-1) > 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refs.Load() == 0 && r.stop != nil {
		r.stop()
	}
}

// Admit implements capnp.Admitter: callers wait where those of the capability itself would.
func (r *Reconnector) Admit(ctx context.Context) error {
	if g := r.up.Load(); g != nil {
		if a, ok := capnp.ShortenAll(g.hook).(capnp.Admitter); ok {
			return a.Admit(ctx)
		}
	}
	return nil
}
