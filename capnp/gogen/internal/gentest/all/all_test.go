package all_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/gogen/internal/gentest/all"
	"lanyard.dev/capnp/gogen/internal/gentest/shape"
)

// sealed returns what build makes, twice: as it is in memory and as it comes out of a stream.
func sealed[B capnp.BuilderKind, R capnp.StructKind](t *testing.T, root func(*capnp.MessageBuilder) B, build func(B)) []R {
	t.Helper()
	m := capnp.NewMessage(nil)
	build(root(m))
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
	wire := frame.Marshal(m)
	direct := m.Seal()
	read, err := frame.NewReader(bytes.NewReader(wire), nil).Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*capnp.Message{direct, read} {
		if err := m.Verify(); err != nil {
			t.Fatal(err)
		}
	}
	return []R{capnp.Root[R](direct), capnp.Root[R](read)}
}

// eq compares a field's value.
func eq[T comparable](t *testing.T, name string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", name, got, want)
	}
}

func list[T comparable](t *testing.T, name string, got interface {
	Len() int
	At(int) T
}, want ...T,
) {
	t.Helper()
	var have []T
	for i := range got.Len() {
		have = append(have, got.At(i))
	}
	if !slices.Equal(have, want) {
		t.Errorf("%s = %v, want %v", name, have, want)
	}
}

func TestScalars(t *testing.T) {
	for _, s := range sealed[all.ScalarsBuilder, all.Scalars](t, all.NewRootScalars, func(b all.ScalarsBuilder) {
		b.SetFlag(true)
		b.SetI8(-8)
		b.SetI16(-16)
		b.SetI32(-32)
		b.SetI64(math.MinInt64)
		b.SetU8(8)
		b.SetU16(16)
		b.SetU32(32)
		b.SetU64(math.MaxUint64)
		b.SetF32(1.5)
		b.SetF64(math.Inf(-1))
		b.SetSuit(all.SuitHearts)
		b.SetColour(shape.ColourBlue)
		eq(t, "I16 while building", b.I16(), -16)
		eq(t, "F32 while building", b.F32(), 1.5)
	}) {
		eq(t, "Flag", s.Flag(), true)
		eq(t, "I8", s.I8(), -8)
		eq(t, "I16", s.I16(), -16)
		eq(t, "I32", s.I32(), -32)
		eq(t, "I64", s.I64(), math.MinInt64)
		eq(t, "U8", s.U8(), 8)
		eq(t, "U16", s.U16(), 16)
		eq(t, "U32", s.U32(), 32)
		eq(t, "U64", s.U64(), math.MaxUint64)
		eq(t, "F32", s.F32(), 1.5)
		eq(t, "F64", s.F64(), math.Inf(-1))
		eq(t, "Suit", s.Suit(), all.SuitHearts)
		eq(t, "Colour", s.Colour(), shape.ColourBlue)
	}
}

func checkDefaults(t *testing.T, d all.Defaults) {
	t.Helper()
	eq(t, "Flag", d.Flag(), true)
	eq(t, "I8", d.I8(), -128)
	eq(t, "I16", d.I16(), -2)
	eq(t, "I32", d.I32(), -3)
	eq(t, "I64", d.I64(), math.MinInt64)
	eq(t, "U8", d.U8(), 255)
	eq(t, "U16", d.U16(), 65535)
	eq(t, "U32", d.U32(), math.MaxUint32)
	eq(t, "U64", d.U64(), math.MaxUint64)
	eq(t, "F32", d.F32(), -1.5)
	eq(t, "F64", d.F64(), math.Inf(1))
	eq(t, "Suit", d.Suit(), all.SuitHearts)
	eq(t, "Text", d.Text(), "say \"hi\"\n")
	eq(t, "TextBytes", string(d.TextBytes()), "say \"hi\"\n")
	eq(t, "Data", string(d.Data()), "\x00\xff\x10")
	eq(t, "Point.X", d.Point().X(), 3)
	eq(t, "Point.Y", d.Point().Y(), -4)
	eq(t, "Scalars.I16", d.Scalars().I16(), 7)
	eq(t, "Scalars.Suit", d.Scalars().Suit(), all.SuitSpades)
	list(t, "Numbers", d.Numbers(), 1, -2, 3)
	list(t, "Bits", d.Bits(), true, false, true)
	list(t, "Texts", d.Texts(), "a", "", "c")
	eq(t, "Points.Len", d.Points().Len(), 2)
	eq(t, "Points[1].Y", d.Points().At(1).Y(), 2)
	eq(t, "Grid.Len", d.Grid().Len(), 3)
	list(t, "Grid[0]", d.Grid().At(0), 1, 2)
	list(t, "Grid[1]", d.Grid().At(1))
	list(t, "Suits", d.Suits(), all.SuitClubs, all.SuitSpades)
}

