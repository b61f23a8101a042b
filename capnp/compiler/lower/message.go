package lower

import (
	"errors"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/internal/wire"
)

// readMessage reads the root struct of an embedded message. The result is of
// the sizes in the message; what it takes, written out, is at most words.
func readMessage(content []byte, words, depth int) (*ir.Object, error) {
	limits := &frame.Limits{
		Bytes:   int64(len(content)),
		Message: capnp.Limits{TraversalWords: int64(words), Depth: min(depth, 255)},
	}
	m, rest, err := frame.Unmarshal(content, limits)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0:
		return nil, errors.New("there is something after the message")
	}
	if err := m.Verify(); err != nil {
		return nil, err
	}
	root := m.Root()
	if k := root.Kind(); k != capnp.PtrStruct && k != capnp.PtrNull {
		return nil, errors.New("the root is no struct")
	}
	return readStruct(wire.Ptr(root).Struct()), nil
}

func readPtr(p wire.Ptr) *ir.Object {
	switch capnp.Ptr(p).Kind() {
	case capnp.PtrStruct:
		return readStruct(p.Struct())
	case capnp.PtrList:
		return readList(p.List(wire.KindAny))
	}
	return nil // a capability cannot be a constant
}

func readStruct(s wire.Struct) *ir.Object {
	size := s.Size()
	o := &ir.Object{Kind: ir.StructObject, Words: size.DataWords, Pointers: size.Pointers, Data: s.Data()}
	for i := range size.Pointers {
		o.Ptrs = append(o.Ptrs, readPtr(s.Ptr(i)))
	}
	return o.Measure()
}

// The sizes of list elements as they stand in a pointer (encoding.md, "Lists").
const (
	elemBit     = 1
	elemPointer = 6
	elemStruct  = 7
)

func readList(l wire.List) *ir.Object {
	o := &ir.Object{Kind: ir.ScalarList, Len: l.Len()}
	switch e := l.ElemSize(); e {
	case elemStruct:
		o.Kind = ir.StructList
		for i := range o.Len {
			s := readStruct(l.Struct(i))
			o.Words, o.Pointers = s.Words, s.Pointers
			o.Ptrs = append(o.Ptrs, s)
		}
	case elemPointer:
		o.Kind = ir.PointerList
		for i := range o.Len {
			o.Ptrs = append(o.Ptrs, readPtr(l.Ptr(i)))
		}
	case elemBit:
		o.ElemBits = 1
		o.Data = make([]byte, (o.Len+63)/64*8)
		for i := range o.Len {
			if l.Bool(i) {
				putBits(o.Data, i, 1, 1)
			}
		}
	default:
		if e > 0 {
			o.ElemBits = 8 << (e - 2)
		}
		o.Data = make([]byte, (o.Len*o.ElemBits+63)/64*8)
		for i := range o.Len {
			switch o.ElemBits {
			case 8:
				putBits(o.Data, i, 8, uint64(l.Uint8(i)))
			case 16:
				putBits(o.Data, i, 16, uint64(l.Uint16(i)))
			case 32:
				putBits(o.Data, i, 32, uint64(l.Uint32(i)))
			case 64:
				putBits(o.Data, i, 64, l.Uint64(i))
			}
		}
	}
	return o.Measure()
}

// writeObject makes a pointer lead to a copy of o. Size bounds the work, Depth
// the recursion: value checked both.
func writeObject(p capnp.PtrBuilder, o *ir.Object) {
	if o == nil {
		return
	}
	size := capnp.StructSize{DataWords: o.Words, Pointers: o.Pointers}
	switch o.Kind {
	case ir.TextObject:
		p.SetText(o.Bytes)
	case ir.DataObject:
		p.SetData([]byte(o.Bytes))
	case ir.StructObject:
		writeStruct(p.NewStruct(size), o)
	case ir.StructList:
		l := capnp.NewStructList[capnp.StructBuilder](p, size, o.Len)
		for i := range l.Len() {
			if o.Ptrs[i] != nil {
				writeStruct(l.At(i), o.Ptrs[i])
			}
		}
	case ir.PointerList:
		l := capnp.NewList[capnp.PtrBuilder](p, capnp.KindPtr, o.Len)
		for i := range l.Len() {
			writeObject(l.At(i), o.Ptrs[i])
		}
	case ir.ScalarList:
		writeScalars(p, o)
	}
}

func writeStruct(b capnp.StructBuilder, o *ir.Object) {
	for i := 0; i+8 <= len(o.Data); i += 8 {
		if v := word(o.Data[i:]); v != 0 {
			b.SetUint64(uint32(i), v)
		}
	}
	for i, p := range o.Ptrs {
		if p != nil {
			writeObject(b.Ptr(uint16(i)), p)
		}
	}
}

func word(b []byte) uint64 {
	_ = b[7]
	var v uint64
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

func writeScalars(p capnp.PtrBuilder, o *ir.Object) {
	switch o.ElemBits {
	case 0:
		capnp.NewList[struct{}](p, capnp.KindVoid, o.Len)
	case 1:
		writeBits(capnp.NewList[bool](p, capnp.KindBool, o.Len), o)
	case 8:
		writeInts(capnp.NewList[uint8](p, capnp.KindUint8, o.Len), o)
	case 16:
		writeInts(capnp.NewList[uint16](p, capnp.KindUint16, o.Len), o)
	case 32:
		writeInts(capnp.NewList[uint32](p, capnp.KindUint32, o.Len), o)
	case 64:
		writeInts(capnp.NewList[uint64](p, capnp.KindUint64, o.Len), o)
	}
}

func writeBits(l capnp.ListBuilder[bool], o *ir.Object) {
	for i := range l.Len() {
		l.Set(i, o.Data[i/8]>>(i%8)&1 == 1)
	}
}

func writeInts[T uint8 | uint16 | uint32 | uint64](l capnp.ListBuilder[T], o *ir.Object) {
	n := o.ElemBits / 8
	for i := range l.Len() {
		var v uint64
		for j := range n {
			v |= uint64(o.Data[i*n+j]) << (8 * j)
		}
		l.Set(i, T(v))
	}
}
