package capnp

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Types as generated code defines them.
type (
	carView        Struct
	carViewBuilder StructBuilder
	color          uint16
	door           struct{ Client }
)

func (s carView) Name() string    { return Struct(s).Text(0) }
func (s carView) Wheels() uint8   { return Struct(s).Uint8(0) }
func (s carView) Weight() float64 { return math.Float64frombits(Struct(s).Uint64(8)) }
func (s carView) Color() color    { return color(Struct(s).Uint16(2)) ^ 3 }
func (s carView) Parts() carView  { return carView(Struct(s).Struct(1)) }
func (s carView) HasParts() bool  { return Struct(s).HasPtr(1) }
func (s carView) Seats() List[int32] {
	return FieldList[int32](Struct(s), 2, KindInt32)
}
func (s carView) Cars() List[carView] { return FieldList[carView](Struct(s), 3, KindStruct) }

func (b carViewBuilder) SetName(v string)    { StructBuilder(b).SetText(0, v) }
func (b carViewBuilder) SetWheels(v uint8)   { StructBuilder(b).SetUint8(0, v) }
func (b carViewBuilder) SetWeight(v float64) { StructBuilder(b).SetUint64(8, math.Float64bits(v)) }
func (b carViewBuilder) SetColor(v color)    { StructBuilder(b).SetUint16(2, uint16(v)^3) }
func (b carViewBuilder) SetSeats(v []int32)  { SetFieldList(StructBuilder(b), 2, KindInt32, v) }
func (b carViewBuilder) NewParts() carViewBuilder {
	return carViewBuilder(StructBuilder(b).NewStruct(1, carSize))
}
func (b carViewBuilder) NewCars(n int) ListBuilder[carViewBuilder] {
	return NewFieldStructList[carViewBuilder](StructBuilder(b), 3, carSize, n)
}

var carSize = StructSize{2, 8}

func newCar() (*MessageBuilder, carViewBuilder) {
	mb := NewMessage(nil)
	return mb, carViewBuilder(NewRootStruct(mb, carSize))
}

func TestViewsStaySmall(t *testing.T) {
	for _, v := range []any{
		Struct{}, Ptr{}, AnyList{}, List[carView]{}, List[List[string]]{}, StructBuilder{}, PtrBuilder{},
		ListBuilder[carViewBuilder]{}, carView{}, carViewBuilder{},
	} {
		typ := reflect.TypeOf(v)
		if typ.NumField() > 4 || typ.Size() > 32 {
			t.Errorf("%v has %d fields and %d bytes, want at most 4 and 32", typ, typ.NumField(), typ.Size())
		}
	}
}

func TestGeneratedShape(t *testing.T) {
	mb, b := newCar()
	b.SetName("beetle")
	b.SetWheels(4)
	b.SetWeight(0.75)
	b.SetColor(7)
	b.SetSeats([]int32{-1, 2})
	b.NewParts().SetName("engine")
	cars := b.NewCars(3)
	for i, c := range cars.All() {
		c.SetName(fmt.Sprint("car ", i))
	}
	cars.At(2).SetWheels(3)
	check := func(c carView) {
		t.Helper()
		if c.Name() != "beetle" || c.Wheels() != 4 || c.Weight() != 0.75 || c.Color() != 7 || c.Parts().Name() != "engine" ||
			!c.HasParts() || c.Parts().HasParts() || c.Parts().Color() != 3 || !IsNull(c.Parts().Parts()) {
			t.Error("fields differ")
		}
		if got := Slice(c.Seats()); !slices.Equal(got, []int32{-1, 2}) {
			t.Errorf("seats %v", got)
		}
		var names []string
		for _, car := range c.Cars().All() {
			names = append(names, car.Name())
		}
		if got := strings.Join(names, ","); got != "car 0,car 1,car 2" || c.Cars().At(2).Wheels() != 3 {
			t.Errorf("cars %s", got)
		}
		for range c.Cars().All() {
			break
		}
		if Err(c) != nil {
			t.Error(Err(c))
		}
	}
	check(View[carView](b))
	m := mb.Seal()
	check(Root[carView](m))
	check(PtrAs[carView](m.Root()))
	read := OpenMessage(m.Segments(), nil)
	if err := Verify(read); err != nil {
		t.Fatal(err)
	}
	check(Root[carView](read))
	if MessageOf(Root[carView](read)) != read || Root[carView](m).Name() != "beetle" {
		t.Error("MessageOf gives another message")
	}
	if e := Equal(Root[carView](read), Root[carView](m)); e != IsEqual {
		t.Errorf("Equal = %v", e)
	}
	if e := EqualPtr(read.Root(), Ptr{}); e != NotEqual {
		t.Errorf("EqualPtr = %v", e)
	}
	if Err(carView{}) != nil || MessageOf(carView{}) != nil {
		t.Error("the null struct has a message")
	}
}