func TestDefaultsOfNull(t *testing.T) { checkDefaults(t, all.Defaults{}) }

func TestDefaultsOfNew(t *testing.T) {
	for _, d := range sealed[all.DefaultsBuilder, all.Defaults](t, all.NewRootDefaults, func(b all.DefaultsBuilder) {
		eq(t, "U8 while building", b.U8(), 255)
		eq(t, "Flag while building", b.Flag(), true)
	}) {
		checkDefaults(t, d)
		eq(t, "HasText", d.HasText(), false)
		eq(t, "HasGrid", d.HasGrid(), false)
	}
}

func TestDefaultsWritten(t *testing.T) {
	for _, d := range sealed[all.DefaultsBuilder, all.Defaults](t, all.NewRootDefaults, func(b all.DefaultsBuilder) {
		b.SetFlag(true)
		b.SetI8(-128)
		b.SetI64(math.MinInt64)
		b.SetF64(math.Inf(1))
		b.SetSuit(all.SuitHearts)
		b.EditPoint().SetX(3) // a copy of the default
		b.EditNumbers().Set(0, 1)
		b.EditPoints().At(1).SetY(2)
		b.EditGrid().At(0).Set(0, 1)
	}) {
		checkDefaults(t, d)
		eq(t, "HasPoint", d.HasPoint(), true)
	}
}

func TestDefaultsOverwritten(t *testing.T) {
	for _, d := range sealed[all.DefaultsBuilder, all.Defaults](t, all.NewRootDefaults, func(b all.DefaultsBuilder) {
		b.SetFlag(false)
		b.SetI8(1)
		b.SetU64(0)
		b.SetF32(0)
		b.SetSuit(all.SuitClubs)
		b.SetText("")
		b.SetData(nil)
		b.NewPoint().SetY(1)
		b.NewNumbers(0)
		b.SetTexts([]string{"x"})
	}) {
		eq(t, "Flag", d.Flag(), false)
		eq(t, "I8", d.I8(), 1)
		eq(t, "U64", d.U64(), 0)
		eq(t, "F32", d.F32(), 0)
		eq(t, "Suit", d.Suit(), all.SuitClubs)
		eq(t, "Text", d.Text(), "")
		eq(t, "Point.X", d.Point().X(), 0)
		eq(t, "Point.Y", d.Point().Y(), 1)
		list(t, "Numbers", d.Numbers())
		list(t, "Texts", d.Texts(), "x")
	}
}

func TestPointers(t *testing.T) {
	for _, p := range sealed[all.PointersBuilder, all.Pointers](t, all.NewRootPointers, func(b all.PointersBuilder) {
		b.SetText("text")
		b.SetData([]byte{1, 0, 2})
		b.NewPoint().SetX(1)
		b.NewSelf().NewSelf().SetText("inner")
		b.EditSelf().EditSelf().SetData([]byte{9})
		b.NewAny().SetText("any")
		b.NewAnyStruct(shape.PointSize).SetUint32(4, 7)
		capnp.NewList[int16](b.NewAnyList(), capnp.KindInt16, 2).Set(1, -1)
		b.NewBox().NewValue().SetText("boxed")
		b.NewBoxes(2).At(1).NewValue().NewStruct(shape.PointSize).SetUint32(0, 5)
	}) {
		eq(t, "Text", p.Text(), "text")
		eq(t, "Data", string(p.Data()), "\x01\x00\x02")
		eq(t, "Point.X", p.Point().X(), 1)
		eq(t, "Self.Self.Text", p.Self().Self().Text(), "inner")
		eq(t, "Self.Self.Data", string(p.Self().Self().Data()), "\x09")
		eq(t, "Self.HasPoint", p.Self().HasPoint(), false)
		eq(t, "Any", p.Any().Text(), "any")
		eq(t, "AnyStruct", shape.Point(p.AnyStruct()).Y(), 7)
		list(t, "AnyList", capnp.ListAs[int16](p.AnyList(), capnp.KindInt16), 0, -1)
		eq(t, "Box.Value", p.Box().Value().Text(), "boxed")
		eq(t, "Boxes[1].Value", capnp.PtrAs[shape.Point](p.Boxes().At(1).Value()).X(), 5)
		eq(t, "HasNamed", p.HasNamed(), false)
	}
}
