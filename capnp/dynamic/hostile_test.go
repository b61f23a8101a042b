package dynamic_test

import (
	"context"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/fill"
	"lanyard.dev/internal/zoo"
)

// FuzzSchema uses schemas that mean nothing for all there is: whatever they say, nothing panics or goes on for ever.
func FuzzSchema(f *testing.F) {
	file := zoo.ZooSchema()
	nodes, err := schema.Decode(file)
	if err != nil {
		f.Fatal(err)
	}
	m := capnp.NewMessage(&capnp.BuilderOptions{FirstWords: 1 << 14})
	list := schema.NewRootCodeGeneratorRequest(m).NewNodes(nodes.Len())
	for i, n := range nodes.All() {
		capnp.SetStructAt(list, i, n)
	}
	f.Add(m.Segments()[0], []byte("seed"))
	f.Fuzz(func(t *testing.T, words, choices []byte) {
		if len(words) > 1<<18 {
			return
		}
		msg := capnp.OpenMessage([][]byte{words[:len(words)/8*8]}, &capnp.Limits{TraversalWords: 1 << 20})
		if msg.Verify() != nil {
			return
		}
		useAll(schema.NewRegistry(capnp.Root[schema.CodeGeneratorRequest](msg)), choices)
	})
}

// useAll does with every node what can be done with it.
func useAll(reg *schema.Registry, choices []byte) {
	left := 2000
	draw := func(n int) int {
		left--
		if left < 0 || len(choices) == 0 || n <= 1 {
			return 0
		}
		return int(choices[left%len(choices)]) % n
	}
	types := 0
	for n := range reg.All() {
		if types++; types > 100 {
			return
		}
		_, _ = dynamic.FindStruct(reg, n.DisplayName())
		if i, err := dynamic.LookupInterface(reg, n.Id()); err == nil {
			count := 0
			for m := range i.Methods() {
				if count++; count > 100 {
					break
				}
				_, _, _ = m.String(), m.ReadOnly(), m.Descriptor()
				if p := dynamic.Call(context.Background(), capnp.Client{}, m, func(b dynamic.StructBuilder) error { return fill.Struct(b, draw) }); m.Params().NumFields() > 0 {
					_, _, _ = p.Client(m.Results().Name())
				}
				_, _ = i.Method(m.Name())
			}
		}
		st, err := dynamic.LookupStruct(reg, n.Id())
		if err != nil || st.NumFields() > 1000 {
			continue
		}
		b := st.NewRoot(capnp.NewMessage(&capnp.BuilderOptions{MaxWords: 1 << 18}))
		_ = fill.Struct(b, draw)
		for f := range st.Fields() {
			_ = b.Reader().Value(f).String()
			_, _ = b.Reader().Get(f.Name() + "." + f.Name() + "[0]")
			_ = b.Set(f.Name(), "x")
			_ = b.Set(f.Name(), 1)
			_ = b.Set(f.Name(), []any{map[string]any{f.Name(): nil}})
			_ = b.Clear(f)
		}
		o := &capjson.Options{MaxBytes: 1 << 16}
		if text, err := capjson.Marshal(b.Reader(), o); err == nil {
			_ = capjson.Unmarshal(text, st.NewRoot(capnp.NewMessage(&capnp.BuilderOptions{MaxWords: 1 << 18})), o)
		}
	}
}

// Schemas that refer to themselves in ways that no compiler makes.
func TestSchemasThatTurnInCircles(t *testing.T) {
	reg := compile(t, `
struct S { g :group { x @0 :UInt8; } self @1 :S; box @2 :Box(S); }
struct Box(T) { content @0 :T; nest @1 :Box(Box(T)); }
interface I extends (J) { m @0 S -> S; }
interface J {}`)
	edit := func(name string, f func(schema.NodeBuilder)) *schema.Registry {
		m := capnp.NewMessage(nil)
		list := schema.NewRootCodeGeneratorRequest(m).NewNodes(20)
		i := 0
		for n := range reg.All() {
			capnp.SetStructAt(list, i, n)
			if n.DisplayName() == name {
				f(list.At(i))
			}
			i++
		}
		return schema.NewRegistry(capnp.Root[schema.CodeGeneratorRequest](m.Seal()))
	}
	group, _ := structType(t, reg, "S").Field("g")
	j := interfaceType(t, reg, "J")
	i := interfaceType(t, reg, "I")
	for name, r := range map[string]*schema.Registry{
		"a group in itself": edit("x.capnp:S.g", func(b schema.NodeBuilder) {
			b.EditStruct().EditFields().At(0).NewGroup().SetTypeId(group.Type().ID())
		}),
		"a struct as its own group": edit("x.capnp:S", func(b schema.NodeBuilder) {
			b.EditStruct().EditFields().At(0).NewGroup().SetTypeId(b.Id())
		}),
		"interfaces that extend each other": edit("x.capnp:J", func(b schema.NodeBuilder) {
			b.EditInterface().NewSuperclasses(1).At(0).SetId(i.ID())
		}),
		"an interface that extends itself": edit("x.capnp:J", func(b schema.NodeBuilder) {
			b.EditInterface().NewSuperclasses(1).At(0).SetId(j.ID())
		}),
		"types that grow": reg,
	} {
		t.Run(name, func(t *testing.T) {
			useAll(r, []byte("choices"))
			st := structType(t, r, "S")
			path := "box" + strings.Repeat(".nest", 50)
			if p, err := st.Path(path + ".content"); err != nil || p.Type().String() != "Box" {
				t.Errorf("a type that grows: %v, %v", p.Type(), err)
			}
			if m, err := interfaceType(t, r, "I").Method("m"); err != nil || m.Params().Name() != "S" {
				t.Errorf("the method: %v, %v", m, err)
			}
		})
	}
}
