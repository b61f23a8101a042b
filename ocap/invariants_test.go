package ocap_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// An invariant is something that holds for every wrapper and every stack of two, in every place. The
// ids are explained in docs/authority.md.
type invariant struct {
	id, says string
	check    func(t testing.TB, p place, w wrapping)
	// control is a wrapper that is broken: check must find that out.
	control wrapping
	// at is the place where it does, by name; "" is local.
	at string
	// only says for which wrappers it holds; nil means all.
	only func(w wrapping) bool
	// anywhere says that the check has a place of its own.
	anywhere bool
	// heavy checks are run on stacks only with LANYARD_STACKS=all.
	heavy bool
}

func revokes(w wrapping) bool {
	return w.has("revocable") || w.has("membrane") || w.has("admitted")
}

// allowlist: what denies by a list of what is allowed.
func allowlist(w wrapping) bool { return w.has("facet") }

// exactly one layer of a facet is outermost or alone.
func sharp(w wrapping) bool { return w.name == "facet" || w.name == "facet of facet" }

var invariants = []invariant{
	{"C1", "typed, untyped and cast calls behave the same", sameHoweverCalled, broken("by name"), "", nil, false, false},
	{"C2", "pipelined calls obey the policy, on results of results, too", reaches("pipelined", "pipelined twice", "by way of another object, pipelined", "by an early pipeline"), broken("naive"), "", nil, false, false},
	{"C3", "what a promise becomes later obeys it", reaches("as a promise that resolves", "as a promise, called before it resolves", "as a parameter of a call back to a promise", "by a promise for itself inside"), broken("naive"), "", nil, false, false},
	{"C4", "null stays null, broken stays broken with the same reason", nullStaysNull, broken("curtain"), "", nil, true, false},
	{"C5", "giving everything back empties both vats' tables", nothingLeaks, broken("leaky"), "", nil, true, true},
	{"C6", "calling back from inside the object does not deadlock", reentrant, broken("one at a time"), "", nil, false, false},
	{"C7", "works locally, over a pipe, over TCP, through a third vat", worksHere, broken("local only"), "wrapped at the object", nil, false, false},
	{"C8", "an allowlist denies what it does not know", deniesUnknown, broken("naive"), "", allowlist, false, false},
	{"C9/cancel", "cancellation goes through", cancellationCrosses, broken("deaf"), "", nil, false, false},
	{"C9/stream", "streams go through, and end with a revocation", streamsCross, broken("busy"), "", nil, false, false},
	{"C9/tail", "tail calls go through", reaches("by a tail call"), broken("naive"), "", nil, false, false},
	{"C10", "64 holders at once", manyHolders, broken("busy"), "", nil, false, true},

	{"F1", "a facet is exactly its methods", exactSet, broken("naive"), "", sharp, false, false},
	{"F4", "methods belong to the interface that declares them", declaringInterface, broken("by ordinal"), "", allowlist, false, false},
	{"F5", "the holder sees no way past the wrapper", showsNothing, broken("naive"), "", nil, true, false},

	{"R1", "when revoke has returned nothing starts", nothingStartsAfterRevoke, broken("door"), "", revokes, false, false},
	{"R2", "what is under way ends with the reason and is cancelled", revokeEndsWhatIsUnderWay, broken("door"), "", revokes, false, false},
	{"R3", "revoking twice is revoking once; the first reason stays", firstReasonStays, broken("fickle"), "", revokes, false, false},
	{"R4", "everything is given back exactly once", targetIsReleasedOnce, broken("leaky"), "", nil, true, false},

	{"M1", "whatever comes out is behind the membrane", reaches("itself", "by conversion to another type", "as a result", "as a result of what came out", "by way of another object", "as a parameter of a call back", "as a result that comes home", "by keeping the facet inside"), broken("naive"), "", nil, false, false},
	{"M2", "what comes home is the original", passedBackIsTheOriginal, broken("forgetful"), "", nil, false, false},
	{"M3", "one proxy for each object and membrane", oneWrapper, broken("forgetful"), "", nil, true, false},
	{"M4", "no membrane strips another", strangersStayWrapped, broken("stripper"), "", nil, true, false},
	{"M5", "revocation works both ways, and what came home survives", revokeWorksBothWays, broken("door"), "", revokes, false, false},
	{"M5/promise", "revocation breaks the promises that came out", revokeBreaksPromises, broken("door"), "", revokes, false, false},
	{"M6", "no promise leads around the wrapper to itself", promiseForItselfBreaks, broken("loop"), "", nil, true, false},
	{"M6/param", "a promise may be a parameter of the calls that wait for it", promiseAsParameter, broken("permissive"), "", nil, true, false},
	{"M7", "what happens to a call does not depend on when a promise resolves", homeIsHome, broken("hasty"), "wrapped at the holder", nil, false, false},
	{"M10", "revoking from inside does not deadlock", revokeFromInside, broken("patient"), "", revokes, false, true},

	{"B4", "revoked is not offline", revokedIsNotOffline, broken("offline"), "", revokes, false, false},
	{"O1", "calls stay in order, held or not", staysInOrder, broken("shuffling"), "", nil, false, false},
}

