package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lanyard.dev/store"
)

// node is an edge of the model: plain Go, nothing clever.
type node struct {
	id      store.EdgeID
	parent  *node
	label   string
	secret  store.Secret
	cuts    map[store.RevocationID]bool
	dropped bool
	expires time.Time
}

type cut struct {
	edge, by *node
	undone   bool
}

// model is what the ledger ought to be. The host is its nil node.
type model struct {
	t     *rapid.T
	h     *Harness
	nodes []*node
	cuts  map[store.RevocationID]*cut
	order []store.RevocationID
	now   time.Time
	flip  bool
}

func (n *node) active(now time.Time) bool {
	return len(n.cuts) == 0 && !n.dropped && (n.expires.IsZero() || now.Before(n.expires))
}

func (m *model) alive(n *node) bool {
	for ; n != nil; n = n.parent {
		if !n.active(m.now) {
			return false
		}
	}
	return true
}

// under reports whether n is strictly below by.
func under(by, n *node) bool {
	if n == nil {
		return false
	}
	for n = n.parent; n != nil; n = n.parent {
		if n == by {
			return true
		}
	}
	return by == nil
}

func (m *model) living() (out []store.EdgeID) {
	for _, n := range m.nodes {
		if m.alive(n) {
			out = append(out, n.id)
		}
	}
	return out
}

func id(n *node) store.EdgeID {
	if n == nil {
		return store.Host
	}
	return n.id
}

// replica alternates between the two.
func (m *model) replica() Store {
	m.flip = !m.flip
	if m.flip {
		return m.h.A
	}
	return m.h.B
}

func (m *model) node(name string) *node {
	return rapid.SampledFrom(m.nodes).Draw(m.t, name)
}

// actor is mostly one that may act on n.
func (m *model) actor(n *node) *node {
	above := []*node{nil}
	for p := n.parent; p != nil; p = p.parent {
		above = append(above, p)
	}
	if rapid.IntRange(0, 3).Draw(m.t, "anybody") == 0 {
		above = append(m.nodes[:len(m.nodes):len(m.nodes)], nil)
	}
	return rapid.SampledFrom(above).Draw(m.t, "by")
}

// may reports whether by may act on n.
func (m *model) may(by, n *node) bool { return m.alive(by) && under(by, n) }

func (m *model) want(what string, err error, allowed bool) bool {
	m.t.Helper()
	if allowed && err != nil || !allowed && err != store.ErrUnknown {
		m.t.Fatalf("%s: error %v, allowed %v", what, err, allowed)
	}
	return allowed
}

func (m *model) share() {
	by := m.node("parent")
	s := store.Share{Label: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.t, "label"), Stored: true}
	if rapid.IntRange(0, 4).Draw(m.t, "expiring") == 0 {
		s.Expires = m.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(m.t, "minutes")) * time.Minute)
	}
	e, secret, err := m.replica().Share(context.Background(), by.id, s)
	if m.alive(by) && m.holder(by, s.Label, nil) {
		if err != store.ErrLabel {
			m.t.Fatalf("share with a taken label: %v", err)
		}
		return
	}
	if m.want("share", err, m.alive(by)) {
		m.nodes = append(m.nodes, &node{id: e.ID, parent: by, label: s.Label, secret: secret, cuts: map[store.RevocationID]bool{}, expires: s.Expires})
	}
}

// holder reports whether an active child of by other than but has the label.
func (m *model) holder(by *node, label string, but *node) bool {
	return slices.ContainsFunc(m.nodes, func(n *node) bool {
		return n != but && n.parent == by && n.label == label && n.active(m.now)
	})
}

// change runs an operation and checks that the set of the living changed by just what it
// says it did.
func (m *model) change(what string, op func() store.Effect) {
	before := m.living()
	effect := op()
	after := m.living()
	var diff []store.EdgeID
	for _, id := range before {
		if !slices.Contains(after, id) {
			diff = append(diff, id)
		}
	}
	for _, id := range after {
		if !slices.Contains(before, id) {
			diff = append(diff, id)
		}
	}
	if got := ids(effect.Edges); !slices.Equal(got, diff) && len(got)+len(diff) > 0 || effect.Total != len(diff) {
		m.t.Fatalf("%s: effect %v, total %d, model %v", what, got, effect.Total, diff)
	}
}

