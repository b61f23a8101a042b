package reflection

import (
	"context"
	"errors"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Options bound what is taken from a host. Nil means the zero Options.
type Options struct {
	_ struct{}

	// MaxNodes is how many nodes are taken at most; default 4096.
	MaxNodes int

	// MaxBytes is how large they may be together; default 8 MiB.
	MaxBytes int

	// MaxRounds is how often the host is asked for more; default 64.
	MaxRounds int
}

func orDefault(v, def int) int {
	if v > 0 {
		return v
	}
	return def
}

// Interfaces returns the ids of the interfaces that a host offers to describe, without those that come twice.
func Interfaces(ctx context.Context, c Reflection, o *Options) ([]uint64, error) {
	if o == nil {
		o = &Options{}
	}
	p := c.Interfaces(ctx, nil)
	defer p.Release()
	r, err := p.Wait()
	if err != nil {
		return nil, err
	}
	ids := r.Ids()
	if most := orDefault(o.MaxNodes, 4096); ids.Len() > most {
		return nil, fmt.Errorf("reflection: the host names %d interfaces, more than %d", ids.Len(), most)
	}
	var out []uint64
	seen := map[uint64]bool{}
	for _, id := range ids.All() {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// Fetch asks a host for the nodes with the given ids and all that they refer to, and returns them together with those of
// base, which may be nil. What base has is never asked for and never replaced; base stays as it is.
//
// The host is not trusted. Nodes that nobody asked for and that nothing refers to are left out. Nodes that contradict
// each other or what base has, whose fields lie outside of their structs, whose names could not be shown, or that inherit
// in a circle are an error, as is one that is missing, and everything beyond the limits.
func Fetch(ctx context.Context, c Reflection, base *schema.Registry, o *Options, ids ...uint64) (*schema.Registry, error) {
	if o == nil {
		o = &Options{}
	}
	if base == nil {
		base = base.With()
	}
	f := &fetch{
		base: base, wanted: map[uint64]ref{}, nodes: map[uint64]schema.Node{},
		nodesLeft: orDefault(o.MaxNodes, 4096), bytesLeft: orDefault(o.MaxBytes, 8<<20),
	}
	for _, id := range ids {
		if err := f.want(ref{id: id}); err != nil {
			return nil, err
		}
	}
	for range orDefault(o.MaxRounds, 64) {
		ask := f.missing()
		if len(ask) == 0 {
			if err := f.checkInheritance(); err != nil {
				return nil, err
			}
			return base.With(f.all()...), nil
		}
		before := len(f.nodes)
		if err := f.round(ctx, c, ask[:min(len(ask), maxAsked)]); err != nil {
			return nil, err
		}
		if len(f.nodes) == before {
			return nil, fmt.Errorf("reflection: the host has no schema of @%#x", ask[0])
		}
	}
	return nil, errors.New("reflection: the host takes too many rounds")
}

// fetch is what has been heard from a host so far.
type fetch struct {
	base   *schema.Registry
	wanted map[uint64]ref // by id: the first reference, but for those that base has
	order  []uint64       // of wanted
	next   int            // the nodes of order[:next] are there
	nodes  map[uint64]schema.Node

	nodesLeft, bytesLeft int
}

func errNode(id uint64, err error) error {
	return fmt.Errorf("reflection: schema of @%#x: %w", id, err)
}

// want notes a reference, which must agree with all that is known of the node.
func (f *fetch) want(r ref) error {
	if n, ok := f.base.Node(r.id); ok {
		if is, _ := sortOf(n); !r.sort.fits(is) || r.sort == groupNode && n.ScopeId() != r.parent {
			return errNode(r.id, fmt.Errorf("it is known to be %v, and is referred to as %v", is, r.sort))
		}
		return nil
	}
	old, ok := f.wanted[r.id]
	switch {
	case !ok:
		if r.id>>63 == 0 {
			return errNode(r.id, errors.New("the id is none"))
		}
		f.wanted[r.id] = r
		f.order = append(f.order, r.id)
		return nil
	case r.sort == groupNode || old.sort == groupNode:
		return errNode(r.id, errors.New("a group is referred to twice"))
	case old.sort == anyNode:
		// It was asked for by id, and now something says what it is.
		if n, ok := f.nodes[r.id]; ok {
			if is, _ := sortOf(n); !r.sort.fits(is) {
				return errNode(r.id, fmt.Errorf("it is %v, and is referred to as %v", is, r.sort))
			}
		}
		f.wanted[r.id] = r
		return nil
	case old.sort != r.sort:
		return errNode(r.id, fmt.Errorf("it is referred to as %v and as %v", old.sort, r.sort))
	}
	return nil
}

// missing returns the ids that are still to be asked for, in the order in which they were referred to.
func (f *fetch) missing() []uint64 {
	var out []uint64
	for i := f.next; i < len(f.order); i++ {
		if _, ok := f.nodes[f.order[i]]; !ok {
			out = append(out, f.order[i])
		} else if i == f.next {
			f.next++
		}
	}
	return out
}

// round asks once.
func (f *fetch) round(ctx context.Context, c Reflection, ask []uint64) error {
	p := c.Nodes(ctx, func(b ReflectionNodesParamsBuilder) { b.SetIds(ask) })
	defer p.Release()
	r, err := p.Wait()
	if err != nil {
		return err
	}
	got := r.Nodes()
	if got.Len() > f.nodesLeft {
		return errors.New("reflection: the host sends too many nodes")
	}
	nodes, err := f.copy(got)
	if err != nil {
		return err
	}
	for _, n := range nodes.All() {
		if err := f.take(n); err != nil {
			return errNode(n.Id(), err)
		}
	}
	return nil
}

// all returns what was taken.
func (f *fetch) all() []schema.Node {
	out := make([]schema.Node, len(f.order))
	for i, id := range f.order {
		out[i] = f.nodes[id]
	}
	return out
}

// copy takes nodes out of the host's message into one that has no more than is needed and is whole.
func (f *fetch) copy(got capnp.List[schema.Node]) (capnp.List[schema.Node], error) {
	b := capnp.NewMessage(&capnp.BuilderOptions{MaxWords: int64(f.bytesLeft / 8)})
	list := schema.NewRootCodeGeneratorRequest(b).NewNodes(got.Len())
	for i, n := range got.All() {
		if i < list.Len() {
			capnp.SetStructAt(list, i, n)
		}
	}
	if err := b.Err(); err != nil {
		return capnp.List[schema.Node]{}, fmt.Errorf("reflection: what the host sends is too large, or broken: %w", err)
	}
	f.nodesLeft -= got.Len()
	f.bytesLeft -= b.Size()
	m := b.Seal()
	if err := m.Verify(); err != nil {
		return capnp.List[schema.Node]{}, fmt.Errorf("reflection: %w", err)
	}
	return capnp.Root[schema.CodeGeneratorRequest](m).Nodes(), nil
}

// take checks one node and notes what it refers to.
func (f *fetch) take(n schema.Node) error {
	r, ok := f.wanted[n.Id()]
	if !ok {
		return nil // base has it, or nothing refers to it so far
	}
	if old, ok := f.nodes[n.Id()]; ok {
		if capnp.Equal(old, n) == capnp.NotEqual {
			return errors.New("it comes twice, and not the same")
		}
		return nil
	}
	is, _ := sortOf(n)
	if !r.sort.fits(is) {
		return fmt.Errorf("it is %v, and is referred to as %v", is, r.sort)
	}
	if err := verify(n, f.nodes[r.parent]); err != nil {
		return err
	}
	f.nodes[n.Id()] = n
	return refs(n, f.want)
}

// checkInheritance refuses interfaces that inherit from themselves.
func (f *fetch) checkInheritance() error {
	const (
		open = 1
		done = 2
	)
	state := map[uint64]int{}
	for _, root := range f.order {
		if n := f.nodes[root]; n.Which() != schema.NodeWhichInterface || state[root] == done {
			continue
		}
		stack := []uint64{root}
		for len(stack) > 0 {
			id := stack[len(stack)-1]
			if state[id] != 0 {
				stack, state[id] = stack[:len(stack)-1], done
				continue
			}
			state[id] = open
			// What base has refers to nothing that was fetched: it was whole before. If it was not, reading is bounded.
			for _, s := range f.nodes[id].Interface().Superclasses().All() {
				switch state[s.Id()] {
				case open:
					return errNode(id, errors.New("it inherits from itself"))
				case done:
				default:
					stack = append(stack, s.Id())
				}
			}
		}
	}
	return nil
}
