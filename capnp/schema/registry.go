package schema

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/packed"
)

// Registry is a set of nodes that refer to each other by id. It is immutable and safe for many goroutines.
type Registry struct {
	nodes map[uint64]Node
	ids   []uint64
}

// maxNodes bounds the message in a [capnp.SchemaFile], unpacked.
const maxNodes = 64 << 20

// Load returns the nodes of files and of everything that they import. Generated code has a function for the schema of
// each file:
//
//	reg, err := schema.Load(calculator.CalculatorSchema())
func Load(files ...capnp.SchemaFile) (*Registry, error) {
	r := &Registry{nodes: map[uint64]Node{}}
	done := map[uint64]bool{}
	for len(files) > 0 {
		f := files[0]
		files = files[1:]
		if done[f.ID] {
			continue
		}
		done[f.ID] = true
		nodes, err := Decode(f)
		if err != nil {
			return nil, err
		}
		r.add(nodes)
		for _, imported := range f.Imports {
			files = append(files, imported())
		}
	}
	return r, nil
}

// NewRegistry returns the nodes of a request, which a schema compiler makes.
func NewRegistry(req CodeGeneratorRequest) *Registry {
	r := &Registry{nodes: map[uint64]Node{}}
	r.add(req.Nodes())
	return r
}

// Decode returns the nodes of one file, the file itself first, without those it imports.
func Decode(f capnp.SchemaFile) (capnp.List[Node], error) {
	size, err := packed.UnpackedSize([]byte(f.Nodes))
	if err == nil && size > maxNodes {
		err = errors.New("too large")
	}
	if err != nil {
		return capnp.List[Node]{}, fmt.Errorf("schema of %s: %w", f.Name, err)
	}
	words, err := packed.Unpack(nil, []byte(f.Nodes))
	if err != nil {
		return capnp.List[Node]{}, fmt.Errorf("schema of %s: %w", f.Name, err)
	}
	m := capnp.OpenMessage([][]byte{words}, nil)
	if err := m.Verify(); err != nil {
		return capnp.List[Node]{}, fmt.Errorf("schema of %s: %w", f.Name, err)
	}
	return capnp.Root[CodeGeneratorRequest](m).Nodes(), nil
}

func (r *Registry) add(nodes capnp.List[Node]) {
	for _, n := range nodes.All() {
		r.put(n)
	}
}

func (r *Registry) put(n Node) {
	if _, ok := r.nodes[n.Id()]; !ok {
		r.nodes[n.Id()] = n
		r.ids = append(r.ids, n.Id())
	}
}

// With returns the nodes of r, which may be nil, and those of the others whose ids r lacks. r stays as it is, and a node
// in it is never replaced.
func (r *Registry) With(nodes ...Node) *Registry {
	out := &Registry{nodes: map[uint64]Node{}}
	if r != nil {
		out.nodes, out.ids = maps.Clone(r.nodes), slices.Clone(r.ids)
	}
	for _, n := range nodes {
		out.put(n)
	}
	return out
}

// Node returns the node with an id; ok is false, and the node null, if it is not in the set.
func (r *Registry) Node(id uint64) (n Node, ok bool) {
	n, ok = r.nodes[id]
	return n, ok
}

// All yields the nodes in the order in which they were added.
func (r *Registry) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for _, id := range r.ids {
			if !yield(r.nodes[id]) {
				return
			}
		}
	}
}