func (m *model) revoke() {
	n := m.node("edge")
	by := m.actor(n)
	preview, perr := m.replica().Preview(context.Background(), id(by), n.id, 1000)
	m.change("revoke", func() store.Effect {
		r, err := m.replica().Revoke(context.Background(), id(by), n.id, "")
		if !m.want("revoke", err, m.may(by, n)) {
			m.want("preview", perr, false)
			return store.Effect{}
		}
		m.want("preview", perr, true)
		if !slices.Equal(ids(preview.Edges), ids(r.Effect.Edges)) || preview.Total != r.Effect.Total {
			m.t.Fatalf("preview %v, effect %v", ids(preview.Edges), ids(r.Effect.Edges))
		}
		n.cuts[r.ID] = true
		m.cuts[r.ID] = &cut{edge: n, by: by}
		m.order = append(m.order, r.ID)
		return r.Effect
	})
}

func (m *model) undo() {
	if len(m.order) == 0 {
		return
	}
	rid := rapid.SampledFrom(m.order).Draw(m.t, "revocation")
	c := m.cuts[rid]
	by := c.by
	if rapid.Bool().Draw(m.t, "by another") {
		by = m.actor(c.edge)
	}
	m.change("undo", func() store.Effect {
		e, err := m.replica().Undo(context.Background(), id(by), rid)
		allowed := m.alive(by) && (by == c.by || under(by, c.by) || by == nil)
		lives := len(c.edge.cuts) == 1 && !c.edge.dropped && (c.edge.expires.IsZero() || m.now.Before(c.edge.expires))
		if allowed && !c.undone && lives && m.holder(c.edge.parent, c.edge.label, c.edge) {
			if err != store.ErrLabel {
				m.t.Fatalf("undo with a taken label: %v", err)
			}
			return e
		}
		if m.want("undo", err, allowed) && !c.undone {
			c.undone = true
			delete(c.edge.cuts, rid)
		}
		return e
	})
}

func (m *model) drop() {
	n := m.node("edge")
	if n == m.nodes[0] {
		return
	}
	if err := m.replica().Drop(context.Background(), n.id); err != nil {
		m.t.Fatal(err)
	}
	n.dropped = n.dropped || m.alive(n)
}

func (m *model) pass() {
	d := time.Duration(rapid.IntRange(1, 20).Draw(m.t, "minutes")) * time.Minute
	m.h.Advance(d)
	m.now = m.now.Add(d)
}

// check compares everything.
func (m *model) check() {
	ctx := context.Background()
	l := m.replica()
	for _, n := range m.nodes {
		if got, want := restores(m.t, l, n.secret), m.alive(n); got != want {
			m.t.Fatalf("edge %d restores: %v, model %v", n.id, got, want)
		}
	}
	root := m.nodes[0]
	if !m.alive(root) {
		return
	}
	got, err := l.Below(ctx, root.id, store.Query{AliveOnly: true})
	if err != nil {
		m.t.Fatal(err)
	}
	if want := m.living()[1:]; !slices.Equal(ids(got), want) && len(got)+len(want) > 0 {
		m.t.Fatalf("living %v, model %v", ids(got), want)
	}
	for _, e := range got {
		i := slices.IndexFunc(m.nodes, func(n *node) bool { return n.id == e.ID })
		r, err := l.Resolve(ctx, e.Parent, e.Label)
		if err != nil || r.ID != e.ID || m.nodes[i].label != e.Label {
			m.t.Fatalf("resolve %q below %d: %d, %v, want %d", e.Label, e.Parent, r.ID, err, e.ID)
		}
	}
}

// testModel plays random operations, on both replicas in turn, against the
// model: who lives, what a preview says, what a revocation kills and an undo
// brings back, who may.
func testModel(t *testing.T, h *Harness) {
	h.Advance(time.Hour) // the clock stands: only pass moves it
	game := 0
	property(t, func(rt *rapid.T) {
		game++
		e, secret, err := h.A.Share(context.Background(), store.Host, store.Share{Label: fmt.Sprint("game", game), Object: "o", Stored: true})
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{t: rt, h: h, cuts: map[store.RevocationID]*cut{}, now: e.Created}
		m.nodes = []*node{{id: e.ID, label: e.Label, secret: secret, cuts: map[store.RevocationID]bool{}}}
		ops := []func(){m.share, m.share, m.share, m.share, m.revoke, m.revoke, m.undo, m.undo, m.drop, m.pass}
		for range rapid.IntRange(5, 40).Draw(rt, "operations") {
			rapid.SampledFrom(ops).Draw(rt, "operation")()
		}
		m.check()
	})
}
