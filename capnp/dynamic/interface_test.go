package dynamic_test

import (
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schemas/json"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/internal/zoo"
)

func TestMethodsByName(t *testing.T) {
	reg := load(t, zoo.ZooSchema())
	parrot := interfaceType(t, reg, "Parrot")
	tests := []struct{ name, want, err string }{
		{"say", "Parrot.say", ""},
		{"name", "Parrot.name", ""}, // its own goes before those it inherits
		{"feed", "Animal.feed", ""},
		{"nickname", "Named.nickname", ""},
		{"Named.name", "Named.name", ""},
		{"Animal.name", "Animal.name", ""},
		{"Parrot.name", "Parrot.name", ""},
		{"fly", "", `Parrot has no method "fly"`},
		{"Nobody.name", "", "no method"},
		{"", "", "no method"},
		{".", "", "no method"},
	}
	for _, tt := range tests {
		m, err := parrot.Method(tt.name)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Method(%q): %v, want %q", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || m.String() != tt.want {
			t.Errorf("Method(%q) = %v, %v, want %s", tt.name, m, err, tt.want)
		}
		if same, ok := dynamic.MethodAt(reg, m.InterfaceID(), m.MethodID()); !ok || same.String() != tt.want {
			t.Errorf("MethodAt(%#x, %d) = %v, %v", m.InterfaceID(), m.MethodID(), same, ok)
		}
	}
	var all []string
	for m := range parrot.Methods() {
		all = append(all, m.String())
	}
	want := []string{"Parrot.say", "Parrot.name", "Animal.name", "Animal.feed", "Animal.friend", "Animal.tell", "Animal.told",
		"Named.name", "Named.nickname"}
	if !slices.Equal(all, want) {
		t.Errorf("methods are %q, want %q", all, want)
	}
	if named := interfaceType(t, reg, "Named"); !parrot.Extends(named.ID()) || named.Extends(parrot.ID()) || !named.Extends(named.ID()) {
		t.Error("Extends is wrong")
	}
}

func TestAmbiguousMethodNeedsItsInterface(t *testing.T) {
	reg := compile(t, `
interface A { do @0 (); }
interface B { do @0 (); }
interface C extends (A, B) {}
interface D extends (A) {}
interface E extends (D, A) {}`)
	c := interfaceType(t, reg, "C")
	if _, err := c.Method("do"); err == nil || !strings.Contains(err.Error(), "say A.do or B.do") {
		t.Errorf("C.do: %v", err)
	}
	if m, err := c.Method("B.do"); err != nil || m.Interface().Name() != "B" {
		t.Errorf("B.do: %v, %v", m, err)
	}
	e := interfaceType(t, reg, "E")
	if m, err := e.Method("do"); err != nil || m.Interface().Name() != "A" {
		t.Errorf("E.do, inherited twice from one interface: %v, %v", m, err)
	}
}

