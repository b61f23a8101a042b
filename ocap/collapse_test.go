package ocap_test

import (
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// What is of the same kind and keeps no count is one layer; what cannot be is two.
func TestStacksCollapse(t *testing.T) {
	lease := func(c T) T { l, _ := ocap.Lease(c, time.Now().Add(time.Hour), nil); return l }
	plain := func(c T) T { w, _ := ocap.Membrane(c, judge(denySecret), nil); return w }
	taken := func(c T) T { w, _ := ocap.Revocable(c); return w }
	some := func(c T) T { return ocap.Facet(c, open...) }
	audit := func(c T) T { return ocap.Audit(c, blank{}, nil) }
	for _, c := range []struct {
		name         string
		outer, inner func(T) T
		layers       int
		ten          bool // even with many more of the inner kind around it
	}{
		{"facet of facet", some, some, 1, true},
		{"revocable of revocable", taken, taken, 1, true},
		{"revocable of facet", taken, some, 1, true},
		{"facet of revocable", some, taken, 1, true},
		{"membrane of revocable", plain, taken, 1, false},
		{"lease of lease", lease, lease, 1, true},
		{"lease of facet", lease, some, 1, true},
		{"membrane of membrane", plain, plain, 2, false},
		{"revocable of membrane", taken, plain, 2, false},
		{"audit of audit", audit, audit, 2, false},
	} {
		_, o := newThing()
		h := c.outer(c.inner(o))
		if n := ocap.Layers(capnp.HookOf(h.Client)); n != c.layers {
			t.Errorf("%s: %d layers, want %d", c.name, n, c.layers)
		}
		for range 10 {
			h = c.inner(c.inner(h))
		}
		if n := ocap.Layers(capnp.HookOf(h.Client)); n != 1 && c.ten || n < 21 && c.layers == 2 {
			t.Errorf("twenty more in %s: %d layers", c.name, n)
		}
		must(t, h.Client, ping, 0)
	}
	// A facet of something that came out is one of that, not of the capability.
	_, o := newThing()
	kid := result(t, some(o).Client, bear)
	if n := ocap.Layers(capnp.HookOf(ocap.Facet(T{kid}, parent).Client)); n != 2 {
		t.Errorf("a facet of what came out of a facet: %d layers", n)
	}
}

// Collapsing changes nothing about revocation: the inner revoke ends the outer capability, what came
// out of it, and what is under way; the outer one leaves the inner alone.
func TestCollapsedDieWithTheirParents(t *testing.T) {
	o, c := newThing()
	inner, revokeInner := ocap.Revocable(c)
	facet := ocap.Facet(inner, open...)
	outer, revokeOuter := ocap.Revocable(facet)
	deep, _ := ocap.Revocable(outer)
	if n := ocap.Layers(capnp.HookOf(deep.Client)); n != 1 {
		t.Fatalf("%d layers", n)
	}
	out := result(t, deep.Client, self)
	hangs := send(t.Context(), out, hang, 0)
	hangs.Done()
	eventually(t, "the method runs", func() bool { return o.pings.Load() == 1 })
	revokeOuter()
	_, err := hangs.Wait()
	wantErr(t, "what was under way", err, ocap.Revoked)
	eventually(t, "the method's context ends", func() bool { return o.ended.Load() == 1 })
	for what, h := range map[string]capnp.Client{"outer": outer.Client, "deep": deep.Client, "what came out": out} {
		_, err := do(t, h, ping, 0)
		wantErr(t, what, err, ocap.Revoked)
	}
	must(t, facet.Client, ping, 0)
	revokeInner(errReason)
	_, err = do(t, facet.Client, ping, 0)
	wantErr(t, "a facet of what was revoked", err, ocap.Revoked)
	late := ocap.Facet(facet, ping)
	_, err = do(t, late.Client, ping, 0)
	wantErr(t, "a facet made afterwards", err, ocap.Revoked)
	if x := capnp.AsException(err); x.Reason != errReason.Error() {
		t.Errorf("the reason is %q", x.Reason)
	}
}

// startOnly keeps no state, but looks once more when a method starts.
type startOnly struct{ *starter }

func (s startOnly) Collapse(inner ocap.Policy) (ocap.Policy, bool) { return ocap.Collapse(s, inner) }

// Ended hides that of starter: there is nothing to be told.
func (s startOnly) Ended() {}

// A policy that judges when methods start keeps its layer, whichever side of another it is on: one layer of both would
// not ask it.
func TestStartersDoNotCollapse(t *testing.T) {
	for what, stack := range map[string]func(T, ocap.Policy) T{
		"a facet around it": func(c T, p ocap.Policy) T { w, _ := ocap.Membrane(c, p, nil); return ocap.Facet(w, open...) },
		"it around a facet": func(c T, p ocap.Policy) T { w, _ := ocap.Membrane(ocap.Facet(c, open...), p, nil); return w },
	} {
		s := &starter{}
		_, o := newThing()
		c := stack(o, startOnly{s})
		must(t, c.Client, ping, 0)
		s.shut.Store(true)
		_, err := do(t, c.Client, ping, 0)
		wantErr(t, what, err, ocap.Stale)
	}
}
