package ocap

import (
	"runtime"

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
	m, h := layer(capnp.HookOf(cl), Methods(methods...), nil, false)
	return capnp.As[C](capnp.NewClient(m.view(h, true)))
}

// Methods returns the policy of a Facet: what the membrane was made for has the given methods and no
// others; everything else passes.
func Methods(methods ...*capnp.Method) Policy {
	p := &facet{allowed: map[methodKey]struct{}{}}
	for _, m := range methods {
		p.allowed[methodKey{m.InterfaceID(), m.MethodID()}] = struct{}{}
	}
	return p
}

// facet is the policy that narrows the root of its membrane to some methods.
type facet struct {
	allowed map[methodKey]struct{}
}

type methodKey struct {
	interfaceID uint64
	methodID    uint16
}

// Judge implements Policy.
func (p *facet) Judge(c *Crossing) error {
	if !c.Inward() || p.allows(c.iface, c.method) || !c.Root() {
		return nil
	}
	return noSuchMethod(c)
}

func noSuchMethod(c *Crossing) error {
	return capnp.Errorf(capnp.Unimplemented, "the object has no method %s", c.Name())
}

func (p *facet) allows(interfaceID uint64, methodID uint16) bool {
	_, ok := p.allowed[methodKey{interfaceID, methodID}]
	return ok
}

// Collapse implements Collapser.
func (p *facet) Collapse(inner Policy) (Policy, bool) { return collapse(p, inner) }

// within is the intersection.
func (p *facet) within(old *facet) *facet {
	q := &facet{allowed: map[methodKey]struct{}{}}
	for k := range p.allowed {
		if _, ok := old.allowed[k]; ok {
			q.allowed[k] = struct{}{}
		}
	}
	return q
}

// quick is Judge without a Crossing.
func (p *facet) quick(w *wrapper, interfaceID uint64, methodID uint16) verdict {
	if !w.outer || w.known.Load() == isOther || p.allows(interfaceID, methodID) {
		return pass
	}
	switch root, open := w.kind(); {
	case root:
		return deny
	case open != nil:
		return wait
	}
	return pass
}
