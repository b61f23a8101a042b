package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/wire"
)

// vat is an engine with queues around it: everything happens when the test says so.
type vat struct {
	name    string
	e       *Engine
	mu      sync.Mutex // of inbox and busy: ends of contexts come from elsewhere
	inbox   []Command
	out     []*Message
	boot    capnp.Hook
	objects capnp.Hook
	closed  error
	busy    bool
	paused  bool // Drain does nothing: commands wait for one
	trace   *strings.Builder
	refuse  func(m *Message) error

	shadowBoot *shadow // what boot is in a world
}

func (v *vat) Send(m *Message) error {
	if v.refuse != nil {
		if err := v.refuse(m); err != nil {
			return err
		}
	}
	if v.trace != nil {
		fmt.Fprintf(v.trace, "%s: %s\n", v.name, describe(m))
	}
	v.out = append(v.out, transfer(m))
	return nil
}
func (v *vat) Push(cmd Command, t *capnp.Turn) {
	v.mu.Lock()
	v.inbox = append(v.inbox, cmd)
	v.mu.Unlock()
	t.Kick(v)
}
func (v *vat) Context() context.Context    { return context.Background() }
func (v *vat) Await(w *capnp.Waiter)       { w.Wait() }
func (v *vat) Hasten()                     {}
func (v *vat) Admit(context.Context) error { return nil }
func (v *vat) Closed(err error) {
	v.closed = err
	if v.trace != nil {
		fmt.Fprintf(v.trace, "%s: closed: %v\n", v.name, err)
	}
}
func (v *vat) Objects() capnp.Hook { return v.objects }
func (v *vat) Bootstrap() capnp.Hook {
	if v.boot != nil {
		v.boot.Retain()
	}
	return v.boot
}

// Drain implements capnp.Inbox.
func (v *vat) Drain(t *capnp.Turn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.busy || v.paused {
		return
	}
	v.busy = true
	for len(v.inbox) > 0 {
		cmd := v.inbox[0]
		v.inbox = v.inbox[1:]
		v.mu.Unlock()
		v.e.Do(&cmd, t)
		v.mu.Lock()
	}
	v.busy = false
}

// one carries out the oldest command.
func (v *vat) one() {
	cmd := v.inbox[0]
	v.inbox = v.inbox[1:]
	turn(func(t *capnp.Turn) { v.e.Do(&cmd, t) })
}

func (v *vat) do(cmd Command) {
	t := capnp.BeginTurn()
	v.Push(cmd, t)
	t.End()
}

// turn runs f and then everything it set off in this process.
func turn(f func(t *capnp.Turn)) {
	t := capnp.BeginTurn()
	f(t)
	t.End()
}

// pair is two connected vats.
type pair struct {
	t     testing.TB
	a, b  *vat
	trace strings.Builder
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t, a: &vat{name: "a"}, b: &vat{name: "b"}}
	for _, v := range []*vat{p.a, p.b} {
		v.e = New(v, Limits{})
		v.trace = &p.trace
	}
	return p
}

// step delivers the oldest message that from has sent; it reports false if there is none.
func (p *pair) step(from, to *vat) bool {
	if len(from.out) == 0 {
		return false
	}
	m := from.out[0]
	from.out = from.out[1:]
	to.do(Receive(m))
	return true
}

// run delivers everything until nothing is under way.
func (p *pair) run() {
	for p.step(p.a, p.b) || p.step(p.b, p.a) {
	}
}

// empty checks that neither side holds anything any more.
func (p *pair) empty() {
	p.t.Helper()
	for _, v := range []*vat{p.a, p.b} {
		if s := v.e.Stats(); s != (Stats{}) {
			p.t.Errorf("%s still holds %+v\n%s", v.name, s, p.trace.String())
		}
		if v.closed != nil {
			p.t.Errorf("%s is closed: %v\n%s", v.name, v.closed, p.trace.String())
		}
	}
}

