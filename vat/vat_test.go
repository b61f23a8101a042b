package vat

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

// counter is an object that counts: add(n) -> (sum), self() -> (self).
type counter struct {
	sum   atomic.Uint64
	began chan struct{} // if not nil: add waits for its context's end, having said so
}

const counterID = 0x8000000000000abc

var (
	size       = capnp.StructSize{DataWords: 1, Pointers: 1}
	addMethod  = capnp.NewMethod(capnp.MethodSpec{InterfaceID: counterID, MethodID: 0, InterfaceName: "t.capnp:Counter", MethodName: "add", Params: size, Results: size})
	selfMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: counterID, MethodID: 1, InterfaceName: "t.capnp:Counter", MethodName: "self", Params: size, Results: size, ResultsHaveCaps: true})
)

func (c *counter) Impl() any { return c }
func (c *counter) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != counterID || m > 1 {
		return nil
	}
	return []*capnp.Method{addMethod, selfMethod}[m]
}
func (c *counter) Invoke(ctx context.Context, call *capnp.Call) error {
	if call.Method() == selfMethod {
		self := call.Self()
		defer self.Release()
		call.ResultsStruct().SetClient(0, self)
		return nil
	}
	if c.began != nil {
		call.Unblock()
		c.began <- struct{}{}
		<-ctx.Done()
	}
	call.ResultsStruct().SetUint64(0, c.sum.Add(call.ParamsStruct().Uint64(0)))
	return nil
}

func add(ctx context.Context, c capnp.Client, n uint64) (uint64, error) {
	r, err := capnp.Send[capnp.Struct](ctx, c, addMethod, func(b capnp.StructBuilder) { b.SetUint64(0, n) }).Wait()
	return r.Uint64(0), err
}

// mustAdd fails the test if c does not work.
func mustAdd(t testing.TB, c capnp.Client) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n, err := add(ctx, c, 1)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shop restores what it has by name, and remembers who asked.
type shop struct {
	mu    sync.Mutex
	goods map[string]*counter
	err   error
	asked []Key
}

func newShop(names ...string) *shop {
	s := &shop{goods: map[string]*counter{}}
	for _, n := range names {
		s.goods[n] = &counter{}
	}
	return s
}

func (s *shop) restore(_ context.Context, secret []byte, peer Key) (capnp.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, peer)
	if s.err != nil {
		return capnp.Client{}, s.err
	}
	if c := s.goods[string(secret)]; c != nil {
		return capnp.NewServer(c), nil
	}
	return capnp.Client{}, errors.New("no such thing: " + string(secret))
}

func (s *shop) fail(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
}

