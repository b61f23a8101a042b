package gogen

import (
	"fmt"
	"slices"

	"lanyard.dev/capnp/schema"
)

// extent is what a group covers of its struct: bits of the data section, and pointers.
type extent struct {
	bits     []uint64 // one word each
	pointers []bool
	groups   map[uint64]bool // seen
}

// clearing returns the calls that set everything in a group to zero, with as few as possible.
func (p *printer) clearing(n schema.Node) []string {
	s := n.Struct()
	e := extent{make([]uint64, s.DataWordCount()), make([]bool, s.PointerCount()), map[uint64]bool{}}
	p.cover(&e, n)
	var out []string
	for word, bits := range e.bits {
		out = append(out, clearWord(uint32(word), bits)...)
	}
	for i, set := range e.pointers {
		if set {
			out = append(out, fmt.Sprintf(".ClearPtr(%d)", i))
		}
	}
	return out
}

// cover adds what the fields of a group cover, and the tag of its union.
func (p *printer) cover(e *extent, n schema.Node) {
	if e.groups[n.Id()] {
		return
	}
	e.groups[n.Id()] = true
	if n.Struct().DiscriminantCount() > 0 {
		e.add(uint64(n.Struct().DiscriminantOffset())*16, 16)
	}
	for _, f := range n.Struct().Fields().All() {
		if f.Which() == schema.FieldWhichGroup {
			if c, ok := p.g.nodes[f.Group().TypeId()]; ok && c.ScopeId() == n.Id() {
				p.cover(e, c)
			}
			continue
		}
		t, at := f.Slot().Type(), uint64(f.Slot().Offset())
		if s, ok := p.scalar(t); ok {
			e.add(at*uint64(s.bits), s.bits)
		} else if t.Which() != schema.TypeWhichVoid && at < uint64(len(e.pointers)) {
			e.pointers[at] = true
		}
	}
}

// add adds size bits at a position; a field never crosses a word.
func (e *extent) add(at uint64, size uint32) {
	if word := at / 64; word < uint64(len(e.bits)) {
		e.bits[word] |= (1<<size - 1) << (at % 64)
	}
}

// clearWord returns the calls that clear the given bits of a word: for each run that is a whole and
// aligned unit the largest such unit.
func clearWord(word uint32, bits uint64) []string {
	var out []string
	for _, size := range []uint32{64, 32, 16, 8, 1} {
		mask := uint64(1)<<size - 1
		for at := uint32(0); at < 64; at += size {
			if bits>>at&mask != mask {
				continue
			}
			bits &^= mask << at
			if size == 1 {
				out = append(out, fmt.Sprintf(".SetBool(%d, false)", word*64+at))
			} else {
				out = append(out, fmt.Sprintf(".SetUint%d(%d, 0)", size, word*8+at/8))
			}
		}
	}
	return slices.Clip(out)
}