// transfer copies a message as the wire would.
func transfer(m *Message) *Message {
	c := *m
	if m.Inner != nil {
		c.Inner = m.Inner
	}
	if len(m.ObjectID) > 0 {
		mb := capnp.NewMessage(nil)
		capnp.NewRootStruct(mb, capnp.StructSize{Pointers: 1}).SetTextBytes(0, m.ObjectID)
		c.Object, c.ObjectID = true, nil
		c.Payload = capnp.ReceivedPayload(mb.Seal().Root().Struct().Ptr(0))
		return &c
	}
	if len(m.Caps) == 0 && m.Payload.Peek().IsNull() {
		c.Payload = capnp.Payload{}
		return &c
	}
	mb := wire.NewMessageBuilder(wire.BuilderOptions{})
	mb.SetCaps(sameIndex{})
	mb.Root().Set(wire.Ptr(m.Payload.Peek()))
	c.Payload = capnp.ReceivedPayload(capnp.Ptr(mb.Seal().Root()))
	return &c
}

// sameIndex keeps the indexes of capabilities when content is copied.
type sameIndex struct{}

func (sameIndex) CopyCap(_ wire.CapTable, i uint32) (uint32, bool) { return i, true }

// object is a capability whose calls end when the test says so.
type object struct {
	name  string
	calls []*capnp.Call
	refs  int
	log   *strings.Builder
}

func (o *object) Deliver(c *capnp.Call, t *capnp.Turn) {
	if o.log != nil {
		fmt.Fprintf(o.log, "%s gets call %d\n", o.name, c.Payload().Peek().Struct().Uint64(0))
	}
	o.calls = append(o.calls, c)
}
func (o *object) Next() capnp.Hook                      { return nil }
func (o *object) Shorten() capnp.Hook                   { return nil }
func (o *object) Watch(capnp.Watcher, *capnp.Turn) bool { return false }
func (o *object) Promise() bool                         { return false }
func (o *object) Broken() error                         { return nil }
func (o *object) Retain()                               { o.refs++ }
func (o *object) Release(*capnp.Turn)                   { o.refs-- }

// take returns the oldest call that o has received.
func (o *object) take(t testing.TB) *capnp.Call {
	t.Helper()
	if len(o.calls) == 0 {
		t.Fatalf("%s was not called", o.name)
	}
	c := o.calls[0]
	o.calls = o.calls[1:]
	return c
}

// returns ends a call with a struct whose pointers are the given capabilities.
func returns(c *capnp.Call, hooks ...capnp.Hook) {
	turn(func(t *capnp.Turn) {
		c.Return(capnp.Result{Payload: payload(hooks...)}, t)
		c.Payload().Release(t)
	})
}

func fails(c *capnp.Call, err error) {
	turn(func(t *capnp.Turn) {
		c.Return(capnp.Result{Err: err}, t)
		c.Payload().Release(t)
	})
}

func payload(hooks ...capnp.Hook) capnp.Payload {
	p, root := capnp.NewPayload(capnp.StructSize{DataWords: 1, Pointers: uint16(len(hooks))})
	for i, h := range hooks {
		c := capnp.NewClient(h)
		root.SetClient(uint16(i), c)
		c.Release()
	}
	return p
}

var method = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 1, InterfaceName: "test", MethodName: "m",
	Params: capnp.StructSize{DataWords: 1, Pointers: 4}, Results: capnp.StructSize{DataWords: 1, Pointers: 4}, ResultsHaveCaps: true})

// plain is a method that does not pipeline over a connection; its results wait here.
var plain = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 1, MethodID: 1, InterfaceName: "test", MethodName: "plain",
	Params: capnp.StructSize{DataWords: 1, Pointers: 4}, Results: capnp.StructSize{DataWords: 1, Pointers: 4}})

// send calls c with the given capabilities as parameters.
func send(ctx context.Context, c capnp.Client, n uint64, params ...capnp.Client) capnp.Promise[capnp.Struct] {
	return sendMethod(ctx, c, method, n, params...)
}

func sendMethod(ctx context.Context, c capnp.Client, m *capnp.Method, n uint64, params ...capnp.Client) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c, m, func(b capnp.StructBuilder) {
		b.SetUint64(0, n)
		for i, p := range params {
			b.SetClient(uint16(i), p)
		}
	})
}

func (v *vat) bootstrap() capnp.Client {
	return capnp.StartCall(context.Background(), func(c *capnp.Call, t *capnp.Turn) { v.Push(AskBootstrap(c, nil), t) })
}
