package all_test

import (
	"math"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/gogen/internal/gentest/all"
	"lanyard.dev/capnp/gogen/internal/gentest/shape"
)

func TestListsOfScalars(t *testing.T) {
	for _, l := range sealed[all.ListsBuilder, all.Lists](t, all.NewRootLists, func(b all.ListsBuilder) {
		b.NewVoids(3)
		b.SetFlags([]bool{true, false, true})
		b.SetI8s([]int8{-1, 1})
		b.SetI16s([]int16{-2, 2})
		b.SetI32s([]int32{-3, 3})
		b.SetI64s([]int64{math.MinInt64, math.MaxInt64})
		b.SetU8s([]uint8{255})
		b.SetU16s([]uint16{65535})
		b.SetU32s([]uint32{math.MaxUint32})
		b.SetU64s([]uint64{math.MaxUint64, 0})
		b.SetF32s([]float32{0.5})
		f := b.NewF64s(2)
		f.Set(0, math.Inf(1))
		f.Set(1, -0.25)
		b.SetSuits([]all.Suit{all.SuitSpades, all.SuitClubs})
	}) {
		eq(t, "Voids.Len", l.Voids().Len(), 3)
		list(t, "Flags", l.Flags(), true, false, true)
		list(t, "I8s", l.I8s(), -1, 1)
		list(t, "I16s", l.I16s(), -2, 2)
		list(t, "I32s", l.I32s(), -3, 3)
		list(t, "I64s", l.I64s(), math.MinInt64, math.MaxInt64)
		list(t, "U8s", l.U8s(), 255)
		list(t, "U16s", l.U16s(), 65535)
		list(t, "U32s", l.U32s(), math.MaxUint32)
		list(t, "U64s", l.U64s(), math.MaxUint64, 0)
		list(t, "F32s", l.F32s(), 0.5)
		list(t, "F64s", l.F64s(), math.Inf(1), -0.25)
		list(t, "Suits", l.Suits(), all.SuitSpades, all.SuitClubs)
	}
}

func TestListsOfPointers(t *testing.T) {
	for _, l := range sealed[all.ListsBuilder, all.Lists](t, all.NewRootLists, func(b all.ListsBuilder) {
		b.SetTexts([]string{"a", "", "c"})
		b.SetDatas([][]byte{{1}, nil, {2, 3}})
		points := b.NewPoints(2)
		points.At(0).SetX(1)
		points.At(1).SetY(2)
	}) {
		list(t, "Texts", l.Texts(), "a", "", "c")
		eq(t, "Datas[2]", string(l.Datas().At(2)), "\x02\x03")
		eq(t, "Points[0].X", l.Points().At(0).X(), 1)
		eq(t, "Points[1].Y", l.Points().At(1).Y(), 2)
		for i, p := range l.Points().All() {
			eq(t, "All", p.X()+p.Y(), int32(i+1))
		}
	}
}

func TestListsOfLists(t *testing.T) {
	for _, l := range sealed[all.ListsBuilder, all.Lists](t, all.NewRootLists, func(b all.ListsBuilder) {
		grid := b.NewGrid(2)
		row := grid.NewAt(0, 3)
		row.Set(2, -5)
		deep := b.NewDeep(1).NewAt(0, 2).NewAt(1, 1)
		deep.Set(0, "bottom")
		points := b.NewPointGrid(1).NewStructsAt(0, shape.PointSize, 2)
		points.At(1).SetX(4)
		b.NewFlagGrid(1).NewAt(0, 9).Set(8, true)
		b.NewSuitGrid(1).NewAt(0, 1).Set(0, all.SuitHearts)
	}) {
		list(t, "Grid[0]", l.Grid().At(0), 0, 0, -5)
		eq(t, "Grid[1]", l.Grid().At(1).Len(), 0)
		list(t, "Deep[0][1]", l.Deep().At(0).At(1), "bottom")
		eq(t, "Deep[0][0]", l.Deep().At(0).At(0).Len(), 0)
		eq(t, "PointGrid[0][1].X", l.PointGrid().At(0).At(1).X(), 4)
		eq(t, "FlagGrid[0][8]", l.FlagGrid().At(0).At(8), true)
		list(t, "SuitGrid[0]", l.SuitGrid().At(0), all.SuitHearts)
	}
}

func TestListsCopied(t *testing.T) {
	src := sealed[all.ListsBuilder, all.Lists](t, all.NewRootLists, func(b all.ListsBuilder) {
		b.NewPoints(1).At(0).SetX(1)
		b.NewGrid(1).NewAt(0, 1).Set(0, 7)
		b.NewVoids(2)
	})[0]
	for _, l := range sealed[all.ListsBuilder, all.Lists](t, all.NewRootLists, func(b all.ListsBuilder) {
		b.SetPoints(src.Points())
		b.SetGrid(src.Grid())
		b.SetVoids(src.Voids())
		b.EditPoints().At(0).SetY(2)
	}) {
		eq(t, "X", l.Points().At(0).X(), 1)
		eq(t, "Y", l.Points().At(0).Y(), 2)
		eq(t, "Grid", l.Grid().At(0).At(0), 7)
		eq(t, "Voids", l.Voids().Len(), 2)
	}
}

func TestEverythingCopied(t *testing.T) {
	src := sealed[all.EverythingBuilder, all.Everything](t, all.NewRootEverything, func(b all.EverythingBuilder) {
		b.NewScalars().SetI32(1)
		b.NewLists().SetTexts([]string{"x"})
		b.NewGrouped().EditA().SetX(9)
		b.NewPair().NewFirst().SetText("first")
		b.NewExtra().NewSize().SetWidth(3)
		b.SetRenamed("renamed")
	})[0]
	for _, e := range sealed[all.EverythingBuilder, all.Everything](t, all.NewRootEverything, func(b all.EverythingBuilder) {
		b.SetScalars(src.Scalars())
		b.SetLists(src.Lists())
		b.SetGrouped(src.Grouped())
		b.SetPair(src.Pair())
		b.SetExtra(src.Extra())
		b.SetRenamed(src.Renamed())
	}) {
		eq(t, "Equal", capnp.Equal(e, src), capnp.IsEqual)
		eq(t, "First", e.Pair().First().Text(), "first")
		eq(t, "Width", e.Extra().Size().Width(), 3)
		eq(t, "Colour", e.Extra().Colour(), shape.ColourGreen)
	}
}
