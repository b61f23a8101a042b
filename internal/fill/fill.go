// Package fill makes random values of any struct type, for property tests.
//
// It knows what a schema allows, not what is likely.
package fill

import (
	"math"

	"lanyard.dev/capnp/dynamic"
)

// Draw returns a number from 0 up to n, without n.
type Draw func(n int) int

// Bounds of one value: how deep structs and lists are filled, and how many structs and lists there are.
const (
	maxDepth = 4
	maxParts = 20
)

// Struct sets some fields of a struct to random values. Capabilities and pointers of open types stay null.
func Struct(b dynamic.StructBuilder, draw Draw) error {
	f := &filler{draw: draw, parts: maxParts}
	return f.fillStruct(b, 0)
}

type filler struct {
	draw  Draw
	parts int // that may still be made
}

func (p *filler) fillStruct(b dynamic.StructBuilder, depth int) error {
	var members []dynamic.Field
	for f := range b.Type().Fields() {
		if f.InUnion() {
			members = append(members, f)
			continue
		}
		if p.draw(3) > 0 {
			if err := p.fillField(b, f, depth); err != nil {
				return err
			}
		}
	}
	if len(members) == 0 {
		return nil
	}
	f := members[p.draw(len(members))]
	if err := b.Clear(f); err != nil {
		return err
	}
	return p.fillField(b, f, depth)
}

func (p *filler) fillField(b dynamic.StructBuilder, f dynamic.Field, depth int) error {
	switch t := f.Type(); t.Kind() {
	case dynamic.StructKind:
		if !f.IsGroup() && !p.more(depth) {
			return nil
		}
		in, err := b.NewField(f)
		if err != nil {
			return err
		}
		return p.fillStruct(in, depth+1)
	case dynamic.ListKind:
		if !fillable(t) || !p.more(depth) {
			return nil
		}
		l, err := b.NewListField(f, p.draw(4))
		if err != nil {
			return err
		}
		return p.fillList(l, depth+1)
	case dynamic.InterfaceKind, dynamic.AnyPointer, dynamic.AnyStruct, dynamic.AnyList:
		return nil
	default:
		return b.SetField(f, plain(t, p.draw))
	}
}

// more counts one more struct or list.
func (p *filler) more(depth int) bool {
	p.parts--
	return depth < maxDepth && p.parts >= 0
}

// fillable reports whether elements of a list can be something but null.
func fillable(t dynamic.Type) bool {
	for t.Kind() == dynamic.ListKind {
		t = t.Elem()
	}
	return t.Kind() < dynamic.InterfaceKind
}

func (p *filler) fillList(l dynamic.ListBuilder, depth int) error {
	for i := range l.Len() {
		switch t := l.Elem(); t.Kind() {
		case dynamic.StructKind:
			if err := p.fillStruct(l.At(i), depth+1); err != nil {
				return err
			}
		case dynamic.ListKind:
			in, err := l.NewList(i, p.draw(3))
			if err != nil {
				return err
			}
			if err := p.fillList(in, depth+1); err != nil {
				return err
			}
		default:
			if err := l.Set(i, plain(t, p.draw)); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain returns a random value that is no struct, list or capability.
func plain(t dynamic.Type, draw Draw) any {
	switch k := t.Kind(); k {
	case dynamic.Void:
		return nil
	case dynamic.Bool:
		return draw(2) == 1
	case dynamic.Int8:
		return int8(draw(1 << 8))
	case dynamic.Int16:
		return int16(draw(1 << 16))
	case dynamic.Int32:
		return int32(draw(1 << 32))
	case dynamic.Int64:
		return int64(word(draw))
	case dynamic.Uint8:
		return uint8(draw(1 << 8))
	case dynamic.Uint16:
		return uint16(draw(1 << 16))
	case dynamic.Uint32:
		return uint32(draw(1 << 32))
	case dynamic.Uint64:
		return word(draw)
	case dynamic.Float32:
		return float64(oneNaN(math.Float32frombits(uint32(draw(1 << 32)))))
	case dynamic.Float64:
		return oneNaN(math.Float64frombits(word(draw)))
	case dynamic.EnumKind:
		return draw(t.Enum().Len() + 2)
	case dynamic.Text:
		const letters = "ab \"\\\n\x00\x7fäß→\u2028😀"
		runes := []rune(letters)
		out := make([]rune, draw(6))
		for i := range out {
			out[i] = runes[draw(len(runes))]
		}
		return string(out)
	case dynamic.Data:
		out := make([]byte, draw(6))
		for i := range out {
			out[i] = byte(draw(256))
		}
		return out
	}
	return nil
}

func word(draw Draw) uint64 { return uint64(draw(1<<32))<<32 | uint64(draw(1<<32)) }

// oneNaN makes every NaN the same one: its other bits are no part of a value.
func oneNaN[F float32 | float64](f F) F {
	if f != f {
		return F(math.NaN())
	}
	return f
}
