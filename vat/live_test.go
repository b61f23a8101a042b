package vat

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
)

// network is a net of pipes within a bubble: vats listen at names, and links can be cut.
type network struct {
	mu    sync.Mutex
	at    map[string]*pipeListener
	conns []net.Conn
	dials []time.Time
}

func newNetwork() *network { return &network{at: map[string]*pipeListener{}} }

type pipeListener struct {
	name string
	in   chan net.Conn
	done chan struct{}
	once sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: l.name, Net: "unix"} }

func (n *network) listen(name string) net.Listener {
	l := &pipeListener{name: name, in: make(chan net.Conn), done: make(chan struct{})}
	n.mu.Lock()
	n.at[name] = l
	n.mu.Unlock()
	return l
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.at[address]
	n.dials = append(n.dials, time.Now())
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("nobody listens there")
	}
	a, b := net.Pipe()
	select {
	case l.in <- b:
	case <-l.done:
		return nil, errors.New("nobody listens there any more")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	n.mu.Lock()
	n.conns = append(n.conns, a, b)
	n.mu.Unlock()
	return a, nil
}

// cut ends all connections.
func (n *network) cut() {
	n.mu.Lock()
	conns := n.conns
	n.conns = nil
	n.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.dials)
}

// serve makes a vat at a name.
func (n *network) serve(t *testing.T, name string, id *Identity, s *shop) *Vat {
	t.Helper()
	v, err := New(&Options{Identity: id, Restore: s.restore, At: []Address{{"tcp", name}}, Dial: n.dial})
	if err != nil {
		t.Fatal(err)
	}
	go v.Serve(context.Background(), n.listen(name))
	return v
}

// counterRegistry is the schema of counter, with add annotated or not.
func counterRegistry(t *testing.T, annotation string) *schema.Registry {
	t.Helper()
	return compile(t, `@0xaaaaaaaaaaaaaaaa;
		using Lanyard = import "/lanyard.capnp";
		interface Counter @0x8000000000000abc {
			add @0 (n :UInt64) -> (n :UInt64) `+annotation+`;
			self @1 () -> (self :Counter);
		}`)
}

// A reference heals: calls on their way fail, later ones wait, in order, and go on.
func TestLiveHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		s := newShop("a")
		server := n.serve(t, "s:1", nil, s)
		me := newBubbleVat(t, &Options{Dial: n.dial})
		c := me.Live(refTo(t, server, "a"))
		if n.count() != 0 {
			t.Error("connected before the first call")
		}
		for want := uint64(1); want <= 3; want++ {
			if got := mustAdd(t, c); got != want {
				t.Errorf("counted %d, want %d", got, want)
			}
		}
		for range 5 {
			n.cut()
			synctest.Wait()
			var order []capnp.Promise[capnp.Struct]
			for i := range 10 {
				order = append(order, capnp.Send[capnp.Struct](t.Context(), c, addMethod, func(b capnp.StructBuilder) { b.SetUint64(0, uint64(i)) }))
			}
			last := uint64(0)
			for i, p := range order {
				r, err := p.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if i > 0 && r.Uint64(0) != last+uint64(i) {
					t.Errorf("call %d counted %d after %d: out of order", i, r.Uint64(0), last)
				}
				last = r.Uint64(0)
			}
		}
		if d := n.count(); d != 6 {
			t.Errorf("%d dials", d)
		}
		c.Release()
		me.Close()
		server.Close()
	})
}

