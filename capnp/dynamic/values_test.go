package dynamic_test

import (
	"math"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/zoo"
)

// newCage starts a message with a cage.
func newCage(t testing.TB) dynamic.StructBuilder {
	t.Helper()
	return structType(t, load(t, zoo.ZooSchema()), "Cage").NewRoot(capnp.NewMessage(nil))
}

func TestDefaults(t *testing.T) {
	for name, s := range map[string]dynamic.Struct{
		"null": newCage(t).Type().Read(capnp.Struct{}),
		"new":  newCage(t).Reader(),
	} {
		t.Run(name, func(t *testing.T) {
			if !get(t, s, "locked").Bool() || get(t, s, "size.width").Float() != 1.5 || get(t, s, "size.unit").Enum().String() != "metre" ||
				get(t, s, "label").Text() != "cage" || string(get(t, s, "mark").Bytes()) != "\x00\xff" ||
				get(t, s, "sign.first").Text() != "first" || get(t, s, "numbers[1]").Int() != -2 || get(t, s, "described.legs").Int() != 4 {
				t.Error("defaults differ")
			}
			if f, ok := s.Which(); name == "new" && (!ok || f.Name() != "empty") {
				t.Errorf("set is %q, %v", f.Name(), ok)
			}
			for _, path := range []string{"inside", "next", "boxed"} {
				if v := get(t, s, path); !v.IsNull() {
					t.Errorf("%s is not null", path)
				}
			}
			for _, field := range []string{"label", "sign", "numbers", "key"} {
				if f, _ := s.Type().Field(field); s.Has(f) {
					t.Errorf("has %s", field)
				}
			}
		})
	}
}

func TestSetAndGet(t *testing.T) {
	b := newCage(t)
	parrot := zoo.NewParrot(&parrot{name: "Polly"})
	set := func(path string, v any) {
		t.Helper()
		if err := b.Set(path, v); err != nil {
			t.Error(err)
		}
	}
	set("number", 7)
	set("key", "k")
	set("locked", false)
	set("size", map[string]any{"width": 2, "unit": "mile"})
	set("size.height", -0.5)
	set("mark", []byte{1, 2})
	set("numbers", []any{1, int8(-3), uint16(9)})
	set("next.next.label", "deep")
	set("next.sign.second", "changed")
	set("inside", parrot.Client)
	set("described", map[string]any{"text": "four legs"})
	set("boxed", map[string]any{
		"content":  map[string]any{"number": uint32(8)},
		"more":     []any{map[string]any{"content": map[string]any{"label": "in a list"}}},
		"pair":     map[string]any{"second": "text"},
		"anything": "any",
	})
	m := capnp.BuilderOf(b.Raw()).Seal()
	if err := m.Verify(); err != nil {
		t.Fatal(err)
	}
	c := capnp.Root[zoo.Cage](m)
	if c.Number() != 7 || c.Key() != "k" || c.Locked() || c.Size().Width() != 2 || c.Size().Height() != -0.5 || c.Size().Unit() != zoo.UnitMile {
		t.Error("scalars differ")
	}
	if c.Which() != zoo.CageWhichDescribed || c.Described().Text() != "four legs" || c.Described().Legs() != 4 {
		t.Errorf("the union is %v %q %d", c.Which(), c.Described().Text(), c.Described().Legs())
	}
	if c.Next().Next().Label() != "deep" || c.Next().Sign().Second().Text() != "changed" || c.Next().Sign().First().Text() != "first" {
		t.Error("structs on the way differ")
	}
	if n := capnp.Slice(c.Numbers()); len(n) != 3 || n[1] != -3 {
		t.Errorf("numbers are %v", n)
	}
	box := c.Boxed()
	if capnp.PtrAs[zoo.Cage](box.Content()).Number() != 8 || capnp.PtrAs[zoo.Cage](box.More().At(0).Content()).Label() != "in a list" ||
		box.Pair().Second().Text() != "text" || box.Anything().Text() != "any" {
		t.Error("the box differs")
	}
	s := b.Type().Read(capnp.Struct(c))
	if v := get(t, s, "boxed.more[0].content.label"); v.Text() != "in a list" {
		t.Errorf("in the list is %q", v.Text())
	}
	if got, err := zoo.Animal(zoo.Animal{Client: get(t, s, "inside").Client()}).Name(t.Context(), nil).Wait(); err != nil || got.Name() != "Polly" {
		t.Errorf("the capability says %q, %v", got.Name(), err)
	}
}

