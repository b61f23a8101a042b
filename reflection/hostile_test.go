package reflection_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/zoo"
	"lanyard.dev/reflection"
)

// compile makes a registry of a schema.
func compile(t testing.TB, text string) *schema.Registry {
	t.Helper()
	res, err := compiler.Compile([]string{"x.capnp"}, &compiler.Options{
		Files: fstest.MapFS{"x.capnp": {Data: []byte("@0x9eb32e19f86ee174;\n" + text)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Diags {
		t.Fatalf("%s: %s", d.File.Name(), d.Message)
	}
	return schema.NewRegistry(res.Request)
}

// liar answers what it likes.
type liar struct {
	reflection.UnimplementedReflection
	answer func(ids []uint64) []schema.Node
	asked  int
}

func (l *liar) Nodes(ctx context.Context, call reflection.ReflectionNodesCall) error {
	l.asked++
	nodes := l.answer(capnp.Slice(call.Params().Ids()))
	list := call.Results().NewNodes(len(nodes))
	for i, n := range nodes {
		capnp.SetStructAt(list, i, n)
	}
	return nil
}

func (l *liar) Interfaces(ctx context.Context, call reflection.ReflectionInterfacesCall) error {
	call.Results().SetIds(make([]uint64, 5000))
	return nil
}

// edit returns a changed copy of a node.
func edit(n schema.Node, f func(schema.NodeBuilder)) schema.Node {
	m := capnp.NewMessage(nil)
	b := schema.NewRootNode(m)
	capnp.BuilderOf(b).Root().SetStruct(capnp.Struct(n))
	f(schema.NodeBuilder(m.Root().EditStruct(schema.NodeSize, capnp.Ptr{})))
	return capnp.Root[schema.Node](m.Seal())
}

const text = `
interface I extends (J) { do @0 (a :S, b :E) -> (c :Box(S)); stream @1 (x :Text) -> stream; }
interface J { go @0 (); }
struct S { number @0 :UInt32 = 7; text @1 :Text = "x"; g :group { x @2 :UInt8; y @3 :Text; } union { p @4 :Void; q @5 :S; } i @6 :I; e @7 :E; }
enum E { one @0; two @1; }
struct Box(T) { t @0 :T; n @1 :List(Box(T)); }
`

// Whatever a host says that is not whole is refused.
func TestLies(t *testing.T) {
	honest := compile(t, text)
	find := func(name string) uint64 {
		t.Helper()
		for n := range honest.All() {
			if strings.HasSuffix(n.DisplayName(), name) {
				return n.Id()
			}
		}
		t.Fatal("nothing is called " + name)
		return 0
	}
	i, j, s, e, box, group := find(":I"), find(":J"), find(":S"), find(":E"), find(":Box"), find(":S.g")
	params := find("do$Params")
	field := func(b schema.NodeBuilder, n int) schema.FieldBuilder { return b.EditStruct().EditFields().At(n) }
	tests := []struct {
		name string
		id   uint64
		lie  func(schema.NodeBuilder)
		err  string
	}{
		{"another id", s, func(b schema.NodeBuilder) { b.SetId(1<<63 | 5) }, "the host has no schema"},
		{"the id of another node", s, func(b schema.NodeBuilder) { b.SetId(e) }, "referred to as"},
		{"another sort", e, func(b schema.NodeBuilder) { b.NewInterface() }, "it is an interface, and is referred to as an enum"},
		{"a struct as a group", s, func(b schema.NodeBuilder) { b.EditStruct().SetIsGroup(true) }, "referred to as a struct"},
		{"a group as a struct", group, func(b schema.NodeBuilder) { b.EditStruct().SetIsGroup(false) }, "referred to as a group"},
		{"a group of another struct", group, func(b schema.NodeBuilder) { b.SetScopeId(box) }, "group of another struct"},
		{"a group of another size", group, func(b schema.NodeBuilder) { b.EditStruct().SetDataWordCount(99) }, "another size"},
		{"a group that contains itself", group, func(b schema.NodeBuilder) {
			field(b, 0).NewGroup().SetTypeId(group)
		}, "group is referred to twice"},
		{"one group twice", s, func(b schema.NodeBuilder) { field(b, 0).NewGroup().SetTypeId(group) }, "group is referred to twice"},
		{"no name", s, func(b schema.NodeBuilder) { b.SetDisplayName("") }, "its name is empty"},
		{"a name that moves the cursor", s, func(b schema.NodeBuilder) { b.SetDisplayName("x\x1b[2J") }, "cannot be printed"},
		{"a name that turns the text around", s, func(b schema.NodeBuilder) { b.SetDisplayName("x\u202e") }, "cannot be printed"},
		{"a long name", s, func(b schema.NodeBuilder) { b.SetDisplayName(strings.Repeat("x", 600)) }, "too long"},
		{"a prefix beyond the name", s, func(b schema.NodeBuilder) { b.SetDisplayNamePrefixLength(1 << 31) }, "shorter than the prefix"},
		{"a field outside", s, func(b schema.NodeBuilder) { field(b, 0).EditSlot().SetOffset(1 << 30) }, "outside of the struct"},
		{"a field far outside", s, func(b schema.NodeBuilder) { field(b, 0).EditSlot().SetOffset(1<<32 - 1) }, "outside of the struct"},
		{"a pointer outside", s, func(b schema.NodeBuilder) { field(b, 1).EditSlot().SetOffset(1 << 16) }, "outside of the struct"},
		{"a size too small", s, func(b schema.NodeBuilder) { b.EditStruct().SetDataWordCount(0) }, "outside"},
		{"a default of another type", s, func(b schema.NodeBuilder) { field(b, 0).EditSlot().EditDefaultValue().SetText("x") }, "default is of another type"},
		{"a field without a name", s, func(b schema.NodeBuilder) { field(b, 0).SetName("") }, "empty"},
		{"a field with a path for a name", s, func(b schema.NodeBuilder) { field(b, 0).SetName("a.b") }, "is no name"},
		{"two fields of one name", s, func(b schema.NodeBuilder) { field(b, 0).SetName("text") }, "two members"},
		{"a tag twice", s, func(b schema.NodeBuilder) { field(b, 0).SetDiscriminantValue(0) }, "tag of"},
		{"a tag too large", s, func(b schema.NodeBuilder) { field(b, 0).SetDiscriminantValue(9) }, "tag of number"},
		{"a union without members", s, func(b schema.NodeBuilder) { b.EditStruct().SetDiscriminantCount(3) }, "lacks members"},
		{"a tag outside", s, func(b schema.NodeBuilder) { b.EditStruct().SetDiscriminantOffset(1<<32 - 1) }, "tag of its union lies outside"},
		{"an enum whose values share a name", e, func(b schema.NodeBuilder) { b.EditEnum().EditEnumerants().At(0).SetName("two") }, "two members"},
		{"methods that share a name", i, func(b schema.NodeBuilder) { b.EditInterface().EditMethods().At(0).SetName("stream") }, "two members"},
		{"a method's parameters are an enum", i, func(b schema.NodeBuilder) { b.EditInterface().EditMethods().At(0).SetParamStructType(e) }, "referred to as"},
		{"an interface that extends itself", i, func(b schema.NodeBuilder) { b.EditInterface().EditSuperclasses().At(0).SetId(i) }, "extends itself"},
		{"interfaces that extend each other", j, func(b schema.NodeBuilder) {
			b.EditInterface().NewSuperclasses(1).At(0).SetId(i)
		}, "inherits from itself"},
		{"an interface that extends a struct", j, func(b schema.NodeBuilder) {
			b.EditInterface().NewSuperclasses(1).At(0).SetId(s)
		}, "as"},
		{"a reference to nothing", i, func(b schema.NodeBuilder) {
			b.EditInterface().EditMethods().At(0).SetParamStructType(1<<63 | 77)
		}, "the host has no schema"},
		{"a reference to an id that is none", i, func(b schema.NodeBuilder) {
			b.EditInterface().EditMethods().At(0).SetParamStructType(77)
		}, "the id is none"},
		{"lists that nest too deeply", params, func(b schema.NodeBuilder) {
			typ := field(b, 0).EditSlot().EditType()
			for range 17 {
				typ = typ.NewList().NewElementType()
			}
			typ.SetText()
			field(b, 0).EditSlot().EditDefaultValue().NewList()
		}, "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &liar{answer: func(ids []uint64) []schema.Node {
				var out []schema.Node
				for _, id := range ids {
					n, ok := honest.Node(id)
					if !ok {
						continue
					}
					if id == tt.id {
						n = edit(n, tt.lie)
					}
					out = append(out, n)
				}
				return out
			}}
			reg, err := reflection.Fetch(t.Context(), reflection.NewReflection(l), nil, nil, i)
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			if reg != nil {
				t.Error("a registry in spite of the error")
			}
		})
	}
	// Without lies the same way works.
	l := &liar{answer: func(ids []uint64) []schema.Node {
		var out []schema.Node
		for _, id := range ids {
			n, _ := honest.Node(id)
			out = append(out, edit(n, func(schema.NodeBuilder) {}))
		}
		return out
	}}
	if _, err := reflection.Fetch(t.Context(), reflection.NewReflection(l), nil, nil, i); err != nil {
		t.Error("the truth is refused:", err)
	}
}

// A node that is known is not replaced by what a host says under its id, and what the host says may not contradict it.
func TestKnownNodesStay(t *testing.T) {
	honest, base := compile(t, text), load(t, zoo.ZooSchema())
	cage, err := dynamic.FindStruct(base, "Cage")
	if err != nil {
		t.Fatal(err)
	}
	j, err := dynamic.FindInterface(honest, "J")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(nodes ...schema.Node) reflection.Reflection {
		return reflection.NewReflection(&liar{answer: func([]uint64) []schema.Node { return nodes }})
	}
	// It sends a known node, and one that nobody asked for, beside what was asked for.
	mine := edit(cage.Node(), func(b schema.NodeBuilder) { b.SetDisplayName("mine") })
	stray := edit(cage.Node(), func(b schema.NodeBuilder) { b.SetId(1<<63 | 9) })
	params, _ := honest.Node(j.Node().Interface().Methods().At(0).ParamStructType())
	results, _ := honest.Node(j.Node().Interface().Methods().At(0).ResultStructType())
	reg, err := reflection.Fetch(t.Context(), serve(mine, stray, j.Node(), params, results), base, nil, j.ID())
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := reg.Node(cage.ID()); n != cage.Node() {
		t.Error("a known node was replaced")
	}
	if _, ok := reg.Node(1<<63 | 9); ok {
		t.Error("a node that nobody asked for was taken")
	}
	// It says that a known struct is an interface.
	n := edit(j.Node(), func(b schema.NodeBuilder) { b.EditInterface().NewSuperclasses(1).At(0).SetId(cage.ID()) })
	if _, err := reflection.Fetch(t.Context(), serve(n), base, nil, j.ID()); err == nil || !strings.Contains(err.Error(), "known to be a struct") {
		t.Errorf("a known struct as an interface: %v", err)
	}
	// It says two things of one node.
	n = edit(j.Node(), func(b schema.NodeBuilder) { b.SetDisplayName("another") })
	if _, err := reflection.Fetch(t.Context(), serve(j.Node(), n), nil, nil, j.ID()); err == nil || !strings.Contains(err.Error(), "not the same") {
		t.Errorf("two things of one node: %v", err)
	}
}

func TestLimits(t *testing.T) {
	honest := compile(t, text)
	i, err := dynamic.FindInterface(honest, "I")
	if err != nil {
		t.Fatal(err)
	}
	slow := &liar{answer: func(ids []uint64) []schema.Node {
		n, _ := honest.Node(ids[0])
		return []schema.Node{n}
	}}
	rounds := 0
	if _, err := reflection.Fetch(t.Context(), reflection.NewReflection(slow), nil, nil, i.ID()); err != nil {
		t.Fatal(err)
	}
	rounds = slow.asked
	tests := []struct {
		name string
		o    reflection.Options
		err  string
	}{
		{"nodes", reflection.Options{MaxNodes: rounds - 1}, "too many nodes"},
		{"rounds", reflection.Options{MaxRounds: rounds - 1}, "too many rounds"},
		{"bytes", reflection.Options{MaxBytes: 500}, "too large"},
	}
	for _, tt := range tests {
		if _, err := reflection.Fetch(t.Context(), reflection.NewReflection(slow), nil, &tt.o, i.ID()); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
	// At the limit.
	if _, err := reflection.Fetch(t.Context(), reflection.NewReflection(slow), nil, &reflection.Options{MaxNodes: rounds, MaxRounds: rounds + 1}, i.ID()); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	// One answer that is enormous.
	n, _ := honest.Node(i.ID())
	huge := edit(n, func(b schema.NodeBuilder) { b.NewAnnotations(1).At(0).NewValue().SetData(make([]byte, 9<<20)) })
	lie := &liar{answer: func([]uint64) []schema.Node { return []schema.Node{huge} }}
	if _, err := reflection.Fetch(t.Context(), reflection.NewReflection(lie), nil, nil, i.ID()); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("9 MiB: %v", err)
	}
	if _, err := reflection.Interfaces(t.Context(), reflection.NewReflection(lie), nil); err == nil || !strings.Contains(err.Error(), "5000 interfaces") {
		t.Errorf("5000 interfaces: %v", err)
	}
	// The server has limits, too.
	call := offer(t, "Named").Nodes(t.Context(), func(b reflection.ReflectionNodesParamsBuilder) { b.SetIds(make([]uint64, 1025)) })
	if _, err := call.Wait(); err == nil {
		t.Error("asked for 1025 nodes at once")
	}
}

// A large schema takes several answers.
func TestFetchInSeveralRounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("interface I { do @0 (s :S0); }\n")
	const n = 3000
	for i := range n {
		b.WriteString("struct S" + strconv.Itoa(i) + " { next @0 :S" + strconv.Itoa((i+1)%n) + "; }\n")
	}
	reg := compile(t, b.String())
	i, err := dynamic.FindInterface(reg, "I")
	if err != nil {
		t.Fatal(err)
	}
	r, err := reflection.Offer(reg, i.ID())
	if err != nil {
		t.Fatal(err)
	}
	got, err := reflection.Fetch(t.Context(), r, nil, nil, i.ID())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for range got.All() {
		count++
	}
	if count != n+3 {
		t.Errorf("%d nodes, want %d", count, n+3)
	}
}