func TestEveryElementKind(t *testing.T) {
	mb := NewMessage(nil)
	b := NewRootStruct(mb, StructSize{0, 20})
	roundTrip(t, b, 0, KindVoid, []struct{}{{}, {}})
	roundTrip(t, b, 1, KindBool, []bool{true, false, true, true, false, false, false, true, true})
	roundTrip(t, b, 2, KindInt8, []int8{math.MinInt8, 0, math.MaxInt8})
	roundTrip(t, b, 3, KindInt16, []int16{math.MinInt16, 0, math.MaxInt16})
	roundTrip(t, b, 4, KindInt32, []int32{math.MinInt32, 0, math.MaxInt32})
	roundTrip(t, b, 5, KindInt64, []int64{math.MinInt64, 0, math.MaxInt64})
	roundTrip(t, b, 6, KindUint8, []uint8{0, 1, math.MaxUint8})
	roundTrip(t, b, 7, KindUint16, []uint16{0, 1, math.MaxUint16})
	roundTrip(t, b, 8, KindUint32, []uint32{0, 1, math.MaxUint32})
	roundTrip(t, b, 9, KindUint64, []uint64{0, 1, math.MaxUint64})
	roundTrip(t, b, 10, KindFloat32, []float32{0, -1.5, math.MaxFloat32, float32(math.Inf(1))})
	roundTrip(t, b, 11, KindFloat64, []float64{0, -1.5, math.MaxFloat64, math.Inf(-1)})
	roundTrip(t, b, 12, KindUint16, []color{0, 1, math.MaxUint16})

	texts := []string{"", "a", "grüße", strings.Repeat("x", 100)}
	SetFieldList(b, 13, KindText, texts)
	SetFieldList(b, 14, KindData, [][]byte{{}, {1, 2}, {0}})
	lb := EditFieldList[string](b, 13, KindText, Ptr{})
	lb.Set(1, "b")
	if lb.At(1) != "b" || lb.Len() != 4 {
		t.Errorf("text list builder: %q", lb.At(1))
	}
	db := EditFieldList[[]byte](b, 14, KindData, Ptr{})
	db.Set(0, []byte("data"))
	db.At(1)[0] = 9
	r := View[Struct](b)
	if got := FieldList[string](r, 13, KindText); got.At(0) != "" || got.At(1) != "b" || got.At(2) != "grüße" || len(got.At(3)) != 100 {
		t.Errorf("texts %q", got.At(2))
	}
	if got := FieldList[[]byte](r, 14, KindData); string(got.At(0)) != "data" || string(got.At(1)) != "\x09\x02" || len(got.At(2)) != 1 {
		t.Errorf("data %q", got.At(0))
	}

	ptrs := NewFieldList[PtrBuilder](b, 15, KindPtr, 2)
	ptrs.At(0).SetText("pointer")
	ptrs.At(1).SetData([]byte{5})
	if got := FieldList[Ptr](View[Struct](b), 15, KindPtr); got.At(0).Text() != "pointer" || got.At(1).Data()[0] != 5 {
		t.Errorf("pointers %q", got.At(0).Text())
	}

	clients := NewFieldList[door](b, 16, KindClient, 3)
	clients.Set(0, door{Broken(errors.New("stuck"))})
	clients.Set(2, door{})
	for name, at := range map[string]func(i int) door{
		"builder": clients.At,
		"reader":  FieldList[door](View[Struct](b), 16, KindClient).At,
	} {
		if at(0).IsNull() || !at(1).IsNull() || !at(2).IsNull() {
			t.Errorf("%s: clients %v %v %v", name, at(0), at(1), at(2))
		}
	}
	if mb.Err() != nil {
		t.Fatal(mb.Err())
	}
}

