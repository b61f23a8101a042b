package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
)

// plan is a chain of edges as it is applied: an object, the steps from it, and what is counted.
type plan struct {
	edges   []store.Edge // root first
	object  string
	steps   []narrow.Step
	buckets []store.Bucket
	limited bool
}

// planOf reads a chain. An edge that names another object than the one above it starts from there: it
// was shared by an object that came out of a grant. What is counted and when it ends holds all the same.
func planOf(edges []store.Edge) (plan, error) {
	p := plan{edges: edges, object: edges[0].Object}
	for i, e := range edges {
		if i > 0 && e.Object != edges[i-1].Object {
			p.object, p.steps = e.Object, nil
		}
		p.limited = p.limited || e.Limited()
		if len(e.Steps) == 0 {
			continue
		}
		steps, err := narrow.Decode(e.Steps)
		if err != nil {
			return p, fmt.Errorf("grant %d: %w", e.ID, err)
		}
		for j, s := range steps {
			steps[j] = p.uncounted(e.ID, j, s)
		}
		p.steps = append(p.steps, steps...)
	}
	return p, nil
}

// uncounted takes the rate out of a step: the ledger counts it, for all vats.
func (p *plan) uncounted(e store.EdgeID, at int, s narrow.Step) narrow.Step {
	if s.Narrow == nil || s.Narrow.Rate.Calls == 0 {
		return s
	}
	r := s.Narrow.Rate
	p.buckets = append(p.buckets, store.Bucket{
		Edge: e, Index: at,
		Tokens: int64(r.Calls),
		Per:    max(cmp.Or(r.Per, time.Second), time.Microsecond),
		Burst:  int64(r.Burst),
	})
	n := *s.Narrow
	n.Rate = ocap.Rate{}
	return narrow.By(n)
}

// leaf is the edge that the plan leads to.
func (p *plan) leaf() store.Edge { return p.edges[len(p.edges)-1] }

// kind is the interface that the plan leads to, as far as it is known.
func (p *plan) kind(root func(string) uint64) uint64 { return kindAfter(p.steps, root(p.object)) }

// kindAfter is the interface that steps lead to from one.
func kindAfter(steps []narrow.Step, id uint64) uint64 {
	for _, s := range steps {
		if s.Call != nil {
			id = s.Call.ResultInterface
		}
	}
	return id
}

// untyped is a capability of no type in particular, where one of some type is wanted.
type untyped struct{ capnp.Client }

// another is one more reference to the same.
func another(c capnp.Client) capnp.Client { return capnp.AddRef(untyped{c}).Client }

// build gets the object and applies the steps.
func (k *Keeper) build(ctx context.Context, p *plan) (capnp.Client, error) {
	obj, err := k.objects(ctx, p.object)
	if err != nil {
		return capnp.Client{}, unavailable(err)
	}
	defer obj.Release()
	return k.narrow(ctx, obj, p.steps, p.object, p.leaf())
}

// narrow applies steps. What it returns is no promise any more: calls in the steps have been made.
func (k *Keeper) narrow(ctx context.Context, c capnp.Client, steps []narrow.Step, object string, e store.Edge) (capnp.Client, error) {
	if len(steps) > 0 {
		root := uint64(0)
		if object != "" {
			root = k.o.Root(object)
		}
		var err error
		c, err = narrow.Apply(ctx, c, steps, &narrow.Env{Registry: k.reg, Root: root, Clock: k.clock, Grantor: e.From})
		if err != nil {
			return capnp.Client{}, unavailable(err)
		}
	} else {
		c = another(c)
	}
	err := c.Resolve(ctx)
	if err == nil && c.IsNull() {
		err = errors.New("it is null")
	}
	if err != nil {
		c.Release()
		return capnp.Client{}, unavailable(err)
	}
	return c, nil
}

// unavailable is what is said of an object that cannot be had, though there is a grant.
func unavailable(err error) error {
	kind := capnp.AsException(err).Kind
	if errors.Is(err, context.DeadlineExceeded) {
		kind = capnp.Overloaded
	}
	return capnp.Errorf(kind, "the object of the grant is not available: %w", err)
}
