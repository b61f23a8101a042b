package ocap_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// The object that is narrowed and taken back here has a method for each way in which it might get
// out. Parameters and results are a number and three capabilities.

const (
	thingID = 0xa1b2c3d4e5f60001
	childID = 0xa1b2c3d4e5f60002
	sinkID  = 0xa1b2c3d4e5f60003
)

func newMethod(iface uint64, id uint16, name string, stream bool) *capnp.Method {
	size := capnp.StructSize{DataWords: 1, Pointers: 3}
	return capnp.NewMethod(capnp.MethodSpec{InterfaceID: iface, MethodID: id, InterfaceName: "test.capnp:T",
		MethodName: name, Params: size, Results: size, ResultsHaveCaps: !stream, Streaming: stream})
}

var (
	ping     = newMethod(thingID, 0, "ping", false)     // counts, returns the number
	self     = newMethod(thingID, 1, "self", false)     // returns the object
	secret   = newMethod(thingID, 2, "secret", false)   // counts apart: what facets here deny
	echo     = newMethod(thingID, 3, "echo", false)     // returns its parameter
	bear     = newMethod(thingID, 4, "bear", false)     // returns a child, whose parent is the object
	callBack = newMethod(thingID, 5, "callBack", false) // calls give(object) of its parameter
	later    = newMethod(thingID, 6, "later", false)    // returns a promise that becomes the object
	hang     = newMethod(thingID, 7, "hang", false)     // counts, lets others run, ends with its context
	block    = newMethod(thingID, 8, "block", false)    // counts, keeps the turn until its context ends
	write    = newMethod(thingID, 9, "write", true)
	tail     = newMethod(thingID, 10, "tail", false)  // tail-calls self of its object
	early    = newMethod(thingID, 11, "early", false) // publishes the object before it returns
	keep     = newMethod(thingID, 12, "keep", false)  // stores its parameter
	kept     = newMethod(thingID, 13, "kept", false)  // returns what was stored
	act      = newMethod(thingID, 14, "act", false)   // calls the thing's onAct

	parent = newMethod(childID, 0, "parent", false)

	give = newMethod(sinkID, 0, "give", false)

	thingMethods = []*capnp.Method{ping, self, secret, echo, bear, callBack, later, hang, block, write, tail, early, keep, kept, act}
	open         = []*capnp.Method{ping, self, echo, bear, callBack, later, hang, block, write, tail, early, keep, kept, act}
)

type T struct{ capnp.Client }

type thing struct {
	pings, secrets, writes, ended atomic.Int64

	me    *capnp.Client
	onAct func()
	order chan uint64 // if not nil gets the number of each ping

	mu       sync.Mutex
	resolver *capnp.Resolver[T]
	stored   capnp.Client
}

func (o *thing) Impl() any { return o }

func (o *thing) FindMethod(i uint64, m uint16) *capnp.Method {
	if i == thingID && int(m) < len(thingMethods) {
		return thingMethods[m]
	}
	return nil
}

func (o *thing) Invoke(ctx context.Context, c *capnp.Call) error {
	p, r := c.ParamsStruct(), c.ResultsStruct
	given := p.Client(0)
	defer given.Release()
	switch c.Method() {
	case ping:
		o.pings.Add(1)
		if o.order != nil {
			o.order <- p.Uint64(0)
		}
		r().SetUint64(0, p.Uint64(0))
	case self:
		r().SetClient(0, c.Self())
	case secret:
		o.secrets.Add(1)
	case echo:
		r().SetClient(0, given)
	case bear:
		r().SetClient(0, capnp.NewServer(&child{c.Self()}))
	case callBack:
		_, err := send(ctx, given, give, 0, c.Self()).Wait()
		return err
	case later:
		pr, res := capnp.NewPromise[T]()
		o.mu.Lock()
		o.resolver = res
		o.mu.Unlock()
		r().SetClient(0, pr.Client)
		pr.Release()
	case hang:
		o.pings.Add(1)
		c.Unblock()
		<-ctx.Done()
		o.ended.Add(1)
		return ctx.Err()
	case block:
		o.pings.Add(1)
		<-ctx.Done()
		o.ended.Add(1)
		return ctx.Err()
	case write:
		o.writes.Add(1)
	case tail:
		return c.Tail(send(ctx, c.Self(), self, 0))
	case early:
		a := send(context.Background(), c.Self(), self, 0)
		c.Unblock()
		return c.Tail(a)
	case keep:
		o.stored = capnp.AddRef(T{given}).Client
	case kept:
		r().SetClient(0, o.stored)
	case act:
		o.onAct()
	}
	return nil
}

// child leads back to the object that bore it.
type child struct{ parent capnp.Client }

func (o *child) Impl() any { return o }
func (o *child) FindMethod(i uint64, m uint16) *capnp.Method {
	if i == childID && m == 0 {
		return parent
	}
	return nil
}
func (o *child) Invoke(ctx context.Context, c *capnp.Call) error {
	c.ResultsStruct().SetClient(0, o.parent)
	return nil
}

