package ocap_test

import (
	"context"
	"slices"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// A way is one in which a holder may try to get at the object itself.
type way struct {
	name string
	// reach returns capabilities that the holder got, and which stand for the object.
	reach func(t testing.TB, o *thing, c T) capnp.Client
	// escapes says that the naive wrapper, the negative control, lets the object out this way.
	escapes bool
}

type other struct{ capnp.Client }

var ways = []way{
	{"itself", func(t testing.TB, _ *thing, c T) capnp.Client { return c.Client }, false},
	{"by conversion to another type", func(t testing.TB, _ *thing, c T) capnp.Client {
		return other(c).Client
	}, false},
	{"as a result", func(t testing.TB, _ *thing, c T) capnp.Client {
		return result(t, c.Client, self)
	}, true},
	{"as a result of what came out", func(t testing.TB, _ *thing, c T) capnp.Client {
		return result(t, result(t, c.Client, self), self)
	}, true},
	{"pipelined", func(t testing.TB, _ *thing, c T) capnp.Client {
		return piped(c.Client, self)
	}, true},
	{"pipelined twice", func(t testing.TB, _ *thing, c T) capnp.Client {
		return piped(piped(c.Client, self), self)
	}, true},
	{"by way of another object", func(t testing.TB, _ *thing, c T) capnp.Client {
		return result(t, result(t, c.Client, bear), parent)
	}, true},
	{"by way of another object, pipelined", func(t testing.TB, _ *thing, c T) capnp.Client {
		return piped(piped(c.Client, bear), parent)
	}, true},
	{"as a parameter of a call back", func(t testing.TB, _ *thing, c T) capnp.Client {
		s, sc := newSink()
		must(t, c.Client, callBack, 0, sc)
		return receive(t, s.got)
	}, true},
	{"as a parameter of a call back to a promise", func(t testing.TB, _ *thing, c T) capnp.Client {
		s, sc := newSink()
		p, r := capnp.NewPromise[T]()
		call := send(context.Background(), c.Client, callBack, 0, p.Client)
		r.Resolve(T{sc})
		if _, err := call.Wait(); err != nil {
			t.Fatal(err)
		}
		return receive(t, s.got)
	}, true},
	{"as a promise that resolves", func(t testing.TB, o *thing, c T) capnp.Client {
		p := result(t, c.Client, later)
		o.resolve()
		return p
	}, true},
	{"as a promise, called before it resolves", func(t testing.TB, o *thing, c T) capnp.Client {
		p := piped(c.Client, later)
		eventually(t, "the method runs", func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.resolver != nil })
		context.AfterFunc(canceledContext(), o.resolve)
		return p
	}, true},
	{"as a result that comes home", func(t testing.TB, _ *thing, c T) capnp.Client {
		return result(t, c.Client, echo, c.Client)
	}, false},
	{"by keeping the facet inside", func(t testing.TB, _ *thing, c T) capnp.Client {
		must(t, c.Client, keep, 0, c.Client)
		return result(t, c.Client, kept)
	}, false},
	{"by a promise for itself inside", func(t testing.TB, _ *thing, c T) capnp.Client {
		p, r := capnp.NewPromise[T]()
		back := piped(c.Client, echo, p.Client)
		r.Resolve(c)
		return back
	}, false},
	{"by a tail call", func(t testing.TB, _ *thing, c T) capnp.Client {
		return result(t, c.Client, tail)
	}, true},
	{"by an early pipeline", func(t testing.TB, _ *thing, c T) capnp.Client {
		return piped(c.Client, early)
	}, true},
}

func (o *thing) resolve() {
	o.mu.Lock()
	r := o.resolver
	o.mu.Unlock()
	c := capnp.NewServer(o)
	if o.me != nil {
		c = *o.me
	}
	r.Resolve(T{c})
}

func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func newThing() (*thing, T) {
	o := &thing{}
	c := capnp.NewServer(o)
	o.me = &c
	return o, T{c}
}

// reaches checks the given ways: whichever the object is reached by, the policy holds. What is denied
// never runs, and after revocation nothing works.
func reaches(names ...string) func(testing.TB, place, wrapping) {
	return func(t testing.TB, p place, wr wrapping) {
		for _, w := range ways {
			if !slices.Contains(names, w.name) {
				continue
			}
			o, c := newThing()
			h, revoke := p.setup(t, c, wr.wrap)
			got := w.reach(t, o, h)
			_, err := do(t, got, secret, 0)
			wantDenied(t, wr, w.name, err)
			if n := o.secrets.Load(); n != 0 && wr.denies() {
				t.Errorf("%s: secret ran %d times", w.name, n)
			}
			if s := must(t, got, ping, 7); s.Uint64(0) != 7 || o.pings.Load() != 1 {
				t.Errorf("%s: ping returned %d and ran %d times", w.name, s.Uint64(0), o.pings.Load())
			}
			if revoke == nil {
				continue
			}
			revoke()
			for what, on := range map[string]capnp.Client{"it": got, "the capability": h.Client} {
				_, err = do(t, on, ping, 8)
				wantErr(t, w.name+": ping of "+what+" after revoke", err, ocap.Revoked)
				wantErr(t, w.name+": ping of "+what+" after revoke", err, capnp.Failed)
			}
			if n := o.pings.Load(); n != 1 {
				t.Errorf("%s: ping ran %d times", w.name, n)
			}
		}
	}
}

// The negative control: a wrapper that only filters methods is found out.
func TestNaiveWrapperIsFoundOut(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			o, c := newThing()
			h := T{capnp.NewClient(&naive{inner: capnp.HookOf(c.Client)})}
			_, err := do(t, w.reach(t, o, h), secret, 0)
			if escaped := err == nil && o.secrets.Load() == 1; escaped != w.escapes {
				t.Errorf("escaped is %v, want %v (%v)", escaped, w.escapes, err)
			}
		})
	}
}

// naive denies secret and forwards the rest.
type naive struct{ inner capnp.Hook }

func (n *naive) Deliver(c *capnp.Call, t *capnp.Turn) {
	if c.InterfaceID() == secret.InterfaceID() && c.MethodID() == secret.MethodID() {
		c.Refuse(c.NoSuchMethod(), t)
		return
	}
	n.inner.Deliver(c, t)
}
func (n *naive) Next() capnp.Hook                      { return n.inner }
func (n *naive) Shorten() capnp.Hook                   { return nil }
func (n *naive) Watch(capnp.Watcher, *capnp.Turn) bool { return false }
func (n *naive) Promise() bool                         { return false }
func (n *naive) Broken() error                         { return nil }
func (n *naive) Retain()                               {}
func (n *naive) Release(*capnp.Turn)                   {}