// TestInvariants runs the suite.
func TestInvariants(t *testing.T) {
	all := os.Getenv("LANYARD_STACKS") == "all"
	for _, inv := range invariants {
		for i, p := range places {
			if inv.anywhere && i > 0 {
				continue
			}
			wraps := singles
			// In the other places the stacks do the same with more to wait for.
			if all || !inv.heavy && (i == 0 || inv.anywhere) {
				wraps = append(slices.Clone(singles), stacks()...)
			}
			if inv.heavy && raced && i > 0 && !all {
				wraps = wraps[:1]
			}
			for _, w := range wraps {
				if inv.only != nil && !inv.only(w) {
					continue
				}
				t.Run(inv.id+"/"+p.name+"/"+w.name, func(t *testing.T) { inv.check(t, p, w) })
			}
		}
	}
}

// TestInvariantsAreNotIdle runs each check on a wrapper that is broken: it must fail.
func TestInvariantsAreNotIdle(t *testing.T) {
	for _, inv := range invariants {
		t.Run(inv.id+"/"+inv.control.name, func(t *testing.T) {
			i := max(0, slices.IndexFunc(places, func(p place) bool { return p.name == inv.at }))
			var failed []string
			for range 100 { // some show only when something comes in time
				failed = (&probe{TB: t}).run(func(t testing.TB) { inv.check(t, places[i], inv.control) })
				if len(failed) > 0 {
					break
				}
			}
			if len(failed) == 0 {
				t.Errorf("nobody notices that the wrapper is broken: not so that %s", inv.says)
			}
			t.Log(failed)
		})
	}
}

// probe is a test that is meant to fail.
type probe struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (p *probe) run(f func(testing.TB)) []string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(p)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		p.Error("hangs")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}

func (p *probe) Helper() {}

func (p *probe) Failed() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.failures) > 0 }

func (p *probe) Error(args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, fmt.Sprint(args...))
}

func (p *probe) Errorf(format string, args ...any) { p.Error(fmt.Sprintf(format, args...)) }
func (p *probe) Fatal(args ...any)                 { p.Error(args...); runtime.Goexit() }
func (p *probe) Fatalf(format string, args ...any) { p.Errorf(format, args...); runtime.Goexit() }

// The checks that are nowhere else.

func sameHoweverCalled(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, _ := p.setup(t, c, w.wrap)
	type another struct{ capnp.Client }
	untyped := func(m *capnp.Method) *capnp.Method {
		return newMethod(m.InterfaceID(), m.MethodID(), "unknown", false)
	}
	for how, m := range map[string]func(*capnp.Method) *capnp.Method{
		"typed": func(m *capnp.Method) *capnp.Method { return m }, "untyped": untyped,
	} {
		for what, on := range map[string]capnp.Client{"plain": h.Client, "cast": another(h).Client} {
			_, err := do(t, on, m(secret), 0)
			wantDenied(t, w, how+", "+what, err)
			must(t, on, m(ping), 0)
		}
	}
	if n := o.secrets.Load(); n != 0 && w.denies() {
		t.Errorf("secret ran %d times", n)
	}
	if n := o.pings.Load(); n != 4 {
		t.Errorf("ping ran %d times", n)
	}
}

func reentrant(t testing.TB, p place, w wrapping) {
	_, c := newThing()
	h, _ := p.setup(t, c, w.wrap)
	back := capnp.NewServer(fn(func(c *capnp.Call) error {
		_, err := send(c, h.Client, ping, 0).Wait()
		return err
	}))
	must(t, h.Client, callBack, 0, back)
}

func worksHere(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, _ := p.setup(t, c, w.wrap)
	if s := must(t, h.Client, ping, 5); s.Uint64(0) != 5 || o.pings.Load() != 1 {
		t.Errorf("ping returned %d and ran %d times", s.Uint64(0), o.pings.Load())
	}
	_, err := do(t, h.Client, secret, 0)
	wantDenied(t, w, "here", err)
}

func deniesUnknown(t testing.TB, p place, w wrapping) {
	for _, m := range []*capnp.Method{newMethod(thingID, 99, "later", false), newMethod(0xdead, 0, "other", false)} {
		ran := false
		c := T{capnp.NewServer(anything(func() { ran = true }))}
		h, _ := p.setup(t, c, w.wrap)
		_, err := do(t, h.Client, m, 0)
		wantErr(t, m.String(), err, capnp.Unimplemented)
		if ran {
			t.Errorf("%s ran", m)
		}
	}
}

// anything is an object that has every method.
type anything func()

func (anything) Impl() any { return nil }
func (anything) FindMethod(i uint64, m uint16) *capnp.Method {
	return newMethod(i, m, "any", false)
}
func (f anything) Invoke(context.Context, *capnp.Call) error { f(); return nil }