// roundTrip writes v in both ways and reads it in all.
func roundTrip[T interface {
	Scalar
	comparable
}](t *testing.T, b StructBuilder, i uint16, k ElementKind, v []T) {
	t.Helper()
	for range 2 {
		SetFieldList(b, i, k, v)
		l := FieldList[T](View[Struct](b), i, k)
		if got := Slice(l); !slices.Equal(got, v) {
			t.Errorf("%T: Slice = %v, want %v", v, got, v)
		}
		edit := EditFieldList[T](b, i, k, Ptr{})
		for j, e := range l.All() {
			if e != v[j] || l.At(j) != v[j] || edit.At(j) != v[j] {
				t.Errorf("%T: element %d is %v, %v, want %v", v, j, e, edit.At(j), v[j])
			}
		}
		setEach(b, i, k, v)
		if got := Slice(FieldList[T](View[Struct](b), i, k)); !slices.Equal(got, v) {
			t.Errorf("%T: set one by one: %v, want %v", v, got, v)
		}
		l = FieldList[T](View[Struct](b), i, k)
		CopyFieldList(b, 19, l)
		if got := ListOf[T](View[Struct](b).Ptr(19), k); !slices.Equal(Slice(got), v) || ListAs[T](l.Any(), k).Len() != len(v) {
			t.Errorf("%T: copied: %v, want %v", v, Slice(got), v)
		}
	}
}

func setEach[T Scalar](b StructBuilder, i uint16, k ElementKind, v []T) {
	b.ClearPtr(i)
	l := NewFieldList[T](b, i, k, len(v))
	for j, e := range v {
		l.Set(j, e)
	}
}

func TestListsOfLists(t *testing.T) {
	mb := NewMessage(&BuilderOptions{FirstWords: 1, GrowWords: 1})
	b := NewRootStruct(mb, StructSize{0, 5})
	type ints = ListBuilder[int32]
	outer := NewFieldList[ListBuilder[ints]](b, 0, KindList(KindList(KindInt32)), 2)
	inner := outer.NewAt(1, 3)
	inner.NewAt(2, 4).Set(3, 42)
	if got := outer.At(1).At(2).At(3); got != 42 || outer.At(0).Len() != 0 || outer.At(1).At(1).Len() != 0 {
		t.Errorf("builder reads %d", got)
	}
	l := FieldList[List[List[int32]]](View[Struct](b), 0, KindList(KindList(KindInt32)))
	if got := l.At(1).At(2).At(3); got != 42 || l.At(0).Len() != 0 || l.Len() != 2 {
		t.Errorf("reader reads %d", got)
	}

	cars := NewFieldList[ListBuilder[carViewBuilder]](b, 1, KindList(KindStruct), 2)
	cars.NewStructsAt(1, carSize, 2).At(1).SetName("deep")
	if got := FieldList[List[carView]](View[Struct](b), 1, KindList(KindStruct)); got.At(1).At(1).Name() != "deep" {
		t.Errorf("struct in list in list is called %q", got.At(1).At(1).Name())
	}
	if got := cars.At(1).Len(); got != 2 {
		t.Errorf("inner list has %d structs", got)
	}

	texts := NewFieldList[ListBuilder[string]](b, 2, KindList(KindText), 1)
	texts.NewAt(0, 1).Set(0, "text")
	if got := FieldList[List[string]](View[Struct](b), 2, KindList(KindText)).At(0).At(0); got != "text" {
		t.Errorf("text in list in list is %q", got)
	}
	if got := FieldList[AnyList](View[Struct](b), 2, KindList(KindAny)).At(0); got.Len() != 1 || got.ElementSize() != 6 || got.Ptr(0).Text() != "text" {
		t.Errorf("any list has %d elements", got.Len())
	}

	type l7 = List[List[List[List[List[List[List[bool]]]]]]]
	k := KindBool
	for range 6 {
		k = KindList(k)
	}
	p := NewList[ListBuilder[ListBuilder[ListBuilder[ListBuilder[ListBuilder[ListBuilder[bool]]]]]]](b.Ptr(3), k, 1)
	p.NewAt(0, 1).NewAt(0, 1).NewAt(0, 1).NewAt(0, 1).NewAt(0, 1).NewAt(0, 2).Set(1, true)
	seven := l7(ListOf[List[List[List[List[List[List[bool]]]]]]](View[Struct](b).Ptr(3), k))
	if !seven.At(0).At(0).At(0).At(0).At(0).At(0).At(1) {
		t.Error("seven lists deep: false")
	}
	if err := errors.Join(mb.Err(), Err(View[Struct](b))); err != nil {
		t.Fatal(err)
	}
}

