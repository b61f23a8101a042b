package layout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/layout"
)

// TestComputeEqualsUpstream lays out random structs with both compilers.
func TestComputeEqualsUpstream(t *testing.T) {
	need(t, "capnp")
	g := &generator{rand: rand.New(rand.NewPCG(1, 2))}
	var accepted, refused [][]*layout.Member
	for len(accepted) < 1000 {
		members := g.structure()
		if l := layout.Compute(members, nil); len(l.Findings) == 0 {
			accepted = append(accepted, members)
		} else if len(refused) < 10 {
			refused = append(refused, members)
		}
	}

	got := compileUpstream(t, accepted, true)
	for i, members := range accepted {
		l := layout.Compute(members, nil)
		want := fmt.Sprintf("%d %d %v", l.DataWords, l.Pointers, places(l, members))
		if upstream := got.describe(fmt.Sprintf("S%d", i)); want != upstream {
			t.Errorf("ours  %s\ntheirs %s\n%s", want, upstream, text(members))
		}
	}
	for _, members := range refused {
		if compileUpstream(t, [][]*layout.Member{members}, false) != nil {
			t.Errorf("upstream accepts what we refuse because of issue 344:\n%s", text(members))
		}
	}
	if len(refused) == 0 {
		t.Error("no random struct met issue 344: the generator is too tame")
	}
}

func need(t *testing.T, program string) {
	t.Helper()
	policy := os.Getenv("LANYARD_INTEROP")
	if policy == "off" {
		t.Skip("LANYARD_INTEROP=off")
	}
	if _, err := exec.LookPath(program); err != nil {
		if policy == "require" {
			t.Fatalf("LANYARD_INTEROP=require: %v", err)
		}
		t.Skipf("peer missing: %v", err)
	}
}

// generator makes random structs.
type generator struct {
	rand  *rand.Rand
	order []int // unused ordinals
}

var sizes = []layout.Size{
	layout.Void, layout.Bit, layout.Bit, layout.Byte, layout.TwoBytes, layout.FourBytes,
	layout.FourBytes, layout.EightBytes, layout.Pointer,
}

func (g *generator) structure() []*layout.Member {
	const most = 400
	g.order = g.rand.Perm(most)
	members := g.members(1+g.rand.IntN(8), 0)
	renumber(members)
	return members
}

func (g *generator) members(n, depth int) []*layout.Member {
	var all []*layout.Member
	for range n {
		all = append(all, g.member(depth))
	}
	return all
}

func (g *generator) member(depth int) *layout.Member {
	ordinal := g.order[0]
	g.order = g.order[1:]
	kind := layout.Field
	if depth < 3 {
		kind = []layout.Kind{layout.Field, layout.Field, layout.Union, layout.Group}[g.rand.IntN(4)]
	}
	switch kind {
	case layout.Group:
		return group(g.members(1+g.rand.IntN(3), depth+1)...)
	case layout.Union:
		return union(g.members(2+g.rand.IntN(3), depth+1)...)
	}
	return field(ordinal, sizes[g.rand.IntN(len(sizes))])
}

// renumber makes the ordinals sequential, keeping their order.
func renumber(members []*layout.Member) {
	var all []*layout.Member
	var collect func([]*layout.Member)
	collect = func(members []*layout.Member) {
		for _, m := range members {
			if m.Kind == layout.Field {
				all = append(all, m)
			}
			collect(m.Members)
		}
	}
	collect(members)
	rank := map[int]int{}
	for _, m := range all {
		for _, n := range all {
			if n.Ordinal < m.Ordinal {
				rank[m.Ordinal]++
			}
		}
	}
	for _, m := range all {
		m.Ordinal = rank[m.Ordinal]
	}
}

var typeNames = map[layout.Size]string{
	layout.Void: "Void", layout.Bit: "Bool", layout.Byte: "UInt8", layout.TwoBytes: "Int16",
	layout.FourBytes: "Float32", layout.EightBytes: "UInt64", layout.Pointer: "Text",
}

// text is the members as a schema writes them.
func text(members []*layout.Member) string {
	var b strings.Builder
	var write func([]*layout.Member, string)
	write = func(members []*layout.Member, indent string) {
		for i, m := range members {
			switch m.Kind {
			case layout.Field:
				fmt.Fprintf(&b, "%sm%d @%d :%s;\n", indent, i, m.Ordinal, typeNames[m.Size])
				continue
			case layout.Group:
				fmt.Fprintf(&b, "%sm%d :group {\n", indent, i)
			case layout.Union:
				fmt.Fprintf(&b, "%sm%d :union {\n", indent, i)
			}
			write(m.Members, indent+"  ")
			fmt.Fprintf(&b, "%s}\n", indent)
		}
	}
	write(members, "  ")
	return b.String()
}

// request is what is needed of a CodeGeneratorRequest in JSON form.
type request map[string]node

type node struct {
	ID          string
	DisplayName string
	Struct      struct {
		DataWordCount, PointerCount           uint32
		DiscriminantCount, DiscriminantOffset uint32
		Fields                                []struct {
			CodeOrder int
			Slot      *struct{ Offset uint32 }
			Group     *struct{ TypeID string }
		}
	}
}

// compileUpstream compiles structs S0, S1, …. It returns nil if upstream refuses.
func compileUpstream(t *testing.T, structs [][]*layout.Member, must bool) request {
	t.Helper()
	var b strings.Builder
	b.WriteString("@0xaaaaaaaaaaaaaaaa;\n")
	for i, members := range structs {
		fmt.Fprintf(&b, "struct S%d {\n%s}\n", i, text(members))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "s.capnp"), []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	compile := exec.Command("capnp", "compile", "-o-", "s.capnp")
	compile.Dir = dir
	message, err := compile.Output()
	if err != nil && !must {
		return nil
	}
	if err != nil {
		t.Fatalf("capnp compile: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	convert := exec.Command("capnp", "convert", "binary:json", "/capnp/schema.capnp", "CodeGeneratorRequest")
	convert.Dir = dir
	schema, err := filepath.Abs("../../schemas/capnp/schema.capnp")
	if err != nil {
		t.Fatal(err)
	}
	convert.Args[3] = schema
	convert.Args = append(convert.Args, "--no-standard-import", "-I"+filepath.Dir(filepath.Dir(schema)))
	convert.Stdin = bytes.NewReader(message)
	out, err := convert.Output()
	if err != nil {
		t.Fatalf("capnp convert: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	var decoded struct{ Nodes []node }
	if err := json.Unmarshal(out, &decoded); err != nil {
		t.Fatal(err)
	}
	r := request{}
	for _, n := range decoded.Nodes {
		_, name, _ := strings.Cut(n.DisplayName, ":")
		r[name] = n
		r[n.ID] = n
	}
	return r
}

// describe is the same text that the test makes of our Layout.
func (r request) describe(name string) string {
	n := r[name].Struct
	return fmt.Sprintf("%d %d %v", n.DataWordCount, n.PointerCount, r.places(name))
}

func (r request) places(name string) []uint32 {
	fields := r[name].Struct.Fields
	var all []uint32
	for order := range fields {
		for _, f := range fields {
			if f.CodeOrder != order {
				continue
			}
			if f.Slot != nil {
				all = append(all, f.Slot.Offset)
				continue
			}
			group := r[f.Group.TypeID]
			if group.Struct.DiscriminantCount > 0 {
				all = append(all, group.Struct.DiscriminantOffset)
			}
			all = append(all, r.places(f.Group.TypeID)...)
		}
	}
	return all
}
