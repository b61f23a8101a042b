package narrow

import (
	"cmp"
	"slices"
	"testing"
)

// TestJudged: what conditions do not look at is told.
func TestJudged(t *testing.T) {
	only := func(names ...string) (out []Method) {
		for _, name := range names {
			out = append(out, methodOf(deskMethod(t, name)))
		}
		return out
	}
	for _, tt := range []struct {
		name           string
		n              Narrowing
		judged, others []Method
	}{
		{"one method", Narrowing{Where: []string{`send.text == "a"`}, Methods: only("send", "find")}, only("send"), only("find")},
		{"those that are left", Narrowing{Where: []string{`send.text == "a"`}, Methods: only("send")}, only("send"), nil},
		{"read-only", Narrowing{Where: []string{`find.limit < 3`}, ReadOnly: true}, only("find"), only("ping", "get")},
		{"a condition on all methods leaves those that have the field", Narrowing{Where: []string{`prefix == "a"`}}, only("find"), nil},
		{"two conditions", Narrowing{Where: []string{`find.limit < 3`, `send.urgent`}, Methods: only("send", "find")}, only("send", "find"), nil},
		{"none", Narrowing{Methods: only("stop")}, nil, only("stop")},
	} {
		tt.n.Interface = deskID
		judged, others, err := tt.n.Judged(registry(t))
		sorted := func(m []Method) []Method {
			return slices.SortedFunc(slices.Values(m), func(a, b Method) int {
				return cmp.Or(cmp.Compare(a.InterfaceID, b.InterfaceID), cmp.Compare(a.MethodID, b.MethodID))
			})
		}
		if err != nil || !slices.Equal(sorted(judged), sorted(tt.judged)) || !slices.Equal(sorted(others), sorted(tt.others)) {
			t.Errorf("%s: %v, %v, %v, want %v, %v", tt.name, judged, others, err, tt.judged, tt.others)
		}
	}
	for _, n := range []Narrowing{{Interface: deskID, Where: []string{"nothing.there == 1"}}, {Interface: 1}} {
		if _, _, err := n.Judged(registry(t)); err == nil {
			t.Errorf("%v: no error", n)
		}
	}
}
