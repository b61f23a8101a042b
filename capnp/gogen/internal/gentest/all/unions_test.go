package all_test

import (
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/gogen/internal/gentest/all"
	"lanyard.dev/capnp/gogen/internal/gentest/shape"
)

// Setting a member sets the tag; every other member reads as its default.
func TestUnionMembers(t *testing.T) {
	tests := []struct {
		which all.ChoiceWhich
		set   func(all.ChoiceBuilder)
		check func(*testing.T, all.Choice)
	}{
		{all.ChoiceWhichNothing, all.ChoiceBuilder.SetNothing, nil},
		{all.ChoiceWhichFlag, func(b all.ChoiceBuilder) { b.SetFlag(false) }, func(t *testing.T, c all.Choice) { eq(t, "Flag", c.Flag(), false) }},
		{all.ChoiceWhichNumber, func(b all.ChoiceBuilder) { b.SetNumber(-1) }, func(t *testing.T, c all.Choice) { eq(t, "Number", c.Number(), -1) }},
		{all.ChoiceWhichRatio, func(b all.ChoiceBuilder) { b.SetRatio(0.5) }, func(t *testing.T, c all.Choice) { eq(t, "Ratio", c.Ratio(), 0.5) }},
		{all.ChoiceWhichSuit, func(b all.ChoiceBuilder) { b.SetSuit(all.SuitJoker) }, func(t *testing.T, c all.Choice) { eq(t, "Suit", c.Suit(), all.SuitJoker) }},
		{all.ChoiceWhichText, func(b all.ChoiceBuilder) { b.SetText("t") }, func(t *testing.T, c all.Choice) { eq(t, "Text", c.Text(), "t") }},
		{all.ChoiceWhichData, func(b all.ChoiceBuilder) { copy(b.NewData(2), "ab") }, func(t *testing.T, c all.Choice) { eq(t, "Data", string(c.Data()), "ab") }},
		{all.ChoiceWhichPoint, func(b all.ChoiceBuilder) { b.EditPoint().SetX(1) }, func(t *testing.T, c all.Choice) { eq(t, "Point.X", c.Point().X(), 1) }},
		{all.ChoiceWhichPoints, func(b all.ChoiceBuilder) { b.NewPoints(1) }, func(t *testing.T, c all.Choice) { eq(t, "Points.Len", c.Points().Len(), 1) }},
		{all.ChoiceWhichNumbers, func(b all.ChoiceBuilder) { b.SetNumbers([]uint16{4}) }, func(t *testing.T, c all.Choice) { list(t, "Numbers", c.Numbers(), 4) }},
		{all.ChoiceWhichAny, func(b all.ChoiceBuilder) { b.EditAny().SetText("any") }, func(t *testing.T, c all.Choice) { eq(t, "Any", c.Any().Text(), "any") }},
		{all.ChoiceWhichPair, func(b all.ChoiceBuilder) { b.EditPair().SetName("n") }, func(t *testing.T, c all.Choice) { eq(t, "Pair.Name", c.Pair().Name(), "n") }},
		{all.ChoiceWhichKind, func(b all.ChoiceBuilder) { b.NewKind().SetLarge("l") }, func(t *testing.T, c all.Choice) {
			eq(t, "Kind.Which", c.Kind().Which(), all.ChoiceKindWhichLarge)
			eq(t, "Kind.Large", c.Kind().Large(), "l")
		}},
		{all.ChoiceWhichAnyStruct, func(b all.ChoiceBuilder) { b.EditAnyStruct(shape.PointSize).SetUint32(0, 3) }, func(t *testing.T, c all.Choice) {
			eq(t, "AnyStruct", shape.Point(c.AnyStruct()).X(), 3)
		}},
		{all.ChoiceWhichAnyList, func(b all.ChoiceBuilder) { capnp.NewList[bool](b.NewAnyList(), capnp.KindBool, 3) }, func(t *testing.T, c all.Choice) {
			eq(t, "AnyList", c.AnyList().Len(), 3)
		}},
	}
	for _, test := range tests {
		t.Run(test.which.String(), func(t *testing.T) {
			for _, dirty := range []bool{false, true} {
				for _, c := range sealed[all.ChoiceBuilder, all.Choice](t, all.NewRootChoice, func(b all.ChoiceBuilder) {
					if dirty { // every member was set before
						for _, other := range tests {
							other.set(b)
						}
					}
					b.SetBefore(1)
					test.set(b)
					eq(t, "Which while building", b.Which(), test.which)
				}) {
					eq(t, "Which", c.Which(), test.which)
					for _, other := range tests {
						if other.which != test.which {
							checkUnset(t, c, other.which)
						}
					}
					if test.check != nil {
						test.check(t, c)
					}
					eq(t, "Before", c.Before(), 1)
				}
			}
		})
	}
}

