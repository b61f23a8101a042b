package dynamic_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/fill"
	"lanyard.dev/internal/zoo"
	"lanyard.dev/interop/convert"
	"pgregory.net/rapid"
)

// generated are types of which there is code.
func generated(t testing.TB) map[string]struct {
	typ dynamic.StructType
	of  func(capnp.Struct) any
} {
	reg := load(t, zoo.ZooSchema(), convert.EverySchema())
	type entry = struct {
		typ dynamic.StructType
		of  func(capnp.Struct) any
	}
	return map[string]entry{
		"Cage":  {structType(t, reg, "Cage"), func(s capnp.Struct) any { return zoo.Cage(s) }},
		"Shown": {structType(t, reg, "Shown"), func(s capnp.Struct) any { return zoo.Shown(s) }},
		"Every": {structType(t, reg, "Every"), func(s capnp.Struct) any { return convert.Every(s) }},
	}
}

// What is built by schema, generated code reads as this package does.
func TestGeneratedCodeReadsTheSame(t *testing.T) {
	for name, g := range generated(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := capnp.NewMessage(nil)
				b := g.typ.NewRoot(m)
				if err := fill.Struct(b, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).IntN); err != nil {
					t.Fatal(err)
				}
				s := g.typ.Root(m.Seal())
				compareStruct(t, name, s, reflect.ValueOf(g.of(s.Raw())))
				if err := s.Err(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// compareStruct compares a struct with what the getters of its generated type say.
func compareStruct(t *rapid.T, path string, s dynamic.Struct, g reflect.Value) {
	if f, ok := s.Which(); ok {
		which := g.MethodByName("Which").Call(nil)[0]
		if which.Uint() != uint64(f.Tag()) {
			t.Errorf("%s: set is %s, generated code says %v", path, f.Name(), which)
		}
	}
	for f := range s.Type().Fields() {
		r, n := utf8.DecodeRuneInString(f.Name())
		getter := g.MethodByName(string(unicode.ToUpper(r)) + f.Name()[n:])
		if !getter.IsValid() || f.Type().Kind() >= dynamic.InterfaceKind {
			continue
		}
		if f.Type().Kind() == dynamic.Void {
			continue
		}
		compare(t, path+"."+f.Name(), s.Value(f), getter.Call(nil)[0])
	}
}

func compare(t *rapid.T, path string, v dynamic.Value, g reflect.Value) {
	same := true
	switch k := v.Kind(); {
	case k == dynamic.Bool:
		same = v.Bool() == g.Bool()
	case k >= dynamic.Int8 && k <= dynamic.Int64:
		same = v.Int() == g.Int()
	case k.IsInteger() || k == dynamic.EnumKind:
		same = v.Uint() == g.Uint()
	case k.IsFloat():
		same = v.Float() == g.Float() || math.IsNaN(v.Float()) && math.IsNaN(g.Float())
	case k == dynamic.Text && g.Kind() == reflect.String:
		same = v.Text() == g.String()
	case k == dynamic.Data && g.Kind() == reflect.Slice:
		same = string(v.Bytes()) == string(g.Bytes())
	case k == dynamic.StructKind:
		// Null structs lead to null structs without end, and a type parameter has no getters.
		if v.IsNull() || strings.HasPrefix(g.Type().String(), "capnp.") {
			return
		}
		compareStruct(t, path, v.Struct(), g)
	case k == dynamic.ListKind:
		l := v.List()
		if int(g.MethodByName("Len").Call(nil)[0].Int()) != l.Len() {
			t.Errorf("%s: a list of %d", path, l.Len())
			return
		}
		for i := range l.Len() {
			compare(t, path, l.At(i), g.MethodByName("At").Call([]reflect.Value{reflect.ValueOf(i)})[0])
		}
	}
	if !same {
		t.Errorf("%s is %v, generated code says %v", path, v, g)
	}
}

// Copying field by field makes an equal struct, and so does setting all fields at once.
func TestCopiesAreEqual(t *testing.T) {
	for name, g := range generated(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				b := g.typ.NewRoot(capnp.NewMessage(nil))
				if err := fill.Struct(b, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).IntN); err != nil {
					t.Fatal(err)
				}
				to := g.typ.NewRoot(capnp.NewMessage(nil))
				for f := range g.typ.Fields() {
					if !b.Reader().IsSet(f) {
						continue
					}
					if !b.Reader().Has(f) {
						if err := to.Clear(f); err != nil {
							t.Fatal(err)
						}
						continue
					}
					if err := to.SetField(f, b.Reader().Value(f)); err != nil {
						t.Fatal(err)
					}
				}
				if capnp.Equal(to.Reader().Raw(), b.Reader().Raw()) != capnp.IsEqual {
					t.Error("the copy differs")
				}
			})
		})
	}
}