// Setting a member of a union makes it the one that is set, and a group in it starts anew.
func TestUnions(t *testing.T) {
	b := newCage(t)
	which := func() string {
		f, _ := b.Reader().Which()
		return f.Name()
	}
	steps := []struct {
		path string
		v    any
		want string
	}{
		{"described.legs", 2, "described"},
		{"described.text", "two", "described"}, // keeps legs
		{"many", []any{}, "many"},
		{"empty", nil, "empty"},
		{"only", nil, "only"},
		{"described.text", "again", "described"}, // forgets legs
	}
	legs := []int64{2, 2, 4, 4, 4, 4}
	for i, s := range steps {
		if err := b.Set(s.path, s.v); err != nil {
			t.Fatal(err)
		}
		if which() != s.want {
			t.Errorf("after %s, %s is set", s.path, which())
		}
		if got := get(t, b.Reader(), "described.legs").Int(); got != legs[i] {
			t.Errorf("after step %d, legs is %d, want %d", i, got, legs[i])
		}
	}
	f, _ := b.Type().Field("empty")
	if err := b.Clear(f); err != nil || which() != "empty" || b.Reader().Has(f) != true {
		t.Errorf("after Clear %s is set, %v", which(), err)
	}
	if d, _ := b.Type().Field("described"); b.Reader().IsSet(d) || b.Reader().Has(d) {
		t.Error("described is set still")
	}
}

func TestSetRefuses(t *testing.T) {
	other := compile(t, `struct Cage { a @0 :Text; } enum Unit { inch @0; }`)
	stranger := structType(t, other, "Cage").NewRoot(capnp.NewMessage(nil)).Reader()
	deep := any("x")
	for range 200 {
		deep = []any{deep}
	}
	nested := map[string]any{}
	for range 200 {
		nested = map[string]any{"next": nested}
	}
	tests := []struct {
		path string
		v    any
		err  string
	}{
		{"nothing", 1, `Cage has no field "nothing"`},
		{"", 1, "no field"},
		{"number.x", 1, "no struct"},
		{"numbers[0]", 1, "elements of lists are set in the list"},
		{"number", -1, "-1 is out of the range of UInt32"},
		{"number", uint64(1) << 32, "out of the range"},
		{"number", "7", "a string is no UInt32"},
		{"number", 1.0, "a float64 is no UInt32"},
		{"numbers", []any{1 << 15}, "[0]: 32768 is out of the range of Int16"},
		{"numbers", []any{1, -1<<15 - 1}, "[1]: -32769 is out of the range"},
		{"numbers", 7, "is no List(Int16)"},
		{"locked", 1, "is no Bool"},
		{"size.unit", "furlong", `Unit has no value "furlong"`},
		{"size.unit", 1 << 16, "out of the range"},
		{"size.width", 1e300, "out of the range of Float32"},
		{"size", 1, "is no Cage.size"},
		{"size", map[string]any{"depth": 1}, `no field "depth"`},
		{"label", 1, "is no Text"},
		{"mark", "text", "is no Data"},
		{"inside", "name", "is no Animal"},
		{"next", stranger, "is no Cage"},
		{"boxed.more", deep, "is no Box"},
		{"next", nested, "nested more than 64 deep"},
		{"described", stranger, "is no Cage.described"},
		{"empty", true, "is no Void"},
	}
	for _, tt := range tests {
		b := newCage(t)
		if err := b.Set(tt.path, tt.v); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("Set(%q, %.30v): %v, want %q", tt.path, tt.v, err, tt.err)
		}
	}
	if err := (dynamic.StructBuilder{}).Set("x", 1); err == nil {
		t.Error("set a field of nothing")
	}
	if err := newCage(t).Type().Build(capnp.StructBuilder{}).Set("number", 1); err == nil {
		t.Error("set a field of null")
	}
	small := structType(t, load(t, zoo.ZooSchema()), "Cage").NewRoot(capnp.NewMessage(&capnp.BuilderOptions{MaxWords: 40}))
	if err := small.Set("label", strings.Repeat("x", 1000)); err == nil {
		t.Error("no error though the message is too large")
	}
}

