package narrow

import (
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
)

// policy is what a narrowing says about methods and arguments: it keeps no state. It narrows the object
// that its membrane was made for.
type policy struct {
	allowed map[Method]bool // nil for all
	checks  map[Method][]check
}

// policyOf makes a policy of a narrowing; nil if it says nothing of methods and arguments.
func policyOf(n *Narrowing, reg *schema.Registry) (ocap.Policy, error) {
	w, err := bindWhere(reg, n.Interface, n.Where)
	if err != nil {
		return nil, err
	}
	p := &policy{allowed: w.only, checks: w.checks}
	if n.Methods != nil {
		p.only(setOf(n.Methods))
	}
	if n.ReadOnly {
		ms, err := readOnlyMethods(n.Interface, reg)
		if err != nil {
			return nil, err
		}
		p.only(ms)
	}
	switch {
	case len(p.checks) > 0:
		return p, nil
	case p.allowed == nil:
		return nil, nil
	}
	ms := make([]*capnp.Method, 0, len(p.allowed))
	for m := range p.allowed {
		ms = append(ms, capnp.NewMethod(capnp.MethodSpec{InterfaceID: m.InterfaceID, MethodID: m.MethodID}))
	}
	return ocap.Methods(ms...), nil
}

func setOf(ms []Method) map[Method]bool {
	s := map[Method]bool{}
	for _, m := range ms {
		s[m] = true
	}
	return s
}

// only leaves what is in ms.
func (p *policy) only(ms map[Method]bool) {
	if p.allowed == nil {
		p.allowed = ms
		return
	}
	both := map[Method]bool{}
	for m := range p.allowed {
		if ms[m] {
			both[m] = true
		}
	}
	p.allowed = both
}

func readOnlyMethods(id uint64, reg *schema.Registry) (map[Method]bool, error) {
	iface, err := lookupInterface(reg, id)
	if err != nil {
		return nil, fmt.Errorf("read-only: %w", err)
	}
	ms := map[Method]bool{}
	for m := range iface.Methods() {
		if m.ReadOnly() {
			ms[methodOf(m)] = true
		}
	}
	return ms, nil
}

// Judge implements [ocap.Policy].
func (p *policy) Judge(c *ocap.Crossing) error {
	if !c.Inward() {
		return nil
	}
	m := Method{c.InterfaceID(), c.MethodID()}
	err := p.judge(m, c)
	if err == nil || !c.Root() {
		return nil
	}
	return err
}

func (p *policy) judge(m Method, c *ocap.Crossing) error {
	if p.allowed != nil && !p.allowed[m] {
		return capnp.Errorf(capnp.Unimplemented, "the object has no method %s", c.Name())
	}
	if len(p.checks[m]) == 0 {
		return nil
	}
	return judge(p.checks[m], c.Params())
}

// Collapse implements [ocap.Collapser].
func (p *policy) Collapse(inner ocap.Policy) (ocap.Policy, bool) { return ocap.Collapse(p, inner) }

// checkMethods finds methods that the schemas know not to exist.
func checkMethods(ms []Method, reg *schema.Registry) error {
	if reg == nil {
		return nil
	}
	for _, m := range ms {
		iface, err := dynamic.LookupInterface(reg, m.InterfaceID)
		if err != nil {
			continue // a facet needs no schema
		}
		if _, ok := dynamic.MethodAt(reg, m.InterfaceID, m.MethodID); !ok {
			return fmt.Errorf("%s has no method @%d", plain(iface.Name()), m.MethodID)
		}
	}
	return nil
}
