package ocap

import (
	"lanyard.dev/capnp"
)

// rules are a membrane's policy and what else it can do.
type rules struct {
	policy   Policy // nil lets everything pass
	facet    *facet // the policy, if it is one
	admitter Admitter
	handler  Handler
	redirect Redirector
	results  ResultJudge
	ender    Ender
	starter  Starter

	grantor string
	maxHeld int64
}

func newRules(p Policy, o *Options) rules {
	if o == nil {
		o = &Options{}
	}
	r := rules{policy: p, grantor: o.Grantor, maxHeld: int64(o.Held)}
	if r.maxHeld == 0 {
		r.maxHeld = defaultHeld
	}
	r.facet, _ = p.(*facet)
	r.admitter, _ = p.(Admitter)
	r.handler, _ = p.(Handler)
	r.redirect, _ = p.(Redirector)
	r.results, _ = p.(ResultJudge)
	r.ender, _ = p.(Ender)
	r.starter, _ = p.(Starter)
	return r
}

type verdict uint8

const (
	pass verdict = iota
	deny         // end the call
	wait         // it depends on what a promise becomes
)

// judge says what becomes of a call, and why it is denied.
func (w *wrapper) judge(f *flight) (verdict, *capnp.Exception) {
	m := w.m
	if w.home() || f.bounced() {
		f.exempt = true
		return pass, nil
	}
	if v := w.handle(f); v == wait || f.to != nil {
		return v, nil
	}
	if m.facet != nil {
		return m.facet.quick(w, f.x.iface, f.x.method), nil
	}
	f.x.asked = false
	err := m.ask(&f.x)
	switch {
	case f.x.asked:
		return wait, nil
	case err == nil:
		return pass, nil
	}
	x := refusal(err, m.grantor)
	if lasting(x) {
		if h := w.inner(); h != nil {
			if _, open := settled(h); open {
				return wait, x
			}
		}
	}
	return deny, x
}

// ask calls the policy. One that panics denies.
func (m *membrane) ask(x *Crossing) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Denied.exception(&capnp.PanicError{Value: p}, "the policy panicked")
		}
	}()
	return m.policy.Judge(x)
}

// askResults calls the policy. One that panics denies.
func (m *membrane) askResults(x *Crossing, results capnp.Struct) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Denied.exception(&capnp.PanicError{Value: p}, "the policy panicked")
		}
	}()
	return m.results.JudgeResults(x, results)
}

// home reports whether what w wraps has become something of the caller's own side.
func (w *wrapper) home() bool {
	h := w.inner()
	if h == nil {
		return false
	}
	v, ok := capnp.ShortenAll(h).(*wrapper)
	return ok && v.m == w.m && v.outer != w.outer
}

// bounced reports whether a call that wants to cross has crossed the other way before: it was made on
// a promise that became something of the caller's own side.
func (f *flight) bounced() bool {
	g, ok := f.x.call.Load().Returner().(*flight)
	return ok && g.x.w.m == f.x.w.m && g.x.w.outer != f.x.w.outer
}

// handle sets f.to if the membrane's owner answers the call.
func (w *wrapper) handle(f *flight) verdict {
	m := w.m
	if m.handler != nil && w.outer {
		if c, ok := m.handler.Handle(f.x.iface); ok {
			f.x.asked = false
			if f.x.Root() {
				f.to = capnp.HookOf(c)
				return pass
			}
			if f.x.asked {
				return wait
			}
		}
	}
	if m.redirect != nil {
		f.x.asked = false
		c, ok := m.redirect.Redirect(&f.x)
		if f.x.asked {
			return wait
		}
		if ok {
			f.to = capnp.HookOf(c)
		}
	}
	return pass
}

// over tells the policy that a call has ended which it let pass.
func (f *flight) over(err error) {
	if e := f.x.w.m.ender; e != nil && !f.exempt && f.to == nil {
		e.Ended(&f.x, err)
	}
}
