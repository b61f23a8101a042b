package convert

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/packed"
)

// A value is a message in the text form, and how we build and check the same one.
type value struct {
	name  string
	text  string
	fill  func(b EveryBuilder)
	check func(t *testing.T, v Every)
}

var values = []value{
	{"empty", "()", func(EveryBuilder) {}, func(t *testing.T, v Every) {
		if !v.DTruth() || v.DI8() != -8 || v.DI16() != -16 || v.DI32() != -32 || v.DI64() != -64 || v.DU8() != 8 || v.DU16() != 16 ||
			v.DU32() != 32 || v.DU64() != 64 || v.DF32() != 1.5 || v.DF64() != -2.5e10 || v.DColor() != ColorBlue ||
			v.DText() != "default" || string(v.DData()) != "\x00\xff\x10" || v.DLeaf().Number() != 7 || v.DLeaf().Name() != "leaf" {
			t.Error("defaults differ")
		}
		equalSlices(t, "dI16s", capnp.Slice(v.DI16s()), []int16{1, -2, 3})
		equalSlices(t, "dTruths", capnp.Slice(v.DTruths()), []bool{true, false, true})
		equalSlices(t, "dTexts", collect(v.DTexts()), []string{"a", "b"})
		if l := v.DLeaves(); l.Len() != 2 || l.At(0).Number() != 1 || l.At(1).Name() != "two" {
			t.Error("dLeaves differ")
		}
		if v.HasText() || v.Text() != "" || v.Which() != EveryWhichNone || v.Shape().Which() != EveryShapeWhichCircle || v.Truths().Len() != 0 {
			t.Error("an empty message is not empty")
		}
	}},
	{"scalars", `(truth = true, i8 = -128, i16 = -32768, i32 = -2147483648, i64 = -9223372036854775808,
		u8 = 255, u16 = 65535, u32 = 4294967295, u64 = 18446744073709551615, f32 = -1.5, f64 = 1e300, color = green)`,
		func(b EveryBuilder) {
			b.SetTruth(true)
			b.SetI8(math.MinInt8)
			b.SetI16(math.MinInt16)
			b.SetI32(math.MinInt32)
			b.SetI64(math.MinInt64)
			b.SetU8(math.MaxUint8)
			b.SetU16(math.MaxUint16)
			b.SetU32(math.MaxUint32)
			b.SetU64(math.MaxUint64)
			b.SetF32(-1.5)
			b.SetF64(1e300)
			b.SetColor(ColorGreen)
		}, func(t *testing.T, v Every) {
			if !v.Truth() || v.I8() != math.MinInt8 || v.I16() != math.MinInt16 || v.I32() != math.MinInt32 || v.I64() != math.MinInt64 ||
				v.U8() != math.MaxUint8 || v.U16() != math.MaxUint16 || v.U32() != math.MaxUint32 || v.U64() != math.MaxUint64 ||
				v.F32() != -1.5 || v.F64() != 1e300 || v.Color() != ColorGreen {
				t.Error("scalars differ")
			}
		}},
	{"special numbers", `(f32 = inf, f64 = -inf, f64s = [nan, 0, -0.0, 5e-324], f32s = [1e-45, 3.4028234e38])`,
		func(b EveryBuilder) {
			b.SetF32(float32(math.Inf(1)))
			b.SetF64(math.Inf(-1))
			// NaN as C++ writes it; the payload is not part of the value.
			b.SetF64s([]float64{math.Float64frombits(0x7ff8000000000000), 0, math.Copysign(0, -1), 5e-324})
			b.SetF32s([]float32{1e-45, 3.4028234e38})
		}, func(t *testing.T, v Every) {
			if f := v.F64s(); !math.IsInf(float64(v.F32()), 1) || !math.IsInf(v.F64(), -1) || !math.IsNaN(f.At(0)) || !math.Signbit(f.At(2)) {
				t.Error("special numbers differ")
			}
		}},
	{"pointers", `(text = "a \"text\" with ünïcode", data = 0x"00 01 ff", leaf = (number = -5, name = "leaf"),
		next = (next = (next = (text = "three down"))), box = (content = "in a box", spare = ""))`,
		func(b EveryBuilder) {
			b.SetText(`a "text" with ünïcode`)
			b.SetData([]byte{0, 1, 0xff})
			b.NewLeaf().SetNumber(-5)
			b.EditLeaf().SetName("leaf")
			b.NewNext().NewNext().NewNext().SetText("three down")
			box := b.NewBox()
			box.NewContent().SetText("in a box")
			box.NewSpare().SetText("")
		}, func(t *testing.T, v Every) {
			if v.Text() != `a "text" with ünïcode` || string(v.Data()) != "\x00\x01\xff" || v.Leaf().Number() != -5 || v.Leaf().Name() != "leaf" ||
				v.Next().Next().Next().Text() != "three down" || v.Box().Content().Text() != "in a box" || !v.Box().HasSpare() {
				t.Error("pointers differ")
			}
		}},
	{"lists", `(nothings = [void, void, void], truths = [true, false, true, true, false, false, false, true, true, true],
		i8s = [-1, 2], i16s = [-1, 2, 3], i32s = [-1], i64s = [-1, 9223372036854775807], u8s = [1, 255], u16s = [65535],
		u32s = [1, 2, 4294967295], u64s = [18446744073709551615], f32s = [0.5], f64s = [0.25, -4], colors = [red, blue, green],
		texts = ["", "b", "long enough for two words"], datas = ["", 0x"01", "text"],
		leaves = [(number = 1), (), (number = 3, name = "three")], boxes = [(content = (number = 9)), ()])`,
		func(b EveryBuilder) {
			b.NewNothings(3)
			b.SetTruths([]bool{true, false, true, true, false, false, false, true, true, true})
			b.SetI8s([]int8{-1, 2})
			b.SetI16s([]int16{-1, 2, 3})
			b.SetI32s([]int32{-1})
			b.SetI64s([]int64{-1, math.MaxInt64})
			b.SetU8s([]uint8{1, 255})
			b.SetU16s([]uint16{65535})
			b.SetU32s([]uint32{1, 2, math.MaxUint32})
			b.SetU64s([]uint64{math.MaxUint64})
			b.SetF32s([]float32{0.5})
			b.SetF64s([]float64{0.25, -4})
			b.SetColors([]Color{ColorRed, ColorBlue, ColorGreen})
			b.SetTexts([]string{"", "b", "long enough for two words"})
			b.SetDatas([][]byte{{}, {1}, []byte("text")})
			l := b.NewLeaves(3)
			l.At(0).SetNumber(1)
			l.At(2).SetNumber(3)
			l.At(2).SetName("three")
			LeafBuilder(b.NewBoxes(2).At(0).NewContent().NewStruct(LeafSize)).SetNumber(9)
		}, func(t *testing.T, v Every) {
			if v.Nothings().Len() != 3 {
				t.Errorf("%d nothings", v.Nothings().Len())
			}
			equalSlices(t, "truths", capnp.Slice(v.Truths()), []bool{true, false, true, true, false, false, false, true, true, true})
			equalSlices(t, "i8s", capnp.Slice(v.I8s()), []int8{-1, 2})
			equalSlices(t, "i16s", capnp.Slice(v.I16s()), []int16{-1, 2, 3})
			equalSlices(t, "i32s", capnp.Slice(v.I32s()), []int32{-1})
			equalSlices(t, "i64s", capnp.Slice(v.I64s()), []int64{-1, math.MaxInt64})
			equalSlices(t, "u8s", capnp.Slice(v.U8s()), []uint8{1, 255})
			equalSlices(t, "u16s", capnp.Slice(v.U16s()), []uint16{65535})
			equalSlices(t, "u32s", capnp.Slice(v.U32s()), []uint32{1, 2, math.MaxUint32})
			equalSlices(t, "u64s", capnp.Slice(v.U64s()), []uint64{math.MaxUint64})
			equalSlices(t, "f32s", capnp.Slice(v.F32s()), []float32{0.5})
			equalSlices(t, "f64s", capnp.Slice(v.F64s()), []float64{0.25, -4})
			equalSlices(t, "colors", capnp.Slice(v.Colors()), []Color{ColorRed, ColorBlue, ColorGreen})
			equalSlices(t, "texts", collect(v.Texts()), []string{"", "b", "long enough for two words"})
			if d := v.Datas(); d.Len() != 3 || len(d.At(0)) != 0 || string(d.At(1)) != "\x01" || string(d.At(2)) != "text" {
				t.Error("datas differ")
			}
			if l := v.Leaves(); l.Len() != 3 || l.At(0).Number() != 1 || l.At(1).HasName() || l.At(2).Name() != "three" {
				t.Error("leaves differ")
			}
			if l := v.Boxes(); l.Len() != 2 || capnp.PtrAs[Leaf](l.At(0).Content()).Number() != 9 || l.At(1).HasContent() {
				t.Error("boxes differ")
			}
		}},
	{"empty lists", `(nothings = [], truths = [], i64s = [], texts = [], leaves = [], deep = [], dI16s = [], dText = "", dData = "")`,
		func(b EveryBuilder) {
			b.NewNothings(0)
			b.SetTruths(nil)
			b.SetI64s(nil)
			b.SetTexts(nil)
			b.NewLeaves(0)
			b.NewDeep(0)
			b.SetDI16s(nil)
			b.SetDText("")
			b.SetDData(nil)
		}, func(t *testing.T, v Every) {
			if !v.HasNothings() || !v.HasTruths() || !v.HasLeaves() || v.Leaves().Len() != 0 || v.DI16s().Len() != 0 || v.DText() != "" || len(v.DData()) != 0 {
				t.Error("empty lists differ")
			}
		}},
	{"lists of lists", `(truthLists = [[true], [], [false, true]], i32Lists = [[1, 2, 3], [-1]], textLists = [["a"], ["b", "c"]],
		leafLists = [[(number = 1)], [], [(name = "x"), (number = 2)]], deep = [[[[[[1, 2], [3]]]]], [[[[], [[4]]]]]])`,
		func(b EveryBuilder) {
			truths := b.NewTruthLists(3)
			truths.NewAt(0, 1).Set(0, true)
			truths.NewAt(1, 0)
			truths.NewAt(2, 2).Set(1, true)
			nums := b.NewI32Lists(2)
			for i, n := range []int32{1, 2, 3} {
				if i == 0 {
					nums.NewAt(0, 3)
				}
				nums.At(0).Set(i, n)
			}
			nums.NewAt(1, 1).Set(0, -1)
			texts := b.NewTextLists(2)
			texts.NewAt(0, 1).Set(0, "a")
			bc := texts.NewAt(1, 2)
			bc.Set(0, "b")
			bc.Set(1, "c")
			leaves := b.NewLeafLists(3)
			leaves.NewStructsAt(0, LeafSize, 1).At(0).SetNumber(1)
			leaves.NewStructsAt(1, LeafSize, 0)
			last := leaves.NewStructsAt(2, LeafSize, 2)
			last.At(0).SetName("x")
			last.At(1).SetNumber(2)
			deep := b.NewDeep(2)
			first := deep.NewAt(0, 1).NewAt(0, 1).NewAt(0, 1).NewAt(0, 2)
			one := first.NewAt(0, 2)
			one.Set(0, 1)
			one.Set(1, 2)
			first.NewAt(1, 1).Set(0, 3)
			second := deep.NewAt(1, 1).NewAt(0, 1).NewAt(0, 2)
			second.NewAt(0, 0)
			second.NewAt(1, 1).NewAt(0, 1).Set(0, 4)
		}, func(t *testing.T, v Every) {
			if l := v.TruthLists(); l.Len() != 3 || !l.At(0).At(0) || l.At(1).Len() != 0 || l.At(2).At(0) || !l.At(2).At(1) {
				t.Error("truthLists differ")
			}
			equalSlices(t, "i32Lists", capnp.Slice(v.I32Lists().At(0)), []int32{1, 2, 3})
			equalSlices(t, "textLists", collect(v.TextLists().At(1)), []string{"b", "c"})
			if l := v.LeafLists(); l.At(0).At(0).Number() != 1 || l.At(2).At(0).Name() != "x" || l.At(2).At(1).Number() != 2 {
				t.Error("leafLists differ")
			}
			if d := v.Deep(); d.At(0).At(0).At(0).At(0).At(0).At(1) != 2 || d.At(1).At(0).At(0).At(1).At(0).At(0) != 4 {
				t.Error("deep differs")
			}
		}},
	{"groups and unions", `(place = (x = -1, y = 2, note = "here"), shape = (rest = (what = "blob", how = true)), number = -7)`,
		func(b EveryBuilder) {
			place := b.EditPlace()
			place.SetX(-1)
			place.SetY(2)
			place.SetNote("here")
			rest := b.EditShape().NewRest()
			rest.SetWhat("blob")
			rest.SetHow(true)
			b.SetNumber(-7)
		}, func(t *testing.T, v Every) {
			if p := v.Place(); p.X() != -1 || p.Y() != 2 || p.Note() != "here" {
				t.Error("place differs")
			}
			if s := v.Shape(); s.Which() != EveryShapeWhichRest || s.Rest().What() != "blob" || !s.Rest().How() || s.Circle() != 0 {
				t.Error("shape differs")
			}
			if v.Which() != EveryWhichNumber || v.Number() != -7 || v.Words() != "" {
				t.Error("union differs")
			}
		}},
	{"pointers in unions", `(shape = (polygon = [(number = 1), (number = 2)]), inner = (words = "inside"))`,
		func(b EveryBuilder) {
			l := b.EditShape().NewPolygon(2)
			l.At(0).SetNumber(1)
			l.At(1).SetNumber(2)
			b.NewInner().SetWords("inside")
		}, func(t *testing.T, v Every) {
			if v.Shape().Polygon().At(1).Number() != 2 || v.Inner().Words() != "inside" || v.Which() != EveryWhichInner {
				t.Error("union differs")
			}
		}},
	{"defaults overwritten", `(dTruth = false, dI8 = 0, dI16 = 1, dI32 = 0, dI64 = -64, dU8 = 0, dU16 = 0, dU32 = 1, dU64 = 0, dF32 = 0, dF64 = 1,
		dColor = red, dText = "other", dData = 0x"01", dLeaf = (number = 1), dI16s = [5], dTruths = [false], dTexts = [""], dLeaves = [()])`,
		func(b EveryBuilder) {
			b.SetDTruth(false)
			b.SetDI8(0)
			b.SetDI16(1)
			b.SetDI32(0)
			b.SetDI64(-64)
			b.SetDU8(0)
			b.SetDU16(0)
			b.SetDU32(1)
			b.SetDU64(0)
			b.SetDF32(0)
			b.SetDF64(1)
			b.SetDColor(ColorRed)
			b.SetDText("other")
			b.SetDData([]byte{1})
			b.NewDLeaf().SetNumber(1)
			b.SetDI16s([]int16{5})
			b.SetDTruths([]bool{false})
			b.SetDTexts([]string{""})
			b.NewDLeaves(1)
		}, func(t *testing.T, v Every) {
			if v.DTruth() || v.DI8() != 0 || v.DI16() != 1 || v.DI32() != 0 || v.DI64() != -64 || v.DU8() != 0 || v.DU32() != 1 || v.DF32() != 0 ||
				v.DF64() != 1 || v.DColor() != ColorRed || v.DText() != "other" || v.DLeaf().Number() != 1 || v.DLeaf().HasName() ||
				v.DI16s().At(0) != 5 || v.DTruths().At(0) || v.DLeaves().Len() != 1 {
				t.Error("overwritten defaults differ")
			}
		}},
}

