package wire

import (
	"reflect"
	"testing"
	"unsafe"
)

// Views with more than four fields or 32 bytes do not live in registers (cmd/compile: ssa.CanSSA), and getters
// become twenty times slower.
func TestViewsStaySmall(t *testing.T) {
	for _, v := range []any{Struct{}, Ptr{}, List{}, StructBuilder{}, PtrBuilder{}, ListBuilder{}} {
		typ := reflect.TypeOf(v)
		if typ.NumField() > 4 || typ.Size() > 32 {
			t.Errorf("%v has %d fields and %d bytes, want at most 4 and 32", typ, typ.NumField(), typ.Size())
		}
		for field := range typ.Fields() {
			if k := field.Type.Kind(); k == reflect.Struct || k == reflect.Slice || k == reflect.String {
				t.Errorf("%v.%s is a %v: nested fields count, too", typ, field.Name, k)
			}
		}
	}
	if unsafe.Sizeof(Struct{}) != unsafe.Sizeof(Ptr{}) {
		t.Error("Ptr must have the shape of Struct")
	}
}

func TestGettersOutsideTheDataSectionReadZero(t *testing.T) {
	m := NewMessage([][]byte{words(structWord(0, 1, 1), 0xffff_ffff_ffff_ffff, 0)}, Limits{})
	s := m.Root().Struct()
	mb := NewMessageBuilder(BuilderOptions{})
	b := mb.Root().NewStruct(Size{1, 1})
	b.SetUint64(0, 0xffff_ffff_ffff_ffff)
	type view interface {
		Bool(uint32) bool
		Uint8(uint32) uint8
		Uint16(uint32) uint16
		Uint32(uint32) uint32
		Uint64(uint32) uint64
	}
	bit := func(v bool) uint64 {
		if v {
			return 1
		}
		return 0
	}
	for name, v := range map[string]view{"reader": s, "builder": b} {
		for _, off := range []uint32{0, 1, 4, 5, 6, 7, 8, 16, 1 << 20, 0x1fff_fffe} {
			for _, got := range []struct {
				what string
				v    uint64
				want bool // all of it lies within the eight bytes
			}{
				{"Bool", bit(v.Bool(off * 8)), off < 8},
				{"Uint8", uint64(v.Uint8(off)), off+1 <= 8},
				{"Uint16", uint64(v.Uint16(off)), off+2 <= 8},
				{"Uint32", uint64(v.Uint32(off)), off+4 <= 8},
				{"Uint64", v.Uint64(off), off+8 <= 8},
			} {
				if (got.v != 0) != got.want {
					t.Errorf("%s.%s(%d) = %#x, want set: %v", name, got.what, off, got.v, got.want)
				}
			}
		}
		// Offsets so large that off+size wraps.
		for off := uint32(0xffff_ffff); off >= 0xffff_fff0; off-- {
			if v.Bool(off) || v.Uint8(off) != 0 || v.Uint16(off) != 0 || v.Uint32(off) != 0 || v.Uint64(off) != 0 {
				t.Errorf("%s at %#x: not zero", name, off)
			}
		}
	}
}

func TestNullViewsReadAsDefaults(t *testing.T) {
	var s Struct
	if !s.IsNull() || s.Uint64(0) != 0 || s.Bool(0) || s.HasPtr(0) || !s.Ptr(0).IsNull() || !s.Struct(0).IsNull() ||
		!s.List(0, Kind8).IsNull() || s.Message() != nil || s.Data() != nil || s.Size() != (Size{}) {
		t.Error("the null struct is not empty")
	}
	if _, ok := s.Text(0); ok {
		t.Error("the null struct has text")
	}
	if _, ok := s.Bytes(0); ok {
		t.Error("the null struct has data")
	}
	if _, ok := s.CapIndex(0); ok {
		t.Error("the null struct has a capability")
	}
	var p Ptr
	if !p.IsNull() || p.Kind() != PtrNull || !p.Struct().IsNull() || !p.List(KindAny).IsNull() || p.Message() != nil {
		t.Error("the null pointer is not null")
	}
	if _, ok := p.Text(); ok {
		t.Error("the null pointer leads to text")
	}
	if _, ok := p.Bytes(); ok {
		t.Error("the null pointer leads to data")
	}
	var l List
	if !l.IsNull() || l.Len() != 0 || l.Message() != nil || !l.As(Kind8).IsNull() {
		t.Error("the null list is not empty")
	}
	CopyScalars([]uint64{}, l)

	var b StructBuilder
	b.SetBool(0, true)
	b.SetUint8(0, 1)
	b.SetUint16(0, 1)
	b.SetUint32(0, 1)
	b.SetUint64(0, 1)
	b.ClearPtr(0)
	b.Copy(s)
	if !b.IsNull() || b.Bool(0) || b.Uint8(0) != 0 || b.Uint16(0) != 0 || b.Uint32(0) != 0 || b.Uint64(0) != 0 || b.HasPtr(0) ||
		!b.Reader().IsNull() || b.Message() != nil {
		t.Error("the null builder is not empty")
	}
	pb := b.Ptr(0)
	pb.Clear()
	pb.Forget()
	pb.Set(p)
	pb.SetStruct(s)
	pb.SetList(l)
	pb.SetText("x")
	pb.SetTextBytes(nil)
	pb.SetBytes([]byte("x"))
	pb.SetCap(1)
	pb.PointTo(b)
	if !pb.IsNull() || pb.NewBytes(1) != nil || !pb.NewStruct(Size{1, 1}).IsNull() || !pb.NewList(Kind8, 1).IsNull() ||
		!pb.NewStructList(Size{1, 1}, 1).IsNull() || !pb.EditStruct(Size{1, 1}, p).IsNull() ||
		!pb.EditList(Kind8, p).IsNull() || !pb.EditStructList(Size{}, p).IsNull() || !pb.Reader().IsNull() || pb.Message() != nil {
		t.Error("the null pointer builder built something")
	}
	if _, ok := pb.Text(); ok {
		t.Error("the null pointer builder leads to text")
	}
	if _, ok := pb.Bytes(); ok {
		t.Error("the null pointer builder leads to data")
	}
	if _, ok := pb.CapIndex(); ok {
		t.Error("the null pointer builder is a capability")
	}
	var lb ListBuilder
	SetScalars(lb, []uint64{})
	if !lb.IsNull() || lb.Len() != 0 || lb.Message() != nil || !lb.Reader().IsNull() || lb.Kind() != KindAny {
		t.Error("the null list builder is not empty")
	}
}

func TestListIndexOutOfRangePanics(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{})
	b := mb.Root().NewList(Kind8, 3)
	bits := mb.Root().NewList(KindBit, 3)
	l := b.Reader()
	for _, i := range []int{-1, 3, 1 << 30} {
		for name, f := range map[string]func(){
			"Struct": func() { l.Struct(i) }, "Ptr": func() { l.Ptr(i) }, "Bool": func() { l.Bool(i) },
			"Uint8": func() { l.Uint8(i) }, "At": func() { At[uint8](l, i) },
			"builder Struct": func() { b.Struct(i) }, "builder Ptr": func() { b.Ptr(i) },
			"builder Bool": func() { bits.Bool(i) }, "SetBool": func() { bits.SetBool(i, true) },
			"BuilderAt": func() { BuilderAt[uint8](b, i) }, "SetAt": func() { SetAt(b, i, uint8(1)) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s(%d) of a list of 3 did not panic", name, i)
					}
				}()
				f()
			}()
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("SetScalars of 4 into 3 did not panic")
		}
	}()
	SetScalars(b, []uint8{1, 2, 3, 4})
}
