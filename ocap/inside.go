package ocap

import (
	"runtime"
	"weak"

	"lanyard.dev/capnp"
)

// Inside returns what is behind the membrane that c came out of, and the membrane's policy, if that is
// a P; root says whether it is what the membrane was made for. Who can name the type of the policy has
// made the membrane: make it a type of your own that is not exported. Release inside.
func Inside[P Policy](c capnp.Client) (inside capnp.Client, policy P, root, ok bool) {
	defer runtime.KeepAlive(c)
	w, is := capnp.ShortenAll(capnp.HookOf(c)).(*wrapper)
	if !is || !w.outer {
		return inside, policy, false, false
	}
	if policy, ok = w.m.policy.(P); !ok {
		return inside, policy, false, false
	}
	h := w.inner()
	if h == nil {
		return capnp.Broken(w.m.reason.Load()), policy, false, true
	}
	root, _ = w.kind()
	return capnp.NewClient(h), policy, root, true
}

// Again returns a function that returns c once more, as long as somebody holds it. It keeps nothing
// alive. c must come out of a membrane; nobody holds anything else.
func Again(c capnp.Client) (again func() (capnp.Client, bool)) {
	w, ok := capnp.HookOf(c).(*wrapper)
	if !ok {
		return func() (capnp.Client, bool) { return capnp.Client{}, false }
	}
	p := weak.Make(w)
	return func() (capnp.Client, bool) {
		w := p.Value()
		if w == nil || !w.more() {
			return capnp.Client{}, false
		}
		c := capnp.NewClient(w)
		t := capnp.BeginTurn()
		w.release(t)
		t.End()
		return c, true
	}
}