func checkUnset(t *testing.T, c all.Choice, which all.ChoiceWhich) {
	t.Helper()
	switch which {
	case all.ChoiceWhichFlag:
		eq(t, "Flag", c.Flag(), true)
	case all.ChoiceWhichNumber:
		eq(t, "Number", c.Number(), -7)
	case all.ChoiceWhichRatio:
		eq(t, "Ratio", c.Ratio(), 0)
	case all.ChoiceWhichSuit:
		eq(t, "Suit", c.Suit(), all.SuitClubs)
	case all.ChoiceWhichText:
		eq(t, "Text", c.Text(), "none")
		eq(t, "HasText", c.HasText(), false)
	case all.ChoiceWhichData:
		eq(t, "Data", len(c.Data()), 0)
	case all.ChoiceWhichPoint:
		eq(t, "Point", capnp.IsNull(c.Point()), true)
	case all.ChoiceWhichPoints:
		eq(t, "Points", c.Points().IsNull(), true)
	case all.ChoiceWhichNumbers:
		eq(t, "Numbers", c.Numbers().Len(), 0)
	case all.ChoiceWhichAny:
		eq(t, "Any", c.Any().IsNull(), true)
		eq(t, "HasAny", c.HasAny(), false)
	case all.ChoiceWhichPair:
		eq(t, "Pair", capnp.IsNull(c.Pair()), true)
		eq(t, "Pair.Name", c.Pair().Name(), "")
	case all.ChoiceWhichKind:
		eq(t, "Kind.Small", c.Kind().Small(), 0)
	case all.ChoiceWhichAnyStruct:
		eq(t, "AnyStruct", capnp.IsNull(c.AnyStruct()), true)
	case all.ChoiceWhichAnyList:
		eq(t, "AnyList", c.AnyList().IsNull(), true)
	}
}

// New makes a group as if never written; Edit keeps what is there.
func TestGroupsNewAndEdit(t *testing.T) {
	m := capnp.NewMessage(nil)
	b := all.NewRootChoice(m)
	b.SetBefore(3)
	b.SetAfter(true)
	pair := b.NewPair()
	pair.SetLeft(1)
	pair.SetRight(2)
	pair.SetName("n")
	b.EditPair().SetLeft(5)
	c := capnp.View[all.Choice](b)
	eq(t, "Left", c.Pair().Left(), 5)
	eq(t, "Right", c.Pair().Right(), 2)
	b.NewPair()
	eq(t, "Left", c.Pair().Left(), 0)
	eq(t, "Right", c.Pair().Right(), 0)
	eq(t, "HasName", c.Pair().HasName(), false)
	eq(t, "Before", c.Before(), 3)
	eq(t, "After", c.After(), true)
	b.SetNumber(12)
	b.EditPair() // another member is set: as New
	eq(t, "Right", c.Pair().Right(), 0)
}

func TestGroupsOutsideUnions(t *testing.T) {
	m := capnp.NewMessage(nil)
	b := all.NewRootGrouped(m)
	g := capnp.View[all.Grouped](b)
	eq(t, "X", g.A().X(), 5)
	eq(t, "Flag", g.A().Flag(), true)
	b.EditA().SetX(6)
	b.EditA().SetFlag(false)
	b.EditA().EditB().SetY("y")
	b.EditShape().NewSquare().SetSide(2)
	g = capnp.View[all.Grouped](b)
	eq(t, "X", g.A().X(), 6)
	eq(t, "Flag", g.A().Flag(), false)
	eq(t, "Y", g.A().B().Y(), "y")
	eq(t, "Shape", g.Shape().Which(), all.GroupedShapeWhichSquare)
	eq(t, "Side", g.Shape().Square().Side(), 2)
	b.NewA()
	eq(t, "X", g.A().X(), 5)
	eq(t, "Flag", g.A().Flag(), true)
	eq(t, "HasY", g.A().B().HasY(), false)
	eq(t, "Side", g.Shape().Square().Side(), 2)
	b.EditShape().SetCircle(3)
	eq(t, "Circle", g.Shape().Circle(), 3)
	eq(t, "Side", g.Shape().Square().Side(), 0)
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{all.SuitClubs.String(), "clubs"},
		{all.SuitHearts.String(), "HEARTS"},
		{all.SuitJoker.String(), ""},
		{all.SuitHighest.String(), "trump"},
		{all.Suit(77).String(), "77"},
		{all.ChoiceWhichAnyList.String(), "anyList"},
		{all.GroupedShapeWhich(9).String(), "9"},
	} {
		eq(t, "String", test.got, test.want)
	}
}

func TestConstants(t *testing.T) {
	eq(t, "Flag", all.FlagConst, true)
	eq(t, "Low", all.LowConst, -128)
	eq(t, "Large", all.LargeConst, 1<<64-1)
	eq(t, "Half", all.HalfConst, 0.5)
	eq(t, "NoNumber", all.NoNumberConst != all.NoNumberConst, true)
	eq(t, "Text", all.TextConst, "a \"text\" with\nlines and €")
	eq(t, "Data", all.DataConst, "\x00\x01\xfe\xff")
	eq(t, "Suit", all.SuitConst, all.SuitSpades)
	eq(t, "Colour", all.ColourConst, shape.ColourBlue)
	eq(t, "Point", all.PointConst.Y(), 2)
	eq(t, "Points", all.PointsConst.At(2).X(), 1)
	list(t, "Texts", all.TextsConst, "one", "two")
	list(t, "Grid", all.GridConst.At(1), 2, 3)
	list(t, "Suits", all.SuitsConst, all.SuitClubs, all.SuitHearts)
	eq(t, "Defaults.Flag", all.DefaultsConst.Flag(), false)
	eq(t, "Defaults.Point", all.DefaultsConst.Point().X(), 9)
	eq(t, "Defaults.I8", all.DefaultsConst.I8(), -128)
	eq(t, "Weight", all.WeightAnnotation, 0xf0e1d2c3b4a59687)
}