// A call on its way at a break fails as disconnected and is not made again; if it is annotated
// idempotent it is.
func TestLiveRepeatsIdempotentOnly(t *testing.T) {
	for annotation, repeated := range map[string]bool{"": false, "$Lanyard.idempotent": true, "$Lanyard.readOnly": true} {
		t.Run(annotation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				s := newShop("a")
				began := make(chan struct{})
				s.goods["a"].began = began
				server := n.serve(t, "s:1", nil, s)
				registry := counterRegistry(t, annotation)
				me := newBubbleVat(t, &Options{Dial: n.dial, Registry: registry})
				c := me.Live(refTo(t, server, "a"))
				p := capnp.Send[capnp.Struct](t.Context(), c, addMethod, func(b capnp.StructBuilder) { b.SetUint64(0, 5) })
				<-began
				n.cut()
				synctest.Wait()
				if repeated {
					<-began
					s.goods["a"].began = nil // that one waits, too
					n.cut()
				}
				r, err := p.Wait()
				switch {
				case repeated && (err != nil || r.Uint64(0) != 15): // all three had their effect: so idempotent it was not
					t.Errorf("got %d, %v", r.Uint64(0), err)
				case !repeated && !errors.Is(err, capnp.Disconnected):
					t.Errorf("got %v", err)
				}
				c.Release()
				me.Close()
				server.Close()
			})
		})
	}
}

// A revoked reference stops healing for good, and says so with its code.
func TestLiveStopsWhenRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		s := newShop("a")
		server := n.serve(t, "s:1", nil, s)
		me := newBubbleVat(t, &Options{Dial: n.dial})
		c := me.Live(refTo(t, server, "a"))
		mustAdd(t, c)
		s.mu.Lock()
		delete(s.goods, "a")
		s.mu.Unlock()
		n.cut()
		synctest.Wait()
		for range 3 {
			if _, err := add(t.Context(), c, 1); !errors.Is(err, ocap.Revoked) {
				t.Errorf("got %v", err)
			}
		}
		asked, dials := s.count(), n.count()
		time.Sleep(time.Hour)
		if _, err := add(t.Context(), c, 1); !errors.Is(err, ocap.Revoked) || s.count() != asked || n.count() != dials {
			t.Errorf("%v, and it asked again", err)
		}
		if err := c.Resolve(t.Context()); !errors.Is(err, ocap.Revoked) {
			t.Errorf("it says that it is %v", err)
		}
		c.Release()
		me.Close()
		server.Close()
	})
}

// An outage of the ledger is none of the reference: it heals when that is over. The vat may even be
// another one by then, with the same key at another place.
func TestLiveOutlastsOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		s := newShop("a")
		id := newTestIdentity(t)
		server := n.serve(t, "s:1", id, s)
		r, _ := NewReference(id.Key(), []byte("a"), Address{"tcp", "s:1"}, Address{"tcp", "s:2"})
		me := newBubbleVat(t, &Options{Dial: n.dial})
		c := me.Live(r)
		mustAdd(t, c)
		s.fail(capnp.NewError(capnp.Disconnected, "no database"))
		n.cut()
		synctest.Wait()
		done := make(chan error)
		go func() { _, err := add(t.Context(), c, 1); done <- err }()
		time.Sleep(100 * time.Millisecond)
		server.Close()
		time.Sleep(100 * time.Millisecond)
		s.fail(nil)
		second := n.serve(t, "s:2", id, s)
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Release()
		me.Close()
		second.Close()
	})
}

// A restore that breaks again, before it has been answered, ends the calls that wait as
// overloaded; the reference goes on healing.
func TestLiveBreaksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		s := newShop("a")
		hang := make(chan struct{})
		var hanging atomic.Bool
		restore := func(ctx context.Context, secret []byte, peer Key) (capnp.Client, error) {
			if hanging.Load() {
				hang <- struct{}{}
				<-ctx.Done()
				return capnp.Client{}, context.Cause(ctx)
			}
			return s.restore(ctx, secret, peer)
		}
		server := newBubbleVat(t, &Options{Restore: restore, At: []Address{{"tcp", "s:1"}}})
		go server.Serve(context.Background(), n.listen("s:1"))
		me := newBubbleVat(t, &Options{Dial: n.dial})
		c := me.Live(refTo(t, server, "a"))
		mustAdd(t, c)
		hanging.Store(true)
		n.cut()
		synctest.Wait()
		done := make(chan error)
		go func() { _, err := add(t.Context(), c, 1); done <- err }()
		<-hang
		hanging.Store(false)
		n.cut()
		if err := <-done; !errors.Is(err, capnp.Overloaded) {
			t.Errorf("got %v", err)
		}
		mustAdd(t, c)
		c.Release()
		me.Close()
		server.Close()
	})
}

