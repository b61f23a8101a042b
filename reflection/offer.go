package reflection

import (
	"context"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Bounds of one answer and one question.
const (
	answerBytes = 256 << 10
	answerNodes = 2048
	maxAsked    = 1024
)

// Offer returns a capability that describes the interfaces with the given ids, and all that they refer to; of the
// other nodes in the registry it says nothing. It is an error if the registry lacks one that is needed.
func Offer(reg *schema.Registry, interfaces ...uint64) (Reflection, error) {
	s := &server{interfaces: interfaces, nodes: map[uint64]offered{}}
	var queue []uint64
	need := func(id uint64) error {
		if _, ok := s.nodes[id]; ok {
			return nil
		}
		n, ok := reg.Node(id)
		if !ok {
			return fmt.Errorf("reflection: no schema of @%#x", id)
		}
		b := capnp.NewMessage(nil)
		b.Root().SetStruct(capnp.Struct(n))
		if err := b.Err(); err != nil {
			return fmt.Errorf("reflection: schema of @%#x: %w", id, err)
		}
		s.nodes[id] = offered{n, b.Size()}
		queue = append(queue, id)
		return nil
	}
	for _, id := range interfaces {
		if err := need(id); err != nil {
			return Reflection{}, err
		}
		if s.nodes[id].node.Which() != schema.NodeWhichInterface {
			return Reflection{}, fmt.Errorf("reflection: @%#x is no interface", id)
		}
	}
	for i := 0; i < len(queue); i++ {
		if err := refs(s.nodes[queue[i]].node, func(r ref) error { return need(r.id) }); err != nil {
			return Reflection{}, err
		}
	}
	return NewReflection(s), nil
}

// server is immutable.
type server struct {
	UnimplementedReflection
	interfaces []uint64
	nodes      map[uint64]offered
}

// offered is a node and about how many bytes it takes.
type offered struct {
	node schema.Node
	size int
}

func (s *server) Interfaces(ctx context.Context, call ReflectionInterfacesCall) error {
	call.Results().SetIds(s.interfaces)
	return nil
}

func (s *server) Nodes(ctx context.Context, call ReflectionNodesCall) error {
	ids := call.Params().Ids()
	if ids.Len() > maxAsked {
		return capnp.Errorf(capnp.Failed, "more than %d ids at once", maxAsked)
	}
	seen := map[uint64]bool{}
	var out []offered
	size := 0
	add := func(r ref) error {
		n, ok := s.nodes[r.id]
		if !ok || seen[r.id] || len(out) > 0 && (size+n.size > answerBytes || len(out) == answerNodes) {
			return nil
		}
		seen[r.id] = true
		size += n.size
		out = append(out, n)
		return nil
	}
	for _, id := range ids.All() {
		_ = add(ref{id: id})
	}
	for i := 0; i < len(out); i++ {
		_ = refs(out[i].node, add)
	}
	list := call.Results().NewNodes(len(out))
	for i, n := range out {
		if i < list.Len() {
			capnp.SetStructAt(list, i, n.node)
		}
	}
	return nil
}