func collect[T capnp.Element](l capnp.List[T]) (all []T) {
	for _, v := range l.All() {
		all = append(all, v)
	}
	return all
}

func equalSlices[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// arena is the way in which the tool allocates with --segment-size=n; 0 is without that option.
func arena(n int) *capnp.BuilderOptions {
	if n == 0 {
		return &capnp.BuilderOptions{FirstWords: 1 << 12}
	}
	return &capnp.BuilderOptions{FirstWords: n, GrowWords: n}
}

var segmentSizes = []int{0, 1, 2, 7, 64}

// build is our own message.
func build(v value, n int) *capnp.MessageBuilder {
	mb := capnp.NewMessage(arena(n))
	v.fill(NewRootEvery(mb))
	return mb
}

func unmarshal(t *testing.T, b []byte) *capnp.Message {
	t.Helper()
	m, rest, err := frame.Unmarshal(b, nil)
	if err != nil || len(rest) != 0 {
		t.Fatalf("Unmarshal: %v, %d bytes left", err, len(rest))
	}
	if err := m.Verify(); err != nil {
		t.Fatal(err)
	}
	return m
}

// pack packs a stream of messages as the tool does.
func pack(t *testing.T, sources ...frame.Source) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := frame.NewWriter(packed.NewWriter(&buf))
	for _, s := range sources {
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

// What we build reads as meant without any tool.
func TestBuiltMessages(t *testing.T) {
	for _, v := range values {
		for _, n := range segmentSizes {
			mb := build(v, n)
			m := unmarshal(t, frame.Marshal(mb))
			v.check(t, capnp.Root[Every](m))
			again, err := frame.NewReader(packed.NewReader(bytes.NewReader(pack(t, mb))), nil).Read()
			if err != nil {
				t.Fatal(err)
			}
			v.check(t, capnp.Root[Every](again))
			if e := capnp.Equal(capnp.Root[Every](again), capnp.Root[Every](m)); e != capnp.IsEqual || mb.Err() != nil {
				t.Errorf("%s in segments of %d: %v, %v", v.name, n, e, mb.Err())
			}
		}
	}
}

// Messages that the tool makes of text: we read the same values, in binary and packed form, in one segment and in many.
func TestToolToUs(t *testing.T) {
	c := needTool(t)
	for _, v := range values {
		ours := capnp.Root[Every](build(v, 0).Seal())
		for _, n := range segmentSizes {
			var args []string
			if n > 0 {
				args = append(args, fmt.Sprint("--segment-size=", n))
			}
			for _, form := range []string{"binary", "packed"} {
				name := fmt.Sprintf("%s, %s, segments of %d", v.name, form, n)
				out := c.convert(t, []byte(v.text), append(args, "text:"+form, "every.capnp", "Every")...)
				var r io.Reader = bytes.NewReader(out)
				if form == "packed" {
					r = packed.NewReader(r)
				}
				m, err := frame.NewReader(r, nil).Read()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := m.Verify(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if n == 1 && v.name != "empty" && v.name != "scalars" && len(m.Segments()) < 2 {
					t.Errorf("%s: only one segment", name)
				}
				theirs := capnp.Root[Every](m)
				v.check(t, theirs)
				if e := capnp.Equal(theirs, ours); e != capnp.IsEqual {
					t.Errorf("%s: not equal to ours: %v", name, e)
				}
				if err := m.Err(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// Messages that we make: the tool reads the same text, and its canonical form of ours and of its own are the same bytes.
func TestUsToTool(t *testing.T) {
	c := needTool(t)
	for _, v := range values {
		want := c.text(t, []byte(v.text), "text", "Every")
		theirs := c.convert(t, []byte(v.text), "text:binary", "every.capnp", "Every")
		canonical := c.convert(t, theirs, "binary:canonical")
		for _, n := range segmentSizes {
			name := fmt.Sprintf("%s, segments of %d", v.name, n)
			mb := build(v, n)
			one := frame.Marshal(mb)
			if got := c.text(t, one, "binary", "Every"); got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
			if got := c.text(t, pack(t, mb), "packed", "Every"); got != want {
				t.Errorf("%s, packed:\n got %s\nwant %s", name, got, want)
			}
			if got := c.convert(t, one, "binary:canonical"); !bytes.Equal(got, canonical) {
				t.Errorf("%s: the canonical form differs:\n got %x\nwant %x", name, got, canonical)
			}
		}
	}
}

// A deep copy has the same layout in both implementations, byte for byte, far pointers included; and so has its packed
// form.
func TestCopiesAreTheSameBytes(t *testing.T) {
	c := needTool(t)
	for _, v := range values {
		source := frame.Marshal(build(v, 3))
		m := unmarshal(t, source)
		for _, n := range segmentSizes {
			var args []string
			if n > 0 {
				args = append(args, fmt.Sprint("--segment-size=", n))
			}
			name := fmt.Sprintf("%s, segments of %d", v.name, n)
			mb := capnp.NewMessage(arena(n))
			mb.Root().Set(m.Root())
			want := c.convert(t, source, append(args, "binary:binary")...)
			if got := frame.Marshal(mb); !bytes.Equal(got, want) {
				t.Errorf("%s: copies differ:\n got %x\nwant %x", name, got, want)
				continue
			}
			want = c.convert(t, source, append(args, "binary:packed")...)
			if got := pack(t, mb); !bytes.Equal(got, want) {
				t.Errorf("%s: packed copies differ:\n got %x\nwant %x", name, got, want)
			}
		}
	}
}

// Streams of messages, in both directions.
func TestStreams(t *testing.T) {
	c := needTool(t)
	var text, binary []byte
	var sources []frame.Source
	for _, v := range values {
		text = append(text, v.text...)
		mb := build(v, 5)
		binary = frame.Append(binary, mb)
		sources = append(sources, mb)
	}
	want := c.text(t, text, "text", "Every")
	if got := c.text(t, binary, "binary", "Every"); got != want {
		t.Errorf("binary:\n got %s\nwant %s", got, want)
	}
	if got := c.text(t, pack(t, sources...), "packed", "Every"); got != want {
		t.Errorf("packed:\n got %s\nwant %s", got, want)
	}
	for form, r := range map[string]io.Reader{
		"binary": bytes.NewReader(c.convert(t, text, "text:binary", "every.capnp", "Every")),
		"packed": packed.NewReader(bytes.NewReader(c.convert(t, text, "text:packed", "every.capnp", "Every"))),
	} {
		fr := frame.NewReader(r, nil)
		for _, v := range values {
			m, err := fr.Read()
			if err != nil {
				t.Fatalf("%s, %s: %v", form, v.name, err)
			}
			v.check(t, capnp.Root[Every](m))
		}
		if _, err := fr.Read(); err != io.EOF {
			t.Errorf("%s: at the end: %v", form, err)
		}
	}
}

// Pointers without a type, which the text form cannot say.
func TestUntypedPointers(t *testing.T) {
	c := needTool(t)
	fill := func(b EveryBuilder) {
		LeafBuilder(b.NewAny().NewStruct(LeafSize)).SetName("any")
		LeafBuilder(b.NewAnyStruct(LeafSize)).SetNumber(4)
		capnp.NewList[capnp.ListBuilder[uint16]](b.NewAnyList(), capnp.KindList(capnp.KindUint16), 2).NewAt(1, 3).Set(2, 5)
	}
	check := func(v Every) {
		t.Helper()
		if capnp.PtrAs[Leaf](v.Any()).Name() != "any" || Leaf(v.AnyStruct()).Number() != 4 || v.AnyList().Len() != 2 ||
			capnp.ListAs[capnp.List[uint16]](v.AnyList(), capnp.KindList(capnp.KindUint16)).At(1).At(2) != 5 {
			t.Error("untyped pointers differ")
		}
	}
	for _, n := range segmentSizes {
		mb := build(value{fill: fill}, n)
		for _, form := range []string{"binary:binary", "binary:packed"} {
			out := c.convert(t, frame.Marshal(mb), form)
			if form == "binary:packed" {
				var err error
				if out, err = packed.Unpack(nil, out); err != nil {
					t.Fatal(err)
				}
			}
			check(capnp.Root[Every](unmarshal(t, out)))
		}
	}
}

// A message written with an old schema is read and extended with a new one, and the other way round.
func TestEvolution(t *testing.T) {
	c := needTool(t)
	const old = `(number = 1, name = "old", numbers = [10, 20], names = ["a", "b"], olds = [(number = 2), (name = "in", numbers = [7])])`
	for _, n := range segmentSizes {
		var args []string
		if n > 0 {
			args = append(args, fmt.Sprint("--segment-size=", n))
		}
		m := unmarshal(t, c.convert(t, []byte(old), append(args, "text:binary", "every.capnp", "Old")...))
		v := capnp.Root[New](m)
		if v.Number() != 1 || v.Name() != "old" || v.More() != 5 || v.Extra() != "extra" || v.Numbers().Len() != 2 || v.Numbers().At(1).Number() != 20 ||
			v.Numbers().At(1).More() != 0 || v.Names().At(1).Name() != "b" || v.Names().At(0).Number() != 0 || v.Olds().At(1).Numbers().At(0).Number() != 7 ||
			v.Olds().At(0).More() != 5 || m.Err() != nil {
			t.Errorf("segments of %d: an old message reads wrong as a new one: %v", n, m.Err())
		}

		mb := capnp.NewMessage(arena(n))
		mb.Root().Set(m.Root())
		b := NewBuilder(mb.Root().EditStruct(NewSize, capnp.Ptr{}))
		b.SetMore(6)
		b.EditNumbers().At(0).SetMore(11)
		b.EditNumbers().At(1).SetName("twenty")
		b.EditNames().At(1).SetNumber(22)
		b.EditOlds().At(1).SetExtra("more")
		if err := mb.Err(); err != nil {
			t.Fatal(err)
		}
		want := c.text(t, []byte(`(number = 1, name = "old", numbers = [(number = 10, more = 11), (number = 20, name = "twenty")],
			names = [(name = "a"), (name = "b", number = 22)], olds = [(number = 2), (name = "in", numbers = [(number = 7)], extra = "more")], more = 6)`), "text", "New")
		if got := c.text(t, frame.Marshal(mb), "binary", "New"); got != want {
			t.Errorf("segments of %d: extended by us:\n got %s\nwant %s", n, got, want)
		}
		if got, want := c.text(t, frame.Marshal(mb), "binary", "Old"), c.text(t, []byte(old), "text", "Old"); got != want {
			t.Errorf("segments of %d: extended by us, read as old:\n got %s\nwant %s", n, got, want)
		}

		m = unmarshal(t, c.convert(t, []byte(want), append(args, "text:binary", "every.capnp", "New")...))
		o := capnp.Root[Old](m)
		if o.Number() != 1 || o.Name() != "old" || o.Olds().At(1).Name() != "in" || m.Err() != nil {
			t.Errorf("segments of %d: a new message reads wrong as an old one: %v", n, m.Err())
		}
		equalSlices(t, "numbers", capnp.Slice(o.Numbers()), []uint16{10, 20})
		equalSlices(t, "names", collect(o.Names()), []string{"a", "b"})
		equalSlices(t, "inner numbers", capnp.Slice(o.Olds().At(1).Numbers()), []uint16{7})
		if ob := OldBuilder(capnp.NewRootStruct(mb, OldSize)); true {
			ob.SetNumbers([]uint16{3})
			capnp.CopyFieldList(capnp.StructBuilder(ob), 2, o.Names()) // keeps what an old program does not know
			if got := capnp.Root[New](unmarshal(t, frame.Marshal(mb))).Names().At(1).Number(); got != 22 {
				t.Errorf("segments of %d: copied as old, the new field is %d", n, got)
			}
		}
	}
}