func exactSet(t testing.TB, p place, w wrapping) {
	for _, m := range thingMethods {
		if m == hang || m == block || m == callBack || m == write || m == act {
			continue
		}
		_, c := newThing()
		h, _ := p.setup(t, c, func(c T) (T, func(...error)) {
			c, revoke := w.wrap(c)
			if allowlist(w) {
				c = ocap.Facet(c, m)
			}
			return c, revoke
		})
		for _, other := range []*capnp.Method{ping, self, secret, echo, bear} {
			_, err := do(t, h.Client, other, 0)
			if allowed := other == m && m != secret; allowed != (err == nil) {
				t.Errorf("a facet of %s: %s ends with %v", m, other, err)
			}
		}
	}
}

func declaringInterface(t testing.TB, p place, w wrapping) {
	ran := false
	c := T{capnp.NewServer(anything(func() { ran = true }))}
	h, _ := p.setup(t, c, w.wrap)
	_, err := do(t, h.Client, newMethod(childID, ping.MethodID(), "the same ordinal", false), 0)
	wantErr(t, "the same ordinal of another interface", err, capnp.Unimplemented)
	if ran {
		t.Error("it ran")
	}
}

// nothingStartsAfterRevoke has fewer calls than TestRevokeUnderLoad, and more wrappers.
func nothingStartsAfterRevoke(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	busy, free := context.WithCancel(t.Context())
	defer free()
	first := send(busy, c.Client, block, 0)
	first.Done()
	eventually(t, "the object is busy", func() bool { return o.pings.Load() == 1 })
	var calls []capnp.Promise[capnp.Struct]
	for range 20 {
		calls = append(calls, send(context.Background(), h.Client, ping, 0))
	}
	_, mine := newSink()
	calls[0].Done()
	if p.name == "wrapped at the object" || p.name == "over TCP" {
		must(t, capnp.NewServer(&thing{}), ping, 0) // lets others run
	}
	revoke()
	free()
	<-first.Done()
	_ = mine
	for _, call := range calls {
		_, err := call.Wait()
		wantErr(t, "a queued call", err, ocap.Revoked)
	}
	must(t, c.Client, self, 0)
	// What is at another vat already may start there.
	if far := p.name == "wrapped at the holder" || p.name == "through a third vat"; !far && o.pings.Load() != 1 {
		t.Errorf("%d calls started", o.pings.Load()-1)
	}
}

func firstReasonStays(t testing.TB, p place, w wrapping) {
	_, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	revoke(errReason)
	revoke(context.Canceled)
	_, err := do(t, h.Client, ping, 0)
	if x := capnp.AsException(err); x == nil || x.Reason != errReason.Error() {
		t.Errorf("the reason is %v", err)
	}
}

func strangersStayWrapped(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, _ := p.setup(t, c, w.wrap)
	other, oc := newThing()
	stranger := ocap.Facet(oc, ping)
	must(t, h.Client, keep, 0, stranger.Client)
	_, err := do(t, o.stored, secret, 0)
	wantErr(t, "a method that the stranger lacks", err, capnp.Unimplemented)
	must(t, o.stored, ping, 0)
	if other.secrets.Load() != 0 || other.pings.Load() != 1 {
		t.Errorf("secret ran %d times, ping %d", other.secrets.Load(), other.pings.Load())
	}
}

func homeIsHome(t testing.TB, p place, w wrapping) {
	_, c := newThing()
	h, _ := p.setup(t, c, w.wrap)
	mine, mc := newThing() // has secret, like what is narrowed
	pr, r := capnp.NewPromise[T]()
	back := piped(h.Client, echo, pr.Client)
	early := send(context.Background(), back, secret, 0)
	r.Resolve(mc)
	if _, err := early.Wait(); err != nil {
		t.Errorf("a call of one's own object before it is known to be that: %v", err)
	}
	must(t, back, secret, 0)
	if n := mine.secrets.Load(); n != 2 {
		t.Errorf("secret ran %d times", n)
	}
}

func revokedIsNotOffline(t testing.TB, p place, w wrapping) {
	_, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	revoke()
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "after revoke", err, ocap.Revoked)
	wantErr(t, "after revoke", err, capnp.Failed)
	if h := h.Resolve(t.Context()); p.name == "local" {
		wantErr(t, "who waits for it", h, ocap.Revoked)
	}
}

func staysInOrder(t testing.TB, p place, w wrapping) {
	const n = 50
	o, c := newThing()
	o.order = make(chan uint64, n)
	h, _ := p.setup(t, c, w.wrap)
	var last capnp.Promise[capnp.Struct]
	for i := range uint64(n) {
		last = send(context.Background(), h.Client, ping, i)
		if i%7 == 0 { // on a path of its own
			send(context.Background(), piped(h.Client, self), self, 0)
		}
	}
	if _, err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(n) {
		if got := <-o.order; got != i {
			t.Fatalf("call %d arrived, want %d", got, i)
		}
	}
}
