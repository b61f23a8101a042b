package ocap_test

import (
	"context"
	"errors"
	"testing"

	"lanyard.dev/capnp"
)

// What is passed in and comes back is the original, however often, and a promise for it, too.
func passedBackIsTheOriginal(t testing.TB, p place, wr wrapping) {
	o, c := newThing()
	h, _ := p.setup(t, c, wr.wrap)
	s, mine := newSink()
	for range 3 {
		if got := result(t, h.Client, echo, mine); !capnp.Same(got, mine) {
			t.Errorf("a capability came back as %v", got)
		}
	}
	must(t, h.Client, keep, 0, mine)
	if capnp.Same(o.stored, mine) {
		t.Error("a capability crossed bare")
	}
	if got := result(t, h.Client, kept); !capnp.Same(got, mine) {
		t.Errorf("a stored capability came back as %v", got)
	}
	pr, r := capnp.NewPromise[T]()
	back := piped(h.Client, echo, pr.Client)
	send(context.Background(), back, give, 1, mine)
	r.Resolve(T{mine})
	send(context.Background(), back, give, 2, mine)
	if err := back.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, back, give, 3, mine)
	if !capnp.Same(back, mine) {
		t.Errorf("a promise came back as %v", back)
	}
	if n := s.gives.Load(); n != 3 {
		t.Errorf("%d calls arrived", n)
	}
}

// One wrapper for each capability and membrane, and no two membranes share one.
func oneWrapper(t testing.TB, _ place, wr wrapping) {
	_, c := newThing()
	h, _ := wr.wrap(c)
	h2, _ := wr.wrap(c)
	for name, got := range map[string]capnp.Client{
		"result": result(t, h.Client, self), "pipelined result": wait(t, piped(h.Client, self)), "tail": result(t, h.Client, tail),
	} {
		if !capnp.Same(got, h.Client) {
			t.Errorf("%s: the object came out by %s as %v", wr.name, name, got)
		}
		if capnp.Same(got, h2.Client) || capnp.Same(got, c.Client) {
			t.Errorf("%s: %s is not the membrane's own", wr.name, name)
		}
	}
	s, sc := newSink()
	must(t, h.Client, callBack, 0, sc)
	if got := receive(t, s.got); !capnp.Same(got, h.Client) {
		t.Errorf("%s: the object called back with %v", wr.name, got)
	}
	// A foreign membrane's wrapper is not unwrapped.
	must(t, h.Client, keep, 0, h2.Client)
	if got := result(t, h.Client, kept); !capnp.Same(got, h2.Client) {
		t.Errorf("%s: another membrane's wrapper came back as %v", wr.name, got)
	}
}

func wait(t testing.TB, c capnp.Client) capnp.Client {
	t.Helper()
	if err := c.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func nullStaysNull(t testing.TB, _ place, wr wrapping) {
	reason := errors.New("broken for a reason")
	if c, _ := wr.wrap(T{}); !c.IsNull() {
		t.Errorf("%s of null is %v", wr.name, c)
	}
	b, _ := wr.wrap(T{capnp.Broken(reason)})
	if err := b.Resolve(t.Context()); !errors.Is(err, reason) {
		t.Errorf("%s of broken: %v", wr.name, err)
	}
	p, r := capnp.NewPromise[T]()
	b, _ = wr.wrap(p)
	call := send(context.Background(), b.Client, ping, 0)
	r.Reject(reason)
	if _, err := call.Wait(); !errors.Is(err, reason) {
		t.Errorf("%s of a promise that breaks: %v", wr.name, err)
	}
	if err := b.Resolve(t.Context()); !errors.Is(err, reason) {
		t.Errorf("%s of a promise that broke: %v", wr.name, err)
	}
	_, c := newThing()
	h, _ := wr.wrap(c)
	if got := result(t, h.Client, echo); !got.IsNull() {
		t.Errorf("%s: null came back as %v", wr.name, got)
	}
	if _, err := do(t, result(t, h.Client, echo, capnp.Broken(reason)), ping, 0); !errors.Is(err, reason) {
		t.Errorf("%s: broken came back as %v", wr.name, err)
	}
	p, r = capnp.NewPromise[T]()
	b, _ = wr.wrap(p)
	r.Resolve(T{})
	if err := b.Resolve(t.Context()); !b.IsNull() {
		t.Errorf("%s of a promise for null is %v (%v)", wr.name, b, err)
	}
}

// A wrapper shows neither what it wraps nor a way past itself.
func showsNothing(t testing.TB, _ place, wr wrapping) {
	_, c := newThing()
	h, _ := wr.wrap(c)
	k := capnp.HookOf(h.Client)
	if k.Next() != nil || k.Shorten() != nil {
		t.Errorf("%s: Next %v, Shorten %v", wr.name, k.Next(), k.Shorten())
	}
	if _, ok := capnp.LocalImpl(h.Client); ok {
		t.Errorf("%s: LocalImpl finds the object", wr.name)
	}
	if s := h.String(); s != "capability" {
		t.Errorf("%s: String is %q", wr.name, s)
	}
	if got := capnp.Serial(h); !capnp.Same(got.Client, h.Client) {
		t.Errorf("%s: Serial makes %v", wr.name, got)
	}
}

// A promise that would become its own wrapper breaks, whatever is between.
func promiseForItselfBreaks(t testing.TB, _ place, wr wrapping) {
	p, r := capnp.NewPromise[T]()
	h, _ := wr.wrap(p)
	call := send(context.Background(), h.Client, ping, 0)
	r.Resolve(h)
	if _, err := call.Wait(); err == nil {
		t.Errorf("%s: a call came back", wr.name)
	}
}

// A promise hands on its calls under its lock, and it may itself be a parameter of them, wrapped,
// unwrapped, or the last reference to itself.
func promiseAsParameter(t testing.TB, _ place, wr wrapping) {
	o, c := newThing()
	h, _ := wr.wrap(c)
	p, r := capnp.NewPromise[T]()
	var calls []capnp.Promise[capnp.Struct]
	for range 10 {
		calls = append(calls, send(context.Background(), p.Client, echo, 0, p.Client, h.Client))
		calls = append(calls, send(context.Background(), p.Client, secret, 0, p.Client))
	}
	p.Release()
	r.Resolve(h)
	for _, call := range calls {
		<-call.Done()
		call.Release()
	}
	if o.secrets.Load() == 0 == !wr.denies() {
		t.Errorf("%s: secret ran %d times", wr.name, o.secrets.Load())
	}
}
