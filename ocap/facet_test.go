package ocap_test

import (
	"context"
	"errors"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// What is denied cannot be told from what the object does not have.
func TestFacetDeniesLikeAnObjectWithoutTheMethod(t *testing.T) {
	_, c := newThing()
	f := ocap.Facet(c, ping)
	with := ocap.Facet(T{capnp.NewServer(&child{})}, ping) // does not have secret
	unknown := newMethod(thingID, 99, "added later", false)
	for _, m := range []*capnp.Method{secret, unknown, parent} {
		_, err := do(t, f.Client, m, 0)
		_, bare := do(t, with.Client, m, 0)
		_, plain := do(t, capnp.NewServer(&sink{}), m, 0)
		for _, e := range []error{err, bare, plain} {
			x, ok := errors.AsType[*capnp.Exception](e)
			if !ok || x.Kind != capnp.Unimplemented || len(x.Details) != 0 || x.Cause != nil {
				t.Errorf("%s: %#v", m, e)
			}
		}
		if err.Error() != plain.Error() || bare.Error() != plain.Error() {
			t.Errorf("%s: %q, %q and %q differ", m, err, bare, plain)
		}
	}
}

// A facet is exactly its methods, by the interface that declares them.
func TestFacetIsAnExactSet(t *testing.T) {
	for i, allowed := range thingMethods {
		o, c := newThing()
		o.onAct = func() {}
		f := ocap.Facet(c, allowed)
		for j, m := range thingMethods {
			if m == hang || m == block || m == callBack || m == keep || m == write {
				continue
			}
			_, err := do(t, f.Client, m, 0)
			if denied := errors.Is(err, capnp.Unimplemented); denied == (i == j) {
				t.Errorf("facet of %s: %s gives %v", allowed, m, err)
			}
		}
		other := newMethod(childID, allowed.MethodID(), "the same ordinal", false)
		_, err := do(t, f.Client, other, 0)
		wantErr(t, "the same ordinal of another interface", err, capnp.Unimplemented)
	}
	_, c := newThing()
	_, err := do(t, ocap.Facet(c).Client, ping, 0)
	wantErr(t, "facet of nothing", err, capnp.Unimplemented)
}

func TestFacetOfFacetIsTheIntersection(t *testing.T) {
	_, c := newThing()
	f := ocap.Facet(ocap.Facet(c, ping, self, echo), self, echo, secret)
	for m, allowed := range map[*capnp.Method]bool{ping: false, self: true, echo: true, secret: false} {
		if _, err := do(t, f.Client, m, 0); (err == nil) != allowed {
			t.Errorf("%s: %v", m, err)
		}
	}
	if got := result(t, f.Client, self); !capnp.Same(got, f.Client) {
		t.Error("the object came out as something else than the facet")
	}
}

// What a facet's object returns works whole.
func TestFacetDoesNotNarrowOtherObjects(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			_, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Facet(c, bear), nil })
			kid := piped(h.Client, bear)
			back := result(t, kid, parent) // not a method of the facet
			_, err := do(t, back, ping, 0)
			wantErr(t, "ping of the object", err, capnp.Unimplemented)
		})
	}
}

// Calls on the promise for another object keep their order, held or not.
func TestHeldCallsKeepTheirOrder(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			o, c := newThing()
			in, ic := newThing()
			in.order = make(chan uint64, 100)
			o.stored = ic.Client
			// secret is a method of the facet, so it passes; ping has to wait.
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Facet(c, kept, secret), nil })
			q := piped(h.Client, kept)
			n := uint64(30)
			for i := range n {
				send(context.Background(), q, ping, i)
				if i%5 == 0 {
					send(context.Background(), q, secret, i) // passes unless others are held
				}
				if i == n/2 {
					if err := q.Resolve(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := range n {
				if got := <-in.order; got != i {
					t.Fatalf("call %d arrived, want %d", got, i)
				}
			}
		})
	}
}

// A promise that the facet is made of is the root, whatever it becomes.
func TestFacetOfPromise(t *testing.T) {
	o, c := newThing()
	p, r := capnp.NewPromise[T]()
	f := ocap.Facet(p, ping, self)
	early := send(context.Background(), f.Client, ping, 1)
	_, err := do(t, f.Client, secret, 0)
	wantErr(t, "secret before the promise resolves", err, capnp.Unimplemented)
	out := piped(f.Client, self)
	denied := send(context.Background(), out, secret, 0)
	r.Resolve(c)
	if _, err := early.Wait(); err != nil {
		t.Fatal(err)
	}
	_, err = denied.Wait()
	wantErr(t, "secret of what comes out", err, capnp.Unimplemented)
	_, err = do(t, f.Client, secret, 0)
	wantErr(t, "secret after the promise resolved", err, capnp.Unimplemented)
	if !capnp.Same(result(t, f.Client, self), f.Client) {
		t.Error("the object came out as something else than the facet")
	}
	if o.secrets.Load() != 0 {
		t.Error("secret ran")
	}
}