func TestPathsRefuse(t *testing.T) {
	st := newCage(t).Type()
	for path, want := range map[string]string{
		"":                                     "no field",
		".":                                    "no field",
		"number.":                              "no struct",
		"next..number":                         "no field",
		"next.":                                "no field",
		"numbers[":                             "no index",
		"numbers[]":                            "no index",
		"numbers[-1]":                          "no index",
		"numbers[99999999999999]":              "no index",
		"numbers[0]x":                          "no dot",
		"numbers.x":                            "no struct",
		"next[0]":                              "no list",
		strings.Repeat("next.", 64) + "number": "longer than 64 steps",
	} {
		if p, err := st.Path(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Path(%.30q) = %v, %v, want %q", path, p.Type(), err, want)
		}
	}
	if _, err := newCage(t).Reader().Get("numbers[2]"); err == nil || !strings.Contains(err.Error(), "index 2 of a list of 2") {
		t.Errorf("an index out of range: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	reg := compile(t, `struct N { i8 @0 :Int8 = -3; u8 @1 :UInt8; i64 @2 :Int64; u64 @3 :UInt64; f32 @4 :Float32 = 0.5; f64 @5 :Float64; b @6 :Bool = true; }`)
	tests := []struct {
		field string
		v     any
		i     int64
		u     uint64
		f     float64
	}{
		{"i8", -128, -128, 0, -128},
		{"i8", int64(127), 127, 127, 127},
		{"u8", uint8(255), 255, 255, 255},
		{"i64", int64(math.MinInt64), math.MinInt64, 0, math.MinInt64},
		{"u64", uint64(math.MaxUint64), math.MaxInt64, math.MaxUint64, math.MaxUint64},
		{"f32", 0.25, 0, 0, 0.25},
		{"f64", math.Inf(-1), 0, 0, math.Inf(-1)},
		{"f32", float32(math.MaxFloat32), 0, 0, math.MaxFloat32},
		{"f64", uint64(1 << 60), 0, 0, 1 << 60},
	}
	for _, tt := range tests {
		b := structType(t, reg, "N").NewRoot(capnp.NewMessage(nil))
		if err := b.Set(tt.field, tt.v); err != nil {
			t.Error(err)
		}
		v := get(t, b.Reader(), tt.field)
		if v.Int() != tt.i || v.Uint() != tt.u || v.Float() != tt.f {
			t.Errorf("%s = %v reads %d %d %v", tt.field, tt.v, v.Int(), v.Uint(), v.Float())
		}
		// What was read can be set again.
		again := structType(t, reg, "N").NewRoot(capnp.NewMessage(nil))
		if err := again.Set(tt.field, v); err != nil || get(t, again.Reader(), tt.field).Float() != tt.f || get(t, again.Reader(), tt.field).Uint() != tt.u {
			t.Errorf("%s: setting its own value: %v, %v", tt.field, again.Reader(), err)
		}
	}
	b := structType(t, reg, "N").NewRoot(capnp.NewMessage(nil))
	if err := b.Set("f32", math.NaN()); err != nil || !math.IsNaN(get(t, b.Reader(), "f32").Float()) {
		t.Error("NaN is lost", err)
	}
	if v := get(t, b.Reader(), "b"); !v.Bool() || v.Int() != 0 || v.Text() != "" || v.Struct().Type().Known() || !v.Client().IsNull() {
		t.Error("accessors of other kinds are not zero")
	}
}

// A value does not show what may be secret.
func TestValueStringHidesText(t *testing.T) {
	b := newCage(t)
	if err := b.Set("key", "hunter2"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"key", "next", "numbers", "mark", "size", "inside"} {
		if got := get(t, b.Reader(), path).String(); strings.Contains(got, "hunter2") || got == "" {
			t.Errorf("%s shows as %q", path, got)
		}
	}
}

func TestListBuilder(t *testing.T) {
	reg := compile(t, `struct L { bools @0 :List(Bool); voids @1 :List(Void); structs @2 :List(L); lists @3 :List(List(Text)); caps @4 :List(Capability); data @5 :List(Data); }`)
	b := structType(t, reg, "L").NewRoot(capnp.NewMessage(nil))
	list := func(name string, n int) dynamic.ListBuilder {
		t.Helper()
		l, err := b.NewList(name, n)
		if err != nil || l.Len() != n {
			t.Fatal(l.Len(), err)
		}
		return l
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	check(list("bools", 9).Set(8, true))
	check(list("voids", 3).Set(2, nil))
	structs := list("structs", 2)
	check(structs.At(1).Set("bools", []bool{true}))
	check(structs.Set(0, structs.Reader().At(1)))
	inner, err := list("lists", 2).NewList(1, 2)
	check(err)
	check(inner.Set(1, "x"))
	check(list("data", 1).Set(0, []byte("d")))
	check(list("caps", 2).Set(1, capnp.Broken(capnp.NewError(capnp.Failed, "broken"))))
	s := b.Reader()
	if !get(t, s, "bools[8]").Bool() || get(t, s, "bools[0]").Bool() || get(t, s, "voids").List().Len() != 3 ||
		!get(t, s, "structs[0].bools[0]").Bool() || get(t, s, "lists[1][1]").Text() != "x" || string(get(t, s, "data[0]").Bytes()) != "d" ||
		get(t, s, "caps[1]").Client().IsNull() || !get(t, s, "caps[0]").Client().IsNull() {
		t.Error("lists differ")
	}
	for _, n := range []int{-1, 1 << 29, math.MaxInt} {
		if _, err := b.NewList("bools", n); err == nil {
			t.Errorf("made a list of %d", n)
		}
	}
	if _, err := b.NewList("structs", 1<<28); err == nil {
		t.Error("made a list of 2^28 structs")
	}
}