func (s *shop) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *shop) last() Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// newVat makes a vat that ends with the test.
func newVat(t testing.TB, o *Options) *Vat {
	t.Helper()
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// listen listens on a loopback port.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func at(l net.Listener) Address { return Address{l.Addr().Network(), l.Addr().String()} }

// serving makes a vat that serves a shop on a loopback port.
func serving(t testing.TB, s *shop, o *Options) *Vat {
	t.Helper()
	l := listen(t)
	var opt Options
	if o != nil {
		opt = *o
	}
	opt.Restore, opt.At = s.restore, append(opt.At, at(l))
	v := newVat(t, &opt)
	go v.Serve(context.Background(), l) // ends with the vat, which waits for it
	return v
}

func refTo(t testing.TB, v *Vat, secret string) Reference {
	t.Helper()
	r, err := v.Reference([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eventually waits for something that nobody tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("it never happens: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (v *Vat) connections() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.all)
}

func TestRestore(t *testing.T) {
	s := newShop("a", "b", string([]byte{0, 1, 0xff, 0}))
	server := serving(t, s, nil)
	me := newVat(t, nil)
	for _, name := range []string{"a", "b", string([]byte{0, 1, 0xff, 0})} {
		c := me.Restore(t.Context(), refTo(t, server, name))
		self := capnp.PipelineClient(capnp.Send[capnp.Struct, capnp.StructBuilder](t.Context(), c, selfMethod, nil), 0)
		if n := mustAdd(t, self); n != 1 {
			t.Errorf("%q counts %d", name, n)
		}
		self.Release()
		c.Release()
	}
	if s.last() != me.Key() {
		t.Errorf("the server thinks that %s asked, not %s", s.last(), me.Key())
	}
	if n := me.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	c := me.Restore(t.Context(), refTo(t, server, "nothing"))
	_, err := add(t.Context(), c, 1)
	if !errors.Is(err, ocap.Revoked) || bytes.Contains([]byte(err.Error()), []byte("nothing")) {
		t.Errorf("an unknown secret: %v", err)
	}
	c.Release()
}

// Its own references a vat restores without any connection; the address is not even looked at.
func TestRestoreOwn(t *testing.T) {
	s := newShop("a")
	l := listen(t)
	v := newVat(t, &Options{Restore: s.restore, At: []Address{at(l)}})
	c := v.Restore(t.Context(), refTo(t, v, "a"))
	defer c.Release()
	mustAdd(t, c)
	if s.last() != v.Key() || v.connections() != 0 {
		t.Errorf("%s asked over %d connections", s.last(), v.connections())
	}
	if r := v.Restore(t.Context(), Reference{}); r.Resolve(t.Context()) == nil {
		t.Error("the zero reference restores")
	}
}

// Who cannot send the secret with the question has the Restorer.
func TestRestorer(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	me := newVat(t, nil)
	boot := Restorer{me.Restore(t.Context(), refTo(t, server, ""))}
	defer boot.Release()
	get := func(secret string) capnp.Client {
		return boot.Restore(t.Context(), func(p RestorerRestoreParamsBuilder) { p.SetSecret([]byte(secret)) }).Cap().Client()
	}
	c := get("a")
	mustAdd(t, c)
	c.Release()
	for _, bad := range []string{"x", "", string(make([]byte, 100000))} {
		if err := get(bad).Resolve(t.Context()); !errors.Is(err, ocap.Revoked) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// A host's own bootstrap capability takes the Restorer's place.
func TestBootstrap(t *testing.T) {
	lobby := &counter{}
	server := serving(t, newShop(), &Options{Bootstrap: capnp.NewServer(lobby)})
	me := newVat(t, nil)
	c := me.Restore(t.Context(), refTo(t, server, ""))
	mustAdd(t, c)
	c.Release()
	own := server.Restore(t.Context(), refTo(t, server, ""))
	if mustAdd(t, own) != 2 {
		t.Error("the vat's own bootstrap capability is another one")
	}
	own.Release()
}

// However many references are restored at once there is one connection, and one handshake.
func TestRestoresShareOneDial(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	var dials atomic.Int64
	me := newVat(t, &Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			c := me.Restore(t.Context(), refTo(t, server, "a"))
			defer c.Release()
			if _, err := add(t.Context(), c, 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if dials.Load() != 1 || me.connections() != 1 {
		t.Errorf("%d dials, %d connections", dials.Load(), me.connections())
	}
}

// A vat that has been connected to asks back over the same connection.
func TestRestoreOverAcceptedConnection(t *testing.T) {
	a, b := newShop("a"), newShop("b")
	va, vb := serving(t, a, nil), serving(t, b, nil)
	c := va.Restore(t.Context(), refTo(t, vb, "b"))
	mustAdd(t, c)
	eventually(t, "the server knows the connection", func() bool { return vb.connections() == 1 })
	d := vb.Restore(t.Context(), refTo(t, va, "a"))
	mustAdd(t, d)
	if va.connections() != 1 || vb.connections() != 1 {
		t.Errorf("%d and %d connections", va.connections(), vb.connections())
	}
	if a.last() != vb.Key() || b.last() != va.Key() {
		t.Error("the wrong peers")
	}
	c.Release()
	d.Release()
}

// Whose restores end before there is a connection leaves nothing behind.
func TestRestoreGivenUp(t *testing.T) {
	began := make(chan struct{})
	ended := make(chan struct{})
	me := newVat(t, &Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, context.Cause(ctx)
	}})
	ctx, cancel := context.WithCancelCause(t.Context())
	r, _ := NewReference(Key{1}, nil, Address{"tcp", "h:1"})
	c := me.Restore(ctx, r)
	<-began
	why := errors.New("no more time")
	cancel(why)
	if err := c.Resolve(t.Context()); err == nil {
		t.Error("restored")
	}
	<-ended
	eventually(t, "the dial is over", func() bool { me.mu.Lock(); defer me.mu.Unlock(); return len(me.dials) == 0 && me.dialled == 0 })
}

// Who comes when a dial was given up does not share its fate.
func TestRestoreAfterOneGivenUp(t *testing.T) {
	server := serving(t, newShop("a"), nil)
	began, linger := make(chan struct{}, 2), make(chan struct{})
	var dials atomic.Int64
	me := newVat(t, &Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) == 1 {
			began <- struct{}{}
			<-linger // although it is given up
			return nil, context.Cause(ctx)
		}
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	first := me.Restore(ctx, refTo(t, server, "a"))
	<-began
	cancel()
	if first.Resolve(t.Context()) == nil {
		t.Error("restored")
	}
	second := me.Restore(t.Context(), refTo(t, server, "a"))
	defer second.Release()
	mustAdd(t, second)
	close(linger)
}

// The addresses are hints: those that lead nowhere, or to somebody else, do not matter.
func TestRestoreTriesAddresses(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	stranger := serving(t, newShop("a"), nil)
	silent := listen(t) // accepts, and says nothing
	dead := listen(t)
	dead.Close()
	r, err := NewReference(server.Key(), []byte("a"), at(dead), stranger.o.At[0], at(silent), server.o.At[0])
	if err != nil {
		t.Fatal(err)
	}
	me := newVat(t, nil)
	c := me.Restore(t.Context(), r)
	mustAdd(t, c)
	c.Release()
	if s.count() != 1 {
		t.Errorf("asked %d times", s.count())
	}
	bad, _ := r.At(at(dead))
	me2 := newVat(t, nil)
	if err := me2.Restore(t.Context(), bad).Resolve(t.Context()); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("nobody there: %v", err)
	}
}

// Plain connections stay within the machine, whatever a name says, unless that is asked for.
func TestPlain(t *testing.T) {
	s := newShop("a")
	l := listen(t)
	server := newVat(t, &Options{Restore: s.restore})
	go server.ServePlain(context.Background(), l)
	me := newVat(t, nil)
	r, _ := NewReference(Key{}, []byte("a"), at(l))
	c := me.Restore(t.Context(), r)
	mustAdd(t, c)
	if !s.last().IsZero() {
		t.Errorf("without TLS somebody is %s", s.last())
	}
	c.Release()

	far, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.ServePlain(t.Context(), far); !errors.Is(err, errPlain) {
		t.Errorf("served to everybody: %v", err)
	}
	for _, host := range []string{"192.0.2.1:7", "[2001:db8::1]:7"} {
		r, _ := NewReference(Key{}, []byte("a"), Address{"tcp", host})
		if err := me.Restore(t.Context(), r).Resolve(t.Context()); err == nil || capnp.AsException(err).Reason != errPlain.Reason {
			t.Errorf("%s: %v", host, err)
		}
	}
	// A name that leads elsewhere than it did, or says: what counts is where the connection goes.
	rebound := newVat(t, &Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		a, b := net.Pipe()
		b.Close()
		return &farConn{a}, nil
	}})
	if err := rebound.Restore(t.Context(), r).Resolve(t.Context()); err == nil || capnp.AsException(err).Reason != errPlain.Reason {
		t.Errorf("rebound: %v", err)
	}
}

type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7} }

// Connections that nobody uses are closed, used ones not.
func TestIdle(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	me := newVat(t, &Options{Limits: Limits{Idle: 20 * time.Millisecond}})
	c := me.Restore(t.Context(), refTo(t, server, "a"))
	mustAdd(t, c)
	for range 3 {
		<-time.After(40 * time.Millisecond)
		if me.connections() != 1 {
			t.Fatal("a connection that is used was closed")
		}
	}
	c.Release()
	eventually(t, "the idle connection is closed", func() bool { return me.connections() == 0 && server.connections() == 0 })
	c = me.Restore(t.Context(), refTo(t, server, "a"))
	mustAdd(t, c)
	c.Release()
}

// No more connections are dialled than Limits say.
func TestDialled(t *testing.T) {
	me := newVat(t, &Options{Limits: Limits{Dialled: 2}})
	var held []capnp.Client
	for i := range 3 {
		server := serving(t, newShop("a"), nil)
		c := me.Restore(t.Context(), refTo(t, server, "a"))
		_, err := add(t.Context(), c, 1)
		if (err == nil) != (i < 2) || i == 2 && !errors.Is(err, capnp.Overloaded) {
			t.Errorf("connection %d: %v", i, err)
		}
		held = append(held, c)
	}
	for _, c := range held {
		c.Release()
	}
}

// Who tries secrets is slowed down; who holds good ones is not, whatever others do (P14).
func TestRateOfFailures(t *testing.T) {
	s := newShop("a")
	now := time.Now()
	var clock atomic.Int64
	server := serving(t, s, &Options{
		Limits: Limits{Failures: 3},
		now:    func() time.Time { return now.Add(time.Duration(clock.Load())) },
	})
	thief, honest := newVat(t, nil), newVat(t, nil)
	try := func(v *Vat, name string) error {
		c := v.Restore(t.Context(), refTo(t, server, name))
		defer c.Release()
		return c.Resolve(t.Context())
	}
	for i := range 6 {
		err := try(thief, "guess")
		if want := map[bool]error{true: ocap.Revoked, false: capnp.Overloaded}[i < 3]; !errors.Is(err, want) {
			t.Errorf("guess %d: %v, want %v", i, err, want)
		}
	}
	if n := s.count(); n != 3 {
		t.Errorf("the host was asked %d times", n)
	}
	if err := try(thief, "a"); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("a guess that is right: %v", err)
	}
	server.mu.Lock()
	server.failed = bucket{used: failuresOfAll * 2, at: server.now()}
	server.mu.Unlock()
	if err := try(honest, "a"); err != nil {
		t.Errorf("the honest one: %v", err)
	}
	clock.Store(int64(time.Hour))
	if err := try(thief, "a"); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// What passes is no refusal, and what the host says stays at home.
func TestRestoreFailsForNow(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	me := newVat(t, nil)
	for _, test := range []struct {
		err, want error
	}{
		{errors.New("table edges has no row 17"), ocap.Revoked},
		{ocap.Revoked.Errorf("by alice"), ocap.Revoked},
		{capnp.NewError(capnp.Disconnected, "db.internal is down"), capnp.Overloaded},
		{ocap.Stale.Errorf("not synchronized"), ocap.Stale},
	} {
		s.fail(test.err)
		c := me.Restore(t.Context(), refTo(t, server, "a"))
		err := c.Resolve(t.Context())
		if !errors.Is(err, test.want) {
			t.Errorf("%v became %v, want %v", test.err, err, test.want)
		}
		for _, leak := range []string{"17", "alice", "internal"} {
			if err != nil && bytes.Contains([]byte(err.Error()), []byte(leak)) {
				t.Errorf("%v became %v", test.err, err)
			}
		}
		c.Release()
	}
}

// A replica restores what names its service, and asks as its service.
// What a delegation let begin ends with it, on both sides.
func TestDelegationEnds(t *testing.T) {
	service, id := newTestIdentity(t), newTestIdentity(t)
	d, err := service.Certify(id.Public(), 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Delegate(d); err != nil {
		t.Fatal(err)
	}
	replica := serving(t, newShop("a"), &Options{Identity: id})
	other := serving(t, newShop("b"), nil)
	me := newVat(t, nil)
	r, _ := NewReference(service.Key(), []byte("a"), replica.o.At[0])
	asClient := me.Restore(t.Context(), r)
	mustAdd(t, asClient)
	asServer := replica.Restore(t.Context(), refTo(t, other, "b"))
	mustAdd(t, asServer)
	eventually(t, "the connections are gone", func() bool { return me.connections() == 0 && other.connections() == 0 })
	if _, err := add(t.Context(), asClient, 1); err == nil {
		t.Error("what came from the service still works")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := me.Restore(ctx, r).Resolve(ctx); err == nil {
		t.Error("the service is served without a delegation")
	}
}

func TestReplica(t *testing.T) {
	service := newTestIdentity(t)
	replica := func() *Identity {
		id := newTestIdentity(t)
		d, err := service.Certify(id.Public(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.Delegate(d); err != nil {
			t.Fatal(err)
		}
		return id
	}
	s := newShop("a")
	one := serving(t, s, &Options{Identity: replica()})
	two := serving(t, s, &Options{Identity: replica()})
	if one.Key() != service.Key() {
		t.Error("a replica's vat has another name than its service")
	}
	me := newVat(t, nil)
	r, _ := NewReference(service.Key(), []byte("a"), one.o.At[0], two.o.At[0])
	c := me.Restore(t.Context(), r)
	mustAdd(t, c)
	// By its own key it is the same vat, and the same connection.
	own, _ := NewReference(one.id.Key(), []byte("a"), one.o.At[0])
	d := me.Restore(t.Context(), own)
	mustAdd(t, d)
	if me.connections() != 1 {
		t.Errorf("%d connections", me.connections())
	}
	d.Release()
	c.Release()
	one.Close()
	eventually(t, "the connection is gone", func() bool { return me.connections() == 0 })
	c = me.Restore(t.Context(), r) // the other one
	mustAdd(t, c)
	c.Release()

	b := newShop("b")
	other := serving(t, b, nil)
	third := newVat(t, &Options{Identity: replica()})
	c = third.Restore(t.Context(), refTo(t, other, "b"))
	mustAdd(t, c)
	c.Release()
	if b.last() != service.Key() {
		t.Errorf("a replica asks as %s", b.last())
	}
}

// The end of a vat is the end of what came from it, and of everything it runs.
func TestClose(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	me := newVat(t, nil)
	c := me.Restore(t.Context(), refTo(t, server, "a"))
	mustAdd(t, c)
	server.Close()
	if _, err := add(t.Context(), c, 1); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("got %v", err)
	}
	me.Close()
	me.Close()
	if err := me.Restore(t.Context(), refTo(t, server, "a")).Resolve(t.Context()); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("got %v", err)
	}
	if err := me.Serve(t.Context(), listen(t)); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("got %v", err)
	}
	c.Release()
}

// Shutdown lets calls under way end, and lets in nothing new.
func TestShutdown(t *testing.T) {
	s := newShop("a", "slow")
	slow := &counter{began: make(chan struct{})}
	s.goods["slow"] = slow
	server := serving(t, s, &Options{Conn: &rpc.Options{DrainTimeout: time.Minute}})
	me := newVat(t, nil)
	c := me.Restore(t.Context(), refTo(t, server, "slow"))
	defer c.Release()
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() { _, err := add(ctx, c, 1); answer <- err }()
	<-slow.began
	down := make(chan error)
	go func() { down <- server.Shutdown(context.Background()) }()
	eventually(t, "new questions are refused", func() bool {
		d := me.Restore(t.Context(), refTo(t, server, "a"))
		defer d.Release()
		return errors.Is(d.Resolve(t.Context()), capnp.Disconnected)
	})
	cancel()
	<-answer
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func newTestIdentity(t testing.TB) *Identity {
	t.Helper()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func testReference(t *testing.T) Reference {
	r, err := NewReference(Key{1}, []byte("a secret of 16 by"), Address{"tcp", "h:1"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
