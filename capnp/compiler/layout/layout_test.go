package layout_test

import (
	"testing"

	"lanyard.dev/capnp/compiler/layout"
)

func field(ordinal int, size layout.Size) *layout.Member {
	return &layout.Member{Kind: layout.Field, Ordinal: ordinal, Size: size}
}

func group(members ...*layout.Member) *layout.Member {
	return &layout.Member{Kind: layout.Group, Ordinal: layout.NoOrdinal, Members: members}
}

func union(members ...*layout.Member) *layout.Member {
	return &layout.Member{Kind: layout.Union, Ordinal: layout.NoOrdinal, Members: members}
}

// places are the offsets of all fields and unions, depth first.
func places(l *layout.Layout, members []*layout.Member) []uint32 {
	var all []uint32
	for _, m := range members {
		if m.Kind != layout.Group {
			all = append(all, l.Offset(m))
		}
		all = append(all, places(l, m.Members)...)
	}
	return all
}

func TestCompute(t *testing.T) {
	for _, tt := range []struct {
		name       string
		members    []*layout.Member
		data, ptrs uint32
		want       []uint32
	}{
		{"empty", nil, 0, 0, nil},
		{"void takes no room", []*layout.Member{field(0, layout.Void)}, 0, 0, []uint32{0}},
		{
			"small fields fill the holes before large ones", []*layout.Member{
				field(0, layout.Bit), field(1, layout.EightBytes), field(2, layout.Byte),
				field(3, layout.FourBytes), field(4, layout.Bit), field(5, layout.Pointer),
			}, 2, 1, []uint32{0, 1, 1, 1, 1, 0},
		},
		{
			"source order does not matter", []*layout.Member{
				field(1, layout.EightBytes), field(0, layout.Bit),
			}, 2, 0, []uint32{1, 0},
		},
		{
			"the tag goes just before the second member", []*layout.Member{
				union(field(0, layout.FourBytes), field(1, layout.FourBytes)),
			}, 1, 0, []uint32{2, 0, 0},
		},
		{
			"an explicit ordinal moves the tag", []*layout.Member{
				{Kind: layout.Union, Ordinal: 0, Members: []*layout.Member{
					field(1, layout.FourBytes), field(2, layout.FourBytes),
				}},
			}, 1, 0, []uint32{0, 1, 1},
		},
		{
			"members share pointers", []*layout.Member{
				union(field(0, layout.Pointer), group(field(1, layout.Pointer), field(2, layout.Pointer))),
			}, 1, 2, []uint32{0, 0, 0, 1},
		},
		{
			"a location grows in place", []*layout.Member{
				union(field(0, layout.Byte), field(1, layout.TwoBytes)),
			}, 1, 0, []uint32{1, 0, 0},
		},
		{
			"void members count for the tag", []*layout.Member{
				union(field(0, layout.Void), field(1, layout.Void)), field(2, layout.TwoBytes),
			}, 1, 0, []uint32{0, 0, 0, 1},
		},
	} {
		l := layout.Compute(tt.members, nil)
		got := places(l, tt.members)
		if l.DataWords != tt.data || l.Pointers != tt.ptrs || !equal(got, tt.want) || len(l.Findings) > 0 {
			t.Errorf("%s: got %d data words, %d pointers, offsets %v, findings %v; want %d, %d, %v",
				tt.name, l.DataWords, l.Pointers, got, l.Findings, tt.data, tt.ptrs, tt.want)
		}
	}
}

func equal(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestComputeFindsLateOrdinal(t *testing.T) {
	u := union(field(0, layout.Byte), field(1, layout.Byte))
	u.Ordinal = 2
	l := layout.Compute([]*layout.Member{u}, nil)
	want := layout.Finding{Problem: layout.LateOrdinal, Member: u}
	if len(l.Findings) != 1 || l.Findings[0] != want {
		t.Errorf("got findings %v, want only LateOrdinal at the union", l.Findings)
	}
	u.Ordinal, u.Members[1].Ordinal = 1, 2
	if l := layout.Compute([]*layout.Member{u}, nil); len(l.Findings) != 0 {
		t.Errorf("ordinal between the members: got findings %v, want none", l.Findings)
	}
}

// nested344 is the shape that Cap'n Proto 0.5 laid out wrongly: the location
// of a union within a union grows.
func nested344() []*layout.Member {
	return []*layout.Member{union(
		field(0, layout.Byte),
		group(union(field(1, layout.Byte), field(2, layout.TwoBytes))),
	)}
}

func TestComputeRefusesIssue344(t *testing.T) {
	l := layout.Compute(nested344(), nil)
	if len(l.Findings) != 1 || l.Findings[0].Problem != layout.Issue344 || l.Findings[0].Member.Ordinal != 2 {
		t.Errorf("got findings %v, want Issue344 at @2", l.Findings)
	}
	l = layout.Compute(nested344(), &layout.Options{IgnoreIssue344: true})
	if len(l.Findings) != 0 {
		t.Errorf("ignored: got findings %v", l.Findings)
	}
}

func TestComputeBoundsItsWork(t *testing.T) {
	// Each location of the union is one bit that cannot grow.
	u := union(group(), group())
	members := []*layout.Member{u}
	ordinal := 0
	add := func(to *[]*layout.Member, size layout.Size) {
		*to = append(*to, field(ordinal, size))
		ordinal++
	}
	for range 20_000 {
		add(&u.Members[0].Members, layout.Bit)
		add(&members, layout.Bit)
	}
	for range 20_000 {
		add(&u.Members[1].Members, layout.EightBytes)
	}
	l := layout.Compute(members, nil)
	if n := len(l.Findings); n != 1 || l.Findings[0].Problem != layout.TooComplex {
		t.Errorf("got findings %v, want TooComplex", l.Findings)
	}
}
