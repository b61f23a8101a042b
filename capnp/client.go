package capnp

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// Client is a capability: the right to call an object's methods, wherever the object is. Typed
// clients (calc.Calculator) embed one, and Go's conversion makes one type of client another
// (calc.Calculator(other)): a type says which methods can be named, not which exist.
//
// The zero Client is the null capability: calls on it fail. A Client may be copied and used by
// many goroutines; all copies are one reference, given up by one Release. What was never released
// is given up when the collector finds it, so Release is a courtesy to the other side.
type Client struct{ c *handle }

// ClientKind is satisfied by Client's typed forms.
type ClientKind interface{ ~struct{ Client } }

// handle is one reference to a hook. It is owned by itself (owner nil), by the table of the
// message it came in (table), or by a path of an answer (answer).
type handle struct {
	h        Hook
	released atomic.Bool

	table *capTable
	index int

	answer *Answer
	node   *node

	cleanup runtime.Cleanup
	flow    atomic.Pointer[Flow] // made by the first streaming call
}

// NewClient makes a client of a hook and takes a reference to it.
func NewClient(h Hook) Client {
	if IsNullHook(h) {
		return Client{}
	}
	h.Retain()
	return ownedClient(h)
}

// ownedClient makes a client that takes over a reference.
func ownedClient(h Hook) Client {
	p := &handle{h: h}
	if o, local := h.(*object); !local || o.life != nil {
		p.cleanup = runtime.AddCleanup(p, releaseLater, h)
	}
	return Client{p}
}

// releaseLater gives up what the collector found. Cleanups run on the runtime's goroutine, which
// must not be kept, so the turn ends on one of its own.
func releaseLater(h Hook) {
	t := BeginTurn()
	h.Release(t)
	if t.idle() {
		t.End()
		return
	}
	go t.End()
}

var errReleasedClient = NewError(Failed, "the capability was released here")

// hook returns what calls go to now.
func (c Client) hook() Hook {
	if c.c == nil {
		return nullHook
	}
	if c.c.released.Load() {
		return BrokenHook(errReleasedClient)
	}
	return ShortenAll(c.c.h)
}

// HookOf returns the hook behind a client, for transports and wrappers. It is valid while the
// client is.
func HookOf(c Client) Hook { return c.hook() }

// Release gives up this reference. It is safe to call twice; calls already made still complete.
func (c Client) Release() {
	p := c.c
	if p == nil || p.released.Swap(true) {
		return
	}
	t := BeginTurn()
	switch {
	case p.answer != nil:
		p.answer.releaseNode(p.node, t)
	case p.table != nil:
		p.table.drop(p.index, t)
	default:
		p.cleanup.Stop()
		p.h.Release(t)
	}
	t.End()
}

// IsNull reports whether this is the null capability. A promise that will turn out null is not.
func (c Client) IsNull() bool { return c.c == nil || IsNullHook(c.hook()) }