// A type that does not go with its kind is a bug of the caller, found before anything is read.
func TestWrongElementTypesPanic(t *testing.T) {
	mb, b := newCar()
	s := View[Struct](b)
	sb := StructBuilder(b)
	for name, f := range map[string]func(){
		"string as 64 bits":          func() { FieldList[string](s, 0, KindUint64) },
		"int8 as 16 bits":            func() { FieldList[int8](s, 0, KindInt16) },
		"client as 64 bits":          func() { FieldList[door](s, 0, KindUint64) },
		"list as struct":             func() { FieldList[List[int8]](s, 0, KindStruct) },
		"inner string as 64 bits":    func() { FieldList[List[string]](s, 0, KindList(KindUint64)) },
		"one list too many":          func() { FieldList[List[List[int8]]](s, 0, KindList(KindInt8)) },
		"struct as list":             func() { FieldList[carView](s, 0, KindList(KindStruct)) },
		"any list as list of bytes":  func() { FieldList[AnyList](s, 0, KindList(KindInt8)) },
		"ListOf":                     func() { ListOf[int8](Ptr{}, KindInt16) },
		"ListAs":                     func() { ListAs[int8](AnyList{}, KindInt16) },
		"NewList":                    func() { NewList[int8](sb.Ptr(0), KindInt16, 1) },
		"NewStructList":              func() { NewStructList[int8](sb.Ptr(0), carSize, 1) },
		"EditList":                   func() { EditList[int8](sb.Ptr(0), KindInt16, Ptr{}) },
		"EditStructList":             func() { EditStructList[int8](sb.Ptr(0), carSize, Ptr{}) },
		"SetFieldList":               func() { SetFieldList(sb, 0, KindInt16, []int8{1}) },
		"Set of a struct":            func() { b.NewCars(1).Set(0, carViewBuilder{}) },
		"NewAt of a list of numbers": func() { NewFieldList[int8](sb, 0, KindInt8, 1).NewAt(0, 1) },
		"NewStructsAt of numbers":    func() { NewFieldList[int8](sb, 0, KindInt8, 1).NewStructsAt(0, carSize, 1) },
		"16 lists": func() {
			k := KindBool
			for range 16 {
				k = KindList(k)
			}
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	if mb.Err() != nil {
		t.Error(mb.Err())
	}
}

func TestDefaults(t *testing.T) {
	def := NewMessage(nil)
	carViewBuilder(NewRootStruct(def, carSize)).SetName("default")
	structDef := def.Seal().Root()
	listDef := NewMessage(nil)
	l := NewList[uint16](listDef.Root(), KindUint16, 2)
	l.Set(1, 5)
	listPtr := listDef.Seal().Root()

	// Null, and pointers to something else than the schema says.
	mb := NewMessage(nil)
	b := NewRootStruct(mb, StructSize{0, 4})
	b.NewStruct(1, StructSize{})
	SetFieldList(b, 2, KindBool, []bool{true})
	for i := range uint16(4) {
		s := View[Struct](b)
		if i != 1 {
			if got := carView(s.StructDefault(i, structDef)); got.Name() != "default" {
				t.Errorf("pointer %d: struct %q", i, got.Name())
			}
		}
		if got := s.TextDefault(i, "text"); got != "text" {
			t.Errorf("pointer %d: text %q", i, got)
		}
		if got := s.TextBytesDefault(i, "text"); string(got) != "text" {
			t.Errorf("pointer %d: text bytes %q", i, got)
		}
		if got := s.DataDefault(i, "data"); string(got) != "data" {
			t.Errorf("pointer %d: data %q", i, got)
		}
		if got := FieldListDefault[uint16](s, i, KindUint16, listPtr); got.Len() != 2 || got.At(1) != 5 {
			t.Errorf("pointer %d: list of %d", i, got.Len())
		}
		if got := ListOfDefault[uint16](s.Ptr(i), KindUint16, listPtr); got.Len() != 2 {
			t.Errorf("pointer %d: list of %d", i, got.Len())
		}
	}
	s := View[Struct](b)
	if s.PtrDefault(0, structDef).IsNull() || s.PtrDefault(1, structDef).Struct().HasPtr(0) || Err(s) == nil {
		t.Error("PtrDefault differs")
	}

	// Builders copy defaults before they edit them.
	mb = NewMessage(nil)
	b = NewRootStruct(mb, StructSize{0, 4})
	if got := b.TextDefault(0, "text"); got != "text" || b.HasPtr(0) {
		t.Errorf("builder text %q", got)
	}
	if got := b.DataDefault(1, "data"); string(got) != "data" || !b.HasPtr(1) {
		t.Errorf("builder data %q", got)
	}
	c := carViewBuilder(b.EditStruct(2, StructSize{3, 9}, structDef))
	if got := StructBuilder(c).Text(0); got != "default" {
		t.Errorf("builder struct %q", got)
	}
	c.SetName("changed")
	e := EditFieldList[uint16](b, 3, KindUint16, listPtr)
	e.Set(0, 1)
	if e.At(1) != 5 || carView(structDef.Struct()).Name() != "default" || ListOf[uint16](listPtr, KindUint16).At(0) != 0 {
		t.Error("the default itself was edited")
	}
	es := EditFieldStructList[carViewBuilder](b, 3, carSize, Ptr{})
	if es.Len() != 2 || StructBuilder(es.At(1)).Uint16(0) != 5 {
		t.Errorf("numbers became %d structs", es.Len())
	}
	if mb.Err() != nil {
		t.Error(mb.Err())
	}
}

func TestStaticPtr(t *testing.T) {
	mb, b := newCar()
	b.SetName("constant")
	p := StaticPtr(string(mb.Segments()[0]))
	if got := PtrAs[carView](p).Name(); got != "constant" {
		t.Errorf("name %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a bad constant")
		}
	}()
	StaticPtr("12345678")
}

func TestUntypedFields(t *testing.T) {
	mb, b := newCar()
	sb := StructBuilder(b)
	sb.SetTextBytes(0, []byte("text"))
	sb.SetData(1, []byte("data"))
	copy(sb.NewData(4, 3), "new")
	sb.Ptr(5).SetText("any")
	b.SetSeats([]int32{1, 2, 3})
	b.NewCars(1).At(0).SetName("car")
	r := View[Struct](b)
	if r.Text(0) != "text" || string(r.TextBytes(0)) != "text" || string(r.Data(1)) != "data" || string(r.Data(4)) != "new" ||
		r.Ptr(5).Text() != "any" || string(r.Ptr(5).TextBytes()) != "any" || string(sb.Data(1)) != "data" || sb.Data(6) != nil {
		t.Error("text and data differ")
	}
	if l := r.AnyList(3); l.Len() != 1 || carView(l.Struct(0)).Name() != "car" || l.IsNull() || l.ElementSize() != 7 {
		t.Errorf("structs: %d", l.Len())
	}
	if l := r.Ptr(2).AnyList(); l.Len() != 3 || l.Struct(2).Uint32(0) != 3 {
		t.Errorf("numbers: %d", l.Len())
	}
	for i, want := range []PtrKind{PtrList, PtrList, PtrList, PtrList, PtrList, PtrList, PtrNull} {
		if got := r.Ptr(uint16(i)).Kind(); got != want {
			t.Errorf("pointer %d is %v, want %v", i, got, want)
		}
	}
	other := NewMessage(nil)
	o := NewRootStruct(other, carSize)
	o.SetPtr(0, r.Ptr(5))
	o.SetAnyList(1, r.AnyList(3))
	o.SetStruct(4, r)
	o.Ptr(5).SetStruct(r)
	o.Ptr(6).Set(o.Ptr(4).Reader())
	o.SetCap(7, 3)
	if i, ok := View[Struct](o).CapIndex(7); i != 3 || !ok || !o.HasPtr(7) || o.Ptr(7).IsNull() || BuilderOf(o) != other {
		t.Errorf("capability %d, %v", i, ok)
	}
	v := View[Struct](o)
	if v.Text(0) != "any" || v.AnyList(1).Len() != 1 || Equal(v.Struct(4), r) != IsEqual || Equal(v.Struct(6), v.Struct(5)) != IsEqual {
		t.Error("copies differ")
	}
	o.Ptr(0).Clear()
	if View[Struct](o).HasPtr(0) {
		t.Error("cleared, yet there")
	}
	cars := NewFieldStructList[carViewBuilder](o, 0, carSize, 2)
	SetStructAt(cars, 1, carView(r))
	if got := ListAs[carView](cars.Reader(), KindStruct).At(1); got.Name() != "text" {
		t.Errorf("copied element is called %q", got.Name())
	}
	if err := errors.Join(mb.Err(), other.Err()); err != nil {
		t.Error(err)
	}
	if mb.Size() != len(mb.Segments()[0]) || len(mb.AppendSegments(nil)) != 1 {
		t.Errorf("size %d", mb.Size())
	}
}

func TestErrorsCanBeBranchedOn(t *testing.T) {
	small := NewMessage(&BuilderOptions{MaxWords: 4, FirstWords: 4})
	NewRootStruct(small, StructSize{9, 9})
	stale, b := newCar()
	m := stale.Seal()
	b.SetWheels(1)
	mistyped, _ := newCar()
	mm := mistyped.Seal()
	mm.Root().Text()
	bad := OpenMessage([][]byte{{0, 1, 0, 0, 1, 0, 0, 0}}, nil)
	bad.Verify()
	limited := OpenMessage(m.Segments(), &Limits{TraversalWords: 1})
	limited.Verify()
	for _, test := range []struct {
		got  error
		want error
	}{
		{small.Err(), ErrTooLarge}, {stale.Err(), ErrStale}, {mm.Err(), ErrMistyped}, {bad.Err(), ErrMalformed}, {limited.Err(), ErrLimit},
	} {
		if !errors.Is(test.got, test.want) || !strings.HasPrefix(fmt.Sprint(test.got), test.want.Error()) {
			t.Errorf("got %v, want %v", test.got, test.want)
		}
	}
}

func TestGettersAllocateNothing(t *testing.T) {
	mb, b := newCar()
	b.SetName("a name")
	b.SetSeats([]int32{1, 2, 3})
	b.NewCars(5)
	b.NewParts()
	c := Root[carView](mb.Seal())
	n := 0
	if a := testing.AllocsPerRun(100, func() {
		n += int(c.Wheels()) + int(c.Weight()) + int(c.Color()) + len(Struct(c).TextBytes(0))
		for _, s := range c.Seats().All() {
			n += int(s)
		}
		for _, car := range c.Cars().All() {
			n += int(car.Wheels())
		}
		for i := range c.Cars().Len() {
			n += int(c.Cars().At(i).Parts().Wheels())
		}
	}); a != 0 {
		t.Errorf("getters allocate %v times", a)
	}
}

func BenchmarkGetters(b *testing.B) {
	mb, car := newCar()
	car.SetWheels(4)
	c := Root[carView](mb.Seal())
	n := 0.0
	for b.Loop() {
		for range 100 {
			n += float64(c.Wheels()) + c.Weight() + float64(c.Color())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/getter")
	_ = n
}

func BenchmarkList(b *testing.B) {
	mb, car := newCar()
	car.NewCars(1000)
	car.SetSeats(make([]int32, 1000))
	c := Root[carView](mb.Seal())
	n := 0
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/element")
	}
	b.Run("At struct", func(b *testing.B) {
		for b.Loop() {
			l := c.Cars()
			for i := range l.Len() {
				n += int(l.At(i).Wheels())
			}
		}
		per(b)
	})
	b.Run("All structs", func(b *testing.B) {
		for b.Loop() {
			for _, car := range c.Cars().All() {
				n += int(car.Wheels())
			}
		}
		per(b)
	})
	b.Run("At int32", func(b *testing.B) {
		for b.Loop() {
			l := c.Seats()
			for i := range l.Len() {
				n += int(l.At(i))
			}
		}
		per(b)
	})
	b.Run("All int32", func(b *testing.B) {
		for b.Loop() {
			for _, s := range c.Seats().All() {
				n += int(s)
			}
		}
		per(b)
	})
	b.Run("Slice int32", func(b *testing.B) {
		for b.Loop() {
			n += len(Slice(c.Seats()))
		}
		per(b)
	})
	b.Run("FieldList", func(b *testing.B) {
		for b.Loop() {
			n += c.Cars().Len()
		}
	})
}