// sink is an object of the holder's.
type sink struct {
	got   chan capnp.Client
	gives atomic.Int64
}

func (o *sink) Impl() any { return o }
func (o *sink) FindMethod(i uint64, m uint16) *capnp.Method {
	if i == sinkID && m == 0 {
		return give
	}
	return nil
}
func (o *sink) Invoke(ctx context.Context, c *capnp.Call) error {
	o.gives.Add(1)
	given := c.ParamsStruct().Client(0)
	defer given.Release()
	cl := capnp.AddRef(T{given}).Client
	select {
	case o.got <- cl:
	default:
		cl.Release()
	}
	return nil
}

func newSink() (*sink, capnp.Client) {
	s := &sink{got: make(chan capnp.Client, 1)}
	return s, capnp.NewServer(s)
}

func send(ctx context.Context, c capnp.Client, m *capnp.Method, n uint64, caps ...capnp.Client) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c, m, func(b capnp.StructBuilder) {
		b.SetUint64(0, n)
		for i, p := range caps {
			b.SetClient(uint16(i), p)
		}
	})
}

// do calls a method and waits.
func do(t testing.TB, c capnp.Client, m *capnp.Method, n uint64, caps ...capnp.Client) (capnp.Struct, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience(t))
	defer cancel()
	s, err := send(context.Background(), c, m, n, caps...).WaitContext(ctx)
	if ctx.Err() != nil {
		t.Fatalf("%s hangs", m)
	}
	return s, err
}

func must(t testing.TB, c capnp.Client, m *capnp.Method, n uint64, caps ...capnp.Client) capnp.Struct {
	t.Helper()
	s, err := do(t, c, m, n, caps...)
	if err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	return s
}

// result calls a method and returns the first capability in its results, which is there.
func result(t testing.TB, c capnp.Client, m *capnp.Method, caps ...capnp.Client) capnp.Client {
	t.Helper()
	return must(t, c, m, 0, caps...).Client(0)
}

// piped returns the first capability in the results of a call, not waited for.
func piped(c capnp.Client, m *capnp.Method, caps ...capnp.Client) capnp.Client {
	return capnp.PipelineClient(send(context.Background(), c, m, 0, caps...), 0)
}

func receive(t testing.TB, ch <-chan capnp.Client) capnp.Client {
	t.Helper()
	select {
	case c := <-ch:
		return c
	case <-time.After(patience(t)):
		t.Fatal("nothing came")
		return capnp.Client{}
	}
}

// eventually polls for what another goroutine does soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience(t))
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not so: %s", what)
		case <-time.After(100 * time.Microsecond):
		}
	}
}

// A place is where holder, wrapper and object are.
type place struct {
	name string
	// setup wraps o and returns what the holder has.
	setup func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error))
}

var places = []place{
	{"local", func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error)) {
		c, revoke := wrap(o)
		t.Cleanup(c.Release)
		return c, revoke
	}},
	{"wrapped at the object", func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error)) {
		c, revoke := wrap(o)
		h := dial(t, c)
		c.Release()
		return h, revoke
	}},
	{"wrapped at the holder", func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error)) {
		c, revoke := wrap(dial(t, o))
		t.Cleanup(c.Release)
		return c, revoke
	}},
	{"over TCP", func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error)) {
		c, revoke := wrap(o)
		h := dialTCP(t, c)
		c.Release()
		return h, revoke
	}},
	{"through a third vat", func(t testing.TB, o T, wrap func(T) (T, func(...error))) (T, func(...error)) {
		c, revoke := wrap(dial(t, o))
		h := dial(t, c)
		c.Release()
		return h, revoke
	}},
}

// dial makes a pair of vats and returns c as the other one sees it.
func dial(t testing.TB, c T) T {
	// The tests of revocation under load let thousands of methods hang.
	limits := rpc.Limits{Methods: 1 << 14, Running: 1 << 14}
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: c.Client, Limits: limits})
	b := rpc.Bootstrap[T](context.Background(), near)
	t.Cleanup(func() {
		b.Release()
		near.Close()
		far.Close()
		<-near.Done()
		<-far.Done()
	})
	return b
}

// dialTCP is dial over a socket.
func dialTCP(t testing.TB, c T) T {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limits := rpc.Limits{Methods: 1 << 14, Running: 1 << 14}
	far := make(chan *rpc.Conn, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			close(far)
			return
		}
		far <- rpc.NewConn(nc, &rpc.Options{Bootstrap: c.Client, Limits: limits})
	}()
	near, err := rpc.Dial(t.Context(), "tcp", l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	other := <-far
	l.Close()
	b := rpc.Bootstrap[T](context.Background(), near)
	t.Cleanup(func() {
		b.Release()
		near.Close()
		other.Close()
		<-near.Done()
		<-other.Done()
	})
	return b
}

// wantErr fails the test unless err is want.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