// Resolve waits until the capability is no promise any more and returns nil, or the reason if it
// turned out broken.
func (c Client) Resolve(ctx context.Context) error {
	for {
		h := c.hook()
		if err := h.Broken(); err != nil {
			return err
		}
		if f, ok := h.(Flusher); ok {
			f.Hasten()
		}
		w := waiter(make(chan struct{}))
		t := BeginTurn()
		watching := h.Watch(w, t)
		t.End()
		if !watching {
			h = ShortenAll(h)
			if !h.Promise() {
				return h.Broken()
			}
			continue
		}
		if call, ok := ctx.Value(callKey{}).(*Call); ok {
			call.Unblock()
		}
		select {
		case <-w:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type waiter chan struct{}

func (w waiter) Settled(Hook, *Turn) { close(w) }

// String says what kind of capability it is, for logs; it contains nothing secret.
func (c Client) String() string {
	switch h := c.hook().(type) {
	case *object:
		return fmt.Sprintf("capability of %T", h.d.Impl())
	case *brokenHook:
		if h.null {
			return "null capability"
		}
		return "broken capability: " + h.err.Error()
	case fmt.Stringer:
		return h.String()
	default:
		return "capability"
	}
}

// AddRef makes a second reference to the same capability, with a Release of its own.
func AddRef[C ClientKind](c C) C {
	cl := clientOf(c)
	defer runtime.KeepAlive(cl.c)
	return typedClient[C](NewClient(cl.hook()))
}

// Same reports whether two capabilities are known to be the same one. Two promises for one object
// are not the same until both have resolved.
func Same(a, b Client) bool { return a.hook() == b.hook() || a.IsNull() && b.IsNull() }

func clientOf[C ClientKind](c C) Client { return struct{ Client }(c).Client }

func typedClient[C ClientKind](c Client) C { return C(struct{ Client }{c}) }

// ClientOf returns the untyped client in a typed one.
func ClientOf[C ClientKind](c C) Client { return clientOf(c) }

// As gives a client a type. It checks nothing: methods that the object lacks fail as
// unimplemented.
func As[C ClientKind](c Client) C { return typedClient[C](c) }

// Broken makes a capability on which every call fails with err.
func Broken(err error) Client { return Client{&handle{h: BrokenHook(err)}} }

// Send makes a call. Generated client methods call it: fill, which may be nil, gets the
// parameters to fill in and may itself make calls. The call is on its way, in order, when Send
// returns; it does not wait for an answer.
func Send[R StructKind, B BuilderKind](ctx context.Context, c Client, m *Method, fill func(B)) Promise[R] {
	params, root := newPayload(m.spec.Params, paramsReserve)
	if fill != nil {
		fill(B(root))
	}
	return Promise[R]{send(ctx, c, m, params, Hints{NoPipelining: !m.spec.ResultsHaveCaps}, nil), nil}
}

// outgoing is a call and its answer in one allocation.
type outgoing struct {
	call   Call
	answer Answer
}

// send starts a call with the given parameters. extra, if not nil, gets the outcome instead of
// the answer, which it must pass it on to.
func send(ctx context.Context, c Client, m *Method, params Payload, hints Hints, ret func(*Answer) Returner) *Answer {
	o := &outgoing{}
	a := &o.answer
	a.call, a.ctx = &o.call, ctx
	o.call.method, o.call.interfaceID, o.call.methodID = m, m.spec.InterfaceID, m.spec.MethodID
	o.call.params, o.call.hints, o.call.ret = params, hints, a
	if ret != nil {
		o.call.ret = ret(a)
	} else {
		o.call.setMode(ctx)
	}
	t := beginLazy()
	h := c.hook()
	err := params.Err()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		if q, ok := h.(Admitter); ok {
			err = q.Admit(ctx)
		}
	}
	if err != nil {
		o.call.Return(Result{Err: err}, t)
		params.Release(t)
		t.endLazy()
		return a
	}
	if m := methodOf(ctx); m != nil && m.slots != nil {
		t.background = true // the method has its object's turn, which others wait for
	}
	h.Deliver(&o.call, t)
	a.watch()
	if f := t.endLazy(); f != nil && o.call.awaiter() == nil {
		f.Hasten()
	}
	runtime.KeepAlive(c.c)
	return a
}

// StartCall makes a call that start puts on its way, as transports need for what is no method
// call; its result is one capability, which is returned at once as a promise.
func StartCall(ctx context.Context, start func(c *Call, t *Turn)) Client {
	o := &outgoing{}
	o.answer.call, o.answer.ctx = &o.call, ctx
	o.call.ret = &o.answer
	t := BeginTurn()
	start(&o.call, t)
	o.answer.watch()
	t.End()
	c := o.answer.RootClient()
	o.answer.release() // but for c
	return c
}

// An Admitter is a hook that can ask callers to wait before they add to its queue.
type Admitter interface {
	// Admit blocks until there is room or ctx ends.
	Admit(ctx context.Context) error
}