// What is restored is not announced before the vat has answered: until then calls wait here.
func TestLiveProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		gate := make(chan struct{})
		object := &counter{}
		server := newBubbleVat(t, &Options{At: []Address{{"tcp", "s:1"}}, Restore: func(context.Context, []byte, Key) (capnp.Client, error) {
			<-gate
			return capnp.NewServer(object), nil
		}})
		go server.Serve(context.Background(), n.listen("s:1"))
		me := newBubbleVat(t, &Options{Dial: n.dial})
		c := me.Live(refTo(t, server, "a"))
		done := make(chan error)
		go func() { _, err := add(t.Context(), c, 1); done <- err }()
		time.Sleep(5 * time.Second)
		server.mu.Lock()
		var received int64
		for l := range server.all {
			received = l.conn.Stats().CallsReceived
		}
		server.mu.Unlock()
		if received != 1 {
			t.Errorf("the server has %d calls, want the question alone", received)
		}
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Release()
		me.Close()
		server.Close()
	})
}

// A thousand that lose their vat at one moment come back spread over time (T16): those of one vat
// over one connection, and no moment gets a crowd.
func TestReconnectStorm(t *testing.T) {
	const refs, vats = 1000, 20
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		s := newShop("a")
		id := newTestIdentity(t)
		server := n.serve(t, "s:1", id, s)
		r := refTo(t, server, "a")
		var all []*Vat
		var clients []capnp.Client
		for range vats {
			me := newBubbleVat(t, &Options{Dial: n.dial})
			all = append(all, me)
			for range refs / vats {
				clients = append(clients, me.Live(r))
			}
		}
		use := func() {
			var calls []capnp.Promise[capnp.Struct]
			for _, c := range clients {
				calls = append(calls, capnp.Send[capnp.Struct](t.Context(), c, addMethod, func(b capnp.StructBuilder) { b.SetUint64(0, 1) }))
			}
			for _, p := range calls {
				if _, err := p.Wait(); err != nil {
					t.Fatal(err)
				}
			}
		}
		use()
		if n.count() != vats {
			t.Errorf("%d dials for %d vats", n.count(), vats)
		}
		n.mu.Lock()
		n.at = map[string]*pipeListener{} // the server is away for a while
		n.dials = nil
		n.mu.Unlock()
		server.Close()
		n.cut()
		synctest.Wait()
		lost := time.Now()
		back := make(chan *Vat)
		go func() {
			time.Sleep(2 * time.Second)
			back <- n.serve(t, "s:1", id, s)
		}()
		use()
		second := <-back
		n.mu.Lock()
		dials := slices.Clone(n.dials)
		n.mu.Unlock()
		// One vat's references share its dials and its patience; without jitter the vats would all
		// dial at once.
		if len(dials) > vats*20 {
			t.Errorf("%d dials", len(dials))
		}
		crowd := map[time.Duration]int{}
		for _, at := range dials {
			crowd[at.Sub(lost)/time.Millisecond]++
		}
		most := 0
		for _, k := range crowd {
			most = max(most, k)
		}
		if most > vats/2 || len(crowd) < vats {
			t.Errorf("%d dials in one millisecond, %d different moments", most, len(crowd))
		}
		t.Logf("%d dials at %d moments, at most %d at one", len(dials), len(crowd), most)
		for _, c := range clients {
			c.Release()
		}
		for _, v := range all {
			v.Close()
		}
		second.Close()
	})
}

func newBubbleVat(t *testing.T, o *Options) *Vat {
	t.Helper()
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// compile makes a registry of a schema.
func compile(t *testing.T, text string) *schema.Registry {
	t.Helper()
	files := fstest.MapFS{"x.capnp": {Data: []byte(text)}}
	res, err := compiler.Compile([]string{"x.capnp"}, &compiler.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Diags {
		t.Fatalf("%s: %s", d.File.Name(), d.Message)
	}
	return schema.NewRegistry(res.Request)
}