func TestAnnotationsOfMethods(t *testing.T) {
	reg := load(t, zoo.ZooSchema())
	parrot := interfaceType(t, reg, "Parrot")
	tests := []struct {
		name                 string
		readOnly, idempotent bool
	}{
		{"Animal.name", true, true}, // by its own annotation
		{"nickname", true, true},    // by that of its interface
		{"told", false, true},
		{"Parrot.name", false, false},
		{"feed", false, false},
	}
	for _, tt := range tests {
		m, err := parrot.Method(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if m.ReadOnly() != tt.readOnly || m.Idempotent() != tt.idempotent {
			t.Errorf("%s: read-only %v, idempotent %v", tt.name, m.ReadOnly(), m.Idempotent())
		}
	}
	say, _ := parrot.Method("say")
	for _, f := range []struct {
		name   string
		secret bool
	}{{"text", false}, {"secret", true}} {
		if p, ok := say.Params().Field(f.name); !ok || p.Secret() != f.secret {
			t.Errorf("parameter %s: secret %v", f.name, p.Secret())
		}
	}
	if key, ok := structType(t, reg, "Cage").Field("key"); !ok || !key.Secret() {
		t.Error("Cage.key is not secret")
	}
}

// The annotations of json.capnp have values.
func TestAnnotationValues(t *testing.T) {
	reg := load(t, zoo.ZooSchema())
	shown := structType(t, reg, "Shown")
	f, _ := shown.Field("prefixed")
	v, ok := f.Annotation(0x82d3e852af0336bf) // flatten
	if !ok {
		t.Fatal("not annotated")
	}
	options, err := dynamic.FindStruct(load(t, json.JsonSchema()), "FlattenOptions")
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.As(options.Type()).Struct().Get("prefix")
	if err != nil || p.Text() != "p." {
		t.Errorf("prefix is %q, %v", p.Text(), err)
	}
	f, _ = shown.Field("renamed")
	if v, ok := f.Annotation(0xfa5b1fd61c2e7c3d); !ok || v.Text() != "another name" {
		t.Errorf("name is %q, %v", v.Text(), ok)
	}
	if _, ok := f.Annotation(1); ok {
		t.Error("has an annotation that it does not have")
	}
}

func TestGenericsAreBound(t *testing.T) {
	reg := load(t, zoo.ZooSchema(), persistent.PersistentSchema())
	box, _ := structType(t, reg, "Cage").Field("boxed")
	tests := []struct{ path, want string }{
		{"content", "Cage"},
		{"content.boxed.content.number", "UInt32"},
		{"more", "List(Box)"},
		{"more[3].content.number", "UInt32"},
		{"pair.first", "Cage"},
		{"pair.second", "Text"},
		{"anything", "AnyPointer"},
	}
	for _, tt := range tests {
		p, err := box.Type().Struct().Path(tt.path)
		if err != nil || p.Type().String() != tt.want {
			t.Errorf("%s is a %v, %v, want %s", tt.path, p.Type(), err, tt.want)
		}
	}
	// Unbound.
	if p, err := structType(t, reg, "Box").Path("pair.first"); err != nil || p.Type().Kind() != dynamic.AnyPointer {
		t.Errorf("unbound it is a %v, %v", p.Type(), err)
	}
	// Through a superclass.
	m, err := interfaceType(t, reg, "AnimalKeeper").Method("box")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := m.Results().Path("box.content.key"); err != nil || p.Type().Kind() != dynamic.Text {
		t.Errorf("box.content.key is a %v, %v", p.Type(), err)
	}
	keep, _ := interfaceType(t, reg, "AnimalKeeper").Method("keep")
	if f, _ := keep.Params().Field("thing"); f.Type().String() != "Cage" {
		t.Errorf("thing is a %v", f.Type())
	}
	// Persistent's save.
	save, err := interfaceType(t, reg, "Persistent").Method("save")
	if err != nil || save.InterfaceID() != 0xc8cb212fcd9f5691 {
		t.Fatal(save, err)
	}
	if f, _ := save.Results().Field("sturdyRef"); f.Type().Kind() != dynamic.AnyPointer {
		t.Errorf("sturdyRef is a %v", f.Type())
	}
}

func TestFind(t *testing.T) {
	reg := load(t, zoo.ZooSchema())
	for name, want := range map[string]string{"Coordinates": "Shown.Coordinates", "Shown.Tagged": "Shown.Tagged", "zoo.capnp:Cage": "Cage"} {
		if st, err := dynamic.FindStruct(reg, name); err != nil || st.Name() != want {
			t.Errorf("FindStruct(%q) = %s, %v", name, st.Name(), err)
		}
	}
	for _, name := range []string{"", "Nothing", "Parrot", "Unit", "Cage.size", "say$Params"} {
		if st, err := dynamic.FindStruct(reg, name); err == nil {
			t.Errorf("FindStruct(%q) = %s", name, st.Name())
		}
	}
	two := compile(t, `struct A { struct X {} } struct B { struct X {} }`)
	if _, err := dynamic.FindStruct(two, "X"); err == nil || !strings.Contains(err.Error(), "may be") {
		t.Errorf("FindStruct of two: %v", err)
	}
	if _, err := dynamic.LookupStruct(reg, 1); err == nil {
		t.Error("found a struct with the id 1")
	}
	if _, err := dynamic.LookupInterface(reg, structType(t, reg, "Cage").ID()); err == nil {
		t.Error("a struct is an interface")
	}
}
