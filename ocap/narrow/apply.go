package narrow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
)

// Env is what [Apply] needs besides the steps. The zero value, or nil, is enough for steps that need no
// schema.
type Env struct {
	// Registry has the schemas that ReadOnly, Where and calls are understood by.
	Registry *schema.Registry
	// Root is the interface of the first object, for steps that do not say it; 0 if it is not known.
	Root uint64
	// Clock is what expiry and rates go by; nil means the computer's.
	Clock ocap.Clock
	// Meter returns who counts the uses of a narrowing, by its index in the steps. If it is nil or
	// returns nil, they are counted in memory from zero.
	Meter func(step int, n *Narrowing) ocap.Meter
	// Grantor is who can give more, for the words of errors: see [ocap.Options].
	Grantor string

	_ struct{}
}

// Apply returns the capability that the steps lead to from c. It fails if [Check] does. Calls in the
// steps are made at once, one after the other in one round trip; what they lead to is a promise, broken
// if one fails. Narrowings that follow each other are one membrane, and one with what c is, if that was
// made in the same way. ctx is for its values only. c stays the caller's; release both.
func Apply(ctx context.Context, c capnp.Client, steps []Step, e *Env) (capnp.Client, error) {
	if e == nil {
		e = &Env{}
	}
	if err := Check(steps, e.Root, e.Registry); err != nil {
		return capnp.Client{}, err
	}
	a := &applier{Env: *e, at: capnp.AddRef(struct{ capnp.Client }{c}).Client}
	if a.Clock == nil {
		a.Clock = ocap.NewClock(time.Time{})
	}
	iface := e.Root
	for i, s := range steps {
		var err error
		if s.Narrow != nil {
			n := *s.Narrow
			n.Interface = orKnown(n.Interface, iface)
			err = a.narrow(i, &n)
		} else {
			iface = s.Call.ResultInterface
			err = a.call(ctx, s.Call)
		}
		if err != nil {
			a.at.Release()
			return capnp.Client{}, stepError(i, err)
		}
	}
	a.flush()
	return a.at, nil
}

func orKnown(id, known uint64) uint64 {
	if id == 0 {
		return known
	}
	return id
}

// applier goes along steps.
type applier struct {
	Env
	at       capnp.Client // owned
	policies []ocap.Policy
}

func (a *applier) narrow(i int, n *Narrowing) error {
	p, err := policyOf(n, a.Registry)
	if err != nil {
		return err
	}
	if p != nil {
		a.policies = append(a.policies, p)
	}
	if !n.NotAfter.IsZero() {
		p, _ := ocap.LeasePolicy(n.NotAfter, a.Clock)
		a.policies = append(a.policies, p)
	}
	l := ocap.Limits{Uses: n.Uses, Rate: n.Rate, Bytes: n.Bytes, Concurrency: n.Concurrency, Clock: a.Clock}
	if n.Uses > 0 && a.Meter != nil {
		if l.Meter = a.Meter(i, n); l.Meter != nil {
			l.Uses = 0
		}
	}
	if l.Meter != nil || n.Uses|n.Bytes > 0 || n.Concurrency > 0 || n.Rate.Calls > 0 {
		a.policies = append(a.policies, ocap.LimitPolicy(l))
	}
	return nil
}

// flush puts the narrowings so far around the capability so far.
func (a *applier) flush() {
	if len(a.policies) == 0 {
		return
	}
	slices.Reverse(a.policies) // the last of them is the outermost
	inner := a.at
	a.at = ocap.Narrow(inner, ocap.All(a.policies...), &ocap.Options{Grantor: a.Grantor})
	inner.Release()
	a.policies = nil
}

func (a *applier) call(ctx context.Context, p *PathCall) error {
	a.flush()
	next, err := p.send(ctx, a.at, a.Registry)
	if err != nil {
		return err
	}
	a.at.Release()
	a.at = next
	return nil
}

// Check reports the first thing in the steps that the schemas do not know or that is not allowed, with
// its place and a hint. Root is the interface of the first object, or 0 if it is not known.
func Check(steps []Step, root uint64, reg *schema.Registry) error {
	if len(steps) > MaxSteps {
		return fmt.Errorf("%d steps, limit %d", len(steps), MaxSteps)
	}
	comparisons, searches := 0, 0
	for i, s := range steps {
		var err error
		switch {
		case s.Narrow != nil && s.Call == nil:
			err = s.Narrow.checkAt(root, reg)
			s.Narrow.cost(&comparisons, &searches)
		case s.Call != nil && s.Narrow == nil:
			if reg == nil {
				err = errors.New("no schemas are given by which to call")
			} else if err = s.Call.check(reg); err == nil {
				err = related(s.Call.InterfaceID, root, reg)
			}
			root = s.Call.ResultInterface
		default:
			err = errors.New("neither a narrowing nor a call")
		}
		switch {
		case err != nil:
		case comparisons > MaxComparisons:
			err = fmt.Errorf("more than %d comparisons in conditions", MaxComparisons)
		case searches > MaxSearches:
			err = fmt.Errorf("more than %d comparisons by *= in conditions", MaxSearches)
		}
		if err != nil {
			return stepError(i, err)
		}
	}
	return nil
}

// cost adds up what the conditions cost for each call.
func (n *Narrowing) cost(comparisons, searches *int) {
	for _, w := range n.Where {
		if e, err := parse(w); err == nil {
			e.cost(comparisons, searches)
		}
	}
}

// checkAt checks a narrowing of a capability of type known.
func (n *Narrowing) checkAt(known uint64, reg *schema.Registry) error {
	if err := n.check(); err != nil {
		return err
	}
	if err := checkMethods(n.Methods, reg); err != nil {
		return err
	}
	at := *n
	at.Interface = orKnown(n.Interface, known)
	if n.Interface != 0 {
		if err := related(n.Interface, known, reg); err != nil {
			return err
		}
	}
	_, err := policyOf(&at, reg)
	return err
}

// related fails if the schemas say that no capability of type known has the interface id.
func related(id, known uint64, reg *schema.Registry) error {
	if known == 0 || reg == nil || id == known {
		return nil
	}
	a, errA := dynamic.LookupInterface(reg, id)
	b, errB := dynamic.LookupInterface(reg, known)
	if errA != nil || errB != nil || a.Extends(known) || b.Extends(id) {
		return nil
	}
	return fmt.Errorf("the capability is of type %s and no %s", plain(b.Name()), plain(a.Name()))
}
