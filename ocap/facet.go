package ocap

import (
	"runtime"
	"slices"

	"lanyard.dev/capnp"
)

// Facet returns a capability of the same type to c's object on which only the given methods can be
// called; every other call ends as unimplemented. Methods that c itself does not have are not
// gained. c stays the caller's; release both.
//
//	guest := ocap.Facet(calculator, calc.CalculatorEvaluateMethod)
func Facet[C capnp.ClientKind](c C, methods ...*capnp.Method) C {
	cl := capnp.ClientOf(c)
	defer runtime.KeepAlive(cl)
	h := capnp.HookOf(cl)
	p := &facet{allowed: map[methodKey]struct{}{}}
	for _, m := range methods {
		p.allowed[methodKey{m.InterfaceID(), m.MethodID()}] = struct{}{}
	}
	if w, ok := h.(*wrapper); ok && w.outer {
		old, ok := w.m.policy.(*facet)
		if root, _ := w.kind(); ok && root {
			p = p.within(old, h)
			h = w.inner()
		}
	}
	return capnp.As[C](capnp.NewClient(newMembrane(h, p, false).view(h, true)))
}

// facet is the policy that narrows the root of its membrane to some methods.
type facet struct {
	allowed map[methodKey]struct{}
	aliases []capnp.Hook // the facets that this one was made from: they count as the root
}

type methodKey struct {
	interfaceID uint64
	methodID    uint16
}

// within returns what both p and old, the facet that p was made from, allow.
func (p *facet) within(old *facet, h capnp.Hook) *facet {
	q := &facet{allowed: map[methodKey]struct{}{}, aliases: append(slices.Clip(old.aliases), h)}
	for k := range p.allowed {
		if _, ok := old.allowed[k]; ok {
			q.allowed[k] = struct{}{}
		}
	}
	return q
}

// judge implements policy.
func (p *facet) judge(w *wrapper, interfaceID uint64, methodID uint16) verdict {
	if !w.outer || w.decided.Load() {
		return pass
	}
	if _, ok := p.allowed[methodKey{interfaceID, methodID}]; ok {
		return pass
	}
	root, open := w.kind()
	switch {
	case root:
		return deny
	case open != nil:
		return wait
	case w.isAlias(p):
		return deny
	}
	w.decided.Store(true)
	return pass
}

func (w *wrapper) isAlias(p *facet) bool {
	h := w.inner()
	return h != nil && slices.ContainsFunc(p.aliases, func(a capnp.Hook) bool {
		return capnp.ShortenAll(h) == capnp.ShortenAll(a)
	})
}
