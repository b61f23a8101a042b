package rpc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/rpc/internal/engine"
)

// watching is what a connection with observers has besides. It is an inbox: within the engine
// events are only queued, and turns drain them with no lock held.
//
// Invariant: observers are called by whoever drains, one goroutine at a time, and for the start of
// a peer's call by the reader, before the engine hears of it.
type watching struct {
	c    *Conn
	obs  []*Observer
	call bool // somebody wants to hear of calls

	mu       sync.Mutex
	q, spare []event
	busy     bool
}

type event struct {
	kind   eventKind
	call   *watched
	err    error
	limit  string
	method *capnp.Method
	bytes  int64
	at     time.Time
	told   chan struct{} // closed then; may be nil
}

type eventKind uint8

const (
	callStarted eventKind = iota
	callEnded
	connOpened
	connClosed
	limitReached
)

// watched is one call that is being observed.
type watched struct {
	note engine.Note
	w    *watching
	info CallInfo        // owned by whoever drains once the start is queued
	ctx  context.Context // likewise

	// Owned by the engine.
	started bool // the start was queued or, for a peer's call, told
	sent    int64
}

// watch returns nil if nobody does.
func watch(c *Conn, o *Options) *watching {
	w := &watching{c: c}
	switch {
	case o.logs != nil:
		w.obs = append(w.obs, o.logs)
	case o.Logger != nil:
		w.obs = append(w.obs, logObserver(o.Logger))
	}
	for _, x := range o.Observers {
		if x != nil {
			w.obs = append(w.obs, x)
		}
	}
	if len(w.obs) == 0 {
		return nil
	}
	w.call = slices.ContainsFunc(w.obs, func(x *Observer) bool { return x.CallStarted != nil || x.CallEnded != nil })
	return w
}

// add queues an event. Within the engine that is all: the connection's Drain kicks.
func (w *watching) add(e event) {
	w.mu.Lock()
	w.q = append(w.q, e)
	w.mu.Unlock()
}

// tell queues an event and waits until it has been told, as everything before it.
func (w *watching) tell(e event) {
	e.told = make(chan struct{})
	w.add(e)
	t := capnp.BeginTurn()
	t.Kick(w)
	t.End()
	<-e.told
}

// closed tells that the connection has ended.
func (w *watching) closed(err error) {
	if w != nil {
		w.tell(event{kind: connClosed, err: err})
	}
}

// Drain implements capnp.Inbox.
func (w *watching) Drain(t *capnp.Turn) {
	w.mu.Lock()
	if w.busy {
		w.mu.Unlock()
		return
	}
	w.busy = true
	for len(w.q) > 0 {
		q := w.q
		w.q = w.spare[:0]
		w.mu.Unlock()
		for i := range q {
			w.deliver(&q[i])
		}
		clear(q)
		w.mu.Lock()
		w.spare = q
	}
	if cap(w.spare) > 1024 {
		w.spare = nil
	}
	w.busy = false
	w.mu.Unlock()
}

func (w *watching) deliver(e *event) {
	switch e.kind {
	case callStarted:
		e.call.info.ParamBytes = e.bytes
		e.call.start()
	case callEnded:
		e.call.end(e)
	default:
		for _, o := range w.obs {
			switch {
			case e.kind == connOpened && o.ConnOpened != nil:
				o.ConnOpened(w.c)
			case e.kind == connClosed && o.ConnClosed != nil:
				o.ConnClosed(w.c, e.err)
			case e.kind == limitReached && o.LimitReached != nil:
				o.LimitReached(w.c, e.limit)
			}
		}
	}
	if e.told != nil {
		close(e.told)
	}
}

func (x *watched) start() {
	for _, o := range x.w.obs {
		if o.CallStarted != nil {
			if ctx := o.CallStarted(x.ctx, &x.info); ctx != nil {
				x.ctx = ctx
			}
		}
	}
}

func (x *watched) end(e *event) {
	i := &x.info
	i.Duration, i.ResultBytes, i.Err = e.at.Sub(i.Start), e.bytes, e.err
	if i.Method == nil {
		i.Method = e.method
	}
	for _, o := range slices.Backward(x.w.obs) {
		if o.CallEnded != nil {
			o.CallEnded(x.ctx, i)
		}
	}
}

// arrived starts to observe a call of the peer's, before the engine gets it.
func (w *watching) arrived(m *engine.Message, in *capnp.Message) {
	x := &watched{w: w, ctx: w.c.base, started: true}
	if x.ctx == nil {
		x.ctx = context.Background()
	}
	x.info = CallInfo{Conn: w.c, Side: Callee, Bootstrap: m.Type == engine.Bootstrap, Question: m.ID,
		InterfaceID: m.InterfaceID, MethodID: m.MethodID, ParamBytes: sizeOf(in), Start: time.Now()}
	x.note.Listener = x
	x.start()
	m.Note, m.Base = &x.note, x.ctx
}

// Asked implements engine.Watcher: a call of ours is about to be sent.
func (w *watching) Asked(c *capnp.Call, id uint32, _ *capnp.Turn) *engine.Note {
	if !w.call {
		return nil
	}
	m := c.KnownMethod()
	x := &watched{w: w, ctx: c.Caller()}
	x.info = CallInfo{Conn: w.c, Side: Caller, Bootstrap: m == nil && c.InterfaceID() == 0, Question: id,
		InterfaceID: c.InterfaceID(), MethodID: c.MethodID(), Method: m, Start: time.Now()}
	x.note.Listener = x
	return &x.note
}

// Limited implements engine.Watcher.
func (w *watching) Limited(limit string, _ *capnp.Turn) { w.limited(limit) }

// limited notes that a limit was reached, from within the engine.
func (w *watching) limited(limit string) {
	if w != nil && limit != "" {
		w.add(event{kind: limitReached, limit: limit})
	}
}

// limitOf is the limit that err says was reached, "" if it says nothing like it.
func limitOf(err error) string {
	switch {
	case errors.Is(err, frame.ErrTooLarge):
		return "MessageBytes"
	case errors.Is(err, frame.ErrSegments):
		return "Segments"
	case errors.Is(err, capnp.ErrLimit):
		return "Traversal"
	}
	return ""
}

// size is told the message in which a call or its results go out.
func (w *watching) size(m *engine.Message, segs [][]byte) {
	x, ok := m.Note.Listener.(*watched)
	if !ok {
		return
	}
	n := int64(0)
	for _, s := range segs {
		n += int64(len(s))
	}
	if x.info.Side == Callee {
		x.sent = n
		return
	}
	x.started = true
	w.add(event{kind: callStarted, call: x, bytes: n})
}

// Over implements engine.Listener.
func (x *watched) Over(c *capnp.Call, r capnp.Result, _ *capnp.Turn) {
	e := event{kind: callEnded, call: x, err: r.Err, at: time.Now(), bytes: x.sent}
	if x.info.Side == Caller && r.Err == nil {
		e.bytes = r.Payload.Size()
	}
	if c != nil {
		e.method = c.KnownMethod()
	}
	if !x.started {
		x.started = true
		x.w.add(event{kind: callStarted, call: x})
	}
	x.w.add(e)
}
