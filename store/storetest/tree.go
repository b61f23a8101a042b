package storetest

import (
	"slices"
	"sync"
	"testing"

	"lanyard.dev/store"
)

func testLists(t *testing.T, h *Harness) {
	ctx := t.Context()
	root, _ := share(t, h.A, store.Host, store.Share{Label: "root"})
	bob, _ := share(t, h.A, root.ID, store.Share{Label: "bob"})
	carol, _ := share(t, h.A, root.ID, store.Share{Label: "carol"})
	dave, _ := share(t, h.A, bob.ID, store.Share{Label: "dave"})
	erin, _ := share(t, h.A, dave.ID, store.Share{Label: "erin"})
	share(t, h.A, store.Host, store.Share{Label: "elsewhere"})
	r := revoke(t, h.A, root.ID, dave.ID)
	for _, test := range []struct {
		name string
		by   store.EdgeID
		q    store.Query
		want []store.EdgeID
	}{
		{"all", root.ID, store.Query{}, []store.EdgeID{bob.ID, carol.ID, dave.ID, erin.ID}},
		{"children", root.ID, store.Query{Depth: 1}, []store.EdgeID{bob.ID, carol.ID}},
		{"two deep", root.ID, store.Query{Depth: 2}, []store.EdgeID{bob.ID, carol.ID, dave.ID}},
		{"alive", root.ID, store.Query{AliveOnly: true}, []store.EdgeID{bob.ID, carol.ID}},
		{"below bob", root.ID, store.Query{Under: bob.ID}, []store.EdgeID{dave.ID, erin.ID}},
		{"below a dead one", root.ID, store.Query{Under: dave.ID}, []store.EdgeID{erin.ID}},
		{"alive below a dead one", root.ID, store.Query{Under: dave.ID, AliveOnly: true}, nil},
		{"a leaf", carol.ID, store.Query{}, nil},
		{"first page", root.ID, store.Query{Max: 3}, []store.EdgeID{bob.ID, carol.ID, dave.ID}},
		{"second page", root.ID, store.Query{Max: 3, After: dave.ID}, []store.EdgeID{erin.ID}},
	} {
		got, err := h.B.Below(ctx, test.by, test.q)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got2 := ids(got)
		if len(got2) == 0 {
			got2 = nil
		}
		wantIDs(t, test.name, got2, test.want)
		for _, e := range got {
			if alive := e.ID != dave.ID && e.ID != erin.ID; e.Alive != alive {
				t.Errorf("%s: %s alive %v", test.name, e.Label, e.Alive)
			}
			if state := e.State; (state == store.Revoked) != (e.ID == dave.ID) {
				t.Errorf("%s: %s is %v", test.name, e.Label, state)
			}
		}
	}
	if got := must[[]store.Edge](t)(h.B.Below(ctx, store.Host, store.Query{Depth: 1})); !slices.Equal(labels(got), []string{"root", "elsewhere"}) {
		t.Errorf("the host sees %q", labels(got))
	}
	if _, err := h.B.Below(ctx, root.ID, store.Query{Max: -1}); err == nil {
		t.Error("a negative page")
	}

	// The log of an edge is that of everything below it.
	must[store.Effect](t)(h.A.Undo(ctx, root.ID, r.ID))
	must[store.Secret](t)(h.B.Rotate(ctx, bob.ID, dave.ID))
	if err := h.A.Drop(ctx, erin.ID); err != nil {
		t.Fatal(err)
	}
	verbs := func(by, edge store.EdgeID, after store.EntryID, max int) (out []string, last store.EntryID) {
		t.Helper()
		for _, e := range must[[]store.Entry](t)(h.B.Log(ctx, by, edge, after, max)) {
			if e.At.IsZero() || e.ID <= after {
				t.Errorf("entry %+v", e)
			}
			out, last = append(out, e.Label+" "+e.Verb.String()), e.ID
		}
		return out, last
	}
	want := []string{"bob shared", "dave shared", "erin shared", "dave revoked", "dave undone", "dave rotated", "erin dropped"}
	got, _ := verbs(root.ID, bob.ID, 0, 100)
	if !slices.Equal(got, want) {
		t.Errorf("log %q, want %q", got, want)
	}
	first, last := verbs(root.ID, bob.ID, 0, 4)
	rest, _ := verbs(root.ID, bob.ID, last, 100)
	if !slices.Equal(append(first, rest...), want) {
		t.Errorf("log in pages %q, %q", first, rest)
	}
	if got, _ := verbs(store.Host, store.Host, 0, 100); len(got) != len(want)+3 {
		t.Errorf("the host's log %q", got)
	}

	// Revocations, newest first.
	revoke(t, h.A, bob.ID, dave.ID)
	rs := must[[]store.Revocation](t)(h.B.Revocations(ctx, root.ID, 10))
	if len(rs) != 2 || rs[0].By != bob.ID || rs[1].ID != r.ID || rs[1].Undone.IsZero() || !rs[0].Undone.IsZero() ||
		rs[0].Label != "dave" || rs[0].Reason != "test" || rs[0].Cursor <= rs[1].Cursor || rs[1].Cursor != r.Cursor {
		t.Errorf("revocations %+v", rs)
	}
	if rs := must[[]store.Revocation](t)(h.B.Revocations(ctx, bob.ID, 10)); len(rs) != 1 || rs[0].By != bob.ID {
		t.Errorf("bob's revocations %+v", rs)
	}
}

func testWhy(t *testing.T, h *Harness) {
	ctx := t.Context()
	edges, _ := line(t, h.A, store.Host, "alice", "bob", "carol", "dave")
	alice, bob, carol, dave := edges[0].ID, edges[1].ID, edges[2].ID, edges[3].ID
	why := must[store.Explanation](t)(h.B.Why(ctx, alice, dave))
	if why.Cause != nil || why.Revocation != nil || !slices.Equal(labels(why.Chain), []string{"alice", "bob", "carol", "dave"}) || why.Chain[3].From != "carol" {
		t.Errorf("why of a live edge: %+v", why)
	}
	revoke(t, h.A, bob, carol)
	r, err := h.A.Revoke(ctx, alice, bob, "bob has left")
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []store.EdgeID{store.Host, alice, dave} { // dave is dead and asks about himself
		why := must[store.Explanation](t)(h.B.Why(ctx, by, dave))
		if why.Cause == nil || why.Cause.ID != bob || why.Revocation == nil || why.Revocation.ID != r.ID || why.Revocation.Reason != "bob has left" {
			t.Errorf("by %d: cause %+v, revocation %+v", by, why.Cause, why.Revocation)
		}
	}
	if err := h.A.Drop(ctx, alice); err != nil {
		t.Fatal(err)
	}
	if why := must[store.Explanation](t)(h.B.Why(ctx, store.Host, dave)); why.Cause == nil || why.Cause.State != store.Dropped || why.Revocation != nil {
		t.Errorf("why below a dropped edge: %+v", why.Cause)
	}
}

func testDrop(t *testing.T, h *Harness) {
	ctx := t.Context()
	edges, secrets := line(t, h.A, store.Host, "alice", "bob", "carol")
	alice, bob := edges[0].ID, edges[1].ID
	for range 2 { // the second time is no error, and nothing
		if err := h.B.Drop(ctx, bob); err != nil {
			t.Fatal(err)
		}
	}
	if !restores(t, h.A, secrets[0]) || restores(t, h.A, secrets[1]) || restores(t, h.A, secrets[2]) {
		t.Error("a drop ends the edge and what is below it, nothing else")
	}
	for _, id := range []store.EdgeID{0, -1, 1 << 40} {
		if err := h.A.Drop(ctx, id); err != nil {
			t.Errorf("drop %d: %v", id, err)
		}
	}
	// A revocation of what is dropped can be undone, the drop cannot.
	r := revoke(t, h.A, alice, bob)
	if r.Effect.Total != 0 {
		t.Errorf("revoking what is dropped affects %d", r.Effect.Total)
	}
	if e := must[store.Effect](t)(h.A.Undo(ctx, alice, r.ID)); e.Total != 0 || restores(t, h.A, secrets[1]) {
		t.Error("an undo brought a dropped edge back")
	}
	// A drop of what is revoked does nothing, so the undo is whole.
	eve, s := share(t, h.A, alice, store.Share{Label: "eve"})
	r = revoke(t, h.A, alice, eve.ID)
	if err := h.A.Drop(ctx, eve.ID); err != nil {
		t.Fatal(err)
	}
	must[store.Effect](t)(h.A.Undo(ctx, alice, r.ID))
	if !restores(t, h.A, s) {
		t.Error("a drop while revoked outlived the undo")
	}
	if n := len(must[[]store.Event](t)(h.A.Since(ctx, 0, 100))); n != 5 {
		t.Errorf("%d events, want 5: a drop that does nothing is none", n)
	}

	// Release: a live share that nothing hangs below.
	live := func(by store.EdgeID, label string) store.EdgeID {
		e, _, err := h.A.Share(ctx, by, store.Share{Label: label})
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	lone, parent := live(alice, "lone"), live(alice, "parent")
	kept, ks := share(t, h.A, parent, store.Share{Label: "kept"})
	for _, id := range []store.EdgeID{lone, parent, kept.ID, alice, 0, 1 << 40} {
		if err := h.B.Release(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.A.Lookup(ctx, lone); err != store.ErrUnknown {
		t.Errorf("a released live share: %v", err)
	}
	if !restores(t, h.A, ks) || !restores(t, h.A, secrets[0]) {
		t.Error("release ended a stored edge, or one above a stored edge")
	}
	if err := h.A.Drop(ctx, kept.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.B.Release(ctx, parent); err != nil {
		t.Fatal(err)
	}
	if _, err := h.A.Lookup(ctx, parent); err != store.ErrUnknown {
		t.Errorf("released when nothing is left below: %v", err)
	}
}

// testNested: revocations of one chain, undone in every order.
func testNested(t *testing.T, h *Harness) {
	ctx := t.Context()
	orders := [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}}
	for n, order := range orders {
		root, _ := share(t, h.A, store.Host, store.Share{Label: numbered("root", n)})
		edges, secrets := line(t, h.A, root.ID, "a", "b", "c")
		cuts := []store.EdgeID{edges[0].ID, edges[1].ID, edges[1].ID, edges[2].ID} // b twice
		var rs []store.Revocation
		for _, id := range cuts {
			rs = append(rs, revoke(t, h.B, root.ID, id))
		}
		if rs[0].Effect.Total != 3 || rs[1].Effect.Total != 0 || rs[3].Effect.Total != 0 {
			t.Errorf("effects %d, %d, %d", rs[0].Effect.Total, rs[1].Effect.Total, rs[3].Effect.Total)
		}
		standing := map[int]bool{0: true, 1: true, 2: true, 3: true}
		for _, i := range order {
			for range 2 { // again: nothing
				must[store.Effect](t)(h.A.Undo(ctx, root.ID, rs[i].ID))
			}
			delete(standing, i)
			wantA := !standing[0]
			wantB := wantA && !standing[1] && !standing[2]
			wantC := wantB && !standing[3]
			if a, b, c := restores(t, h.B, secrets[0]), restores(t, h.B, secrets[1]), restores(t, h.B, secrets[2]); a != wantA || b != wantB || c != wantC {
				t.Errorf("order %v, after undoing %d: alive %v %v %v, want %v %v %v", order, i, a, b, c, wantA, wantB, wantC)
			}
		}
	}
}

// testRevokeAgainstRestore: a restore that starts after the revocation has
// returned is refused, on every replica; after the undo it is not.
func testRevokeAgainstRestore(t *testing.T, h *Harness) {
	ctx := t.Context()
	edges, secrets := line(t, h.A, store.Host, "alice", "bob", "carol")
	for round := range 1 + Times(10) {
		l, other := h.A, h.B
		if round%2 == 1 {
			l, other = other, l
		}
		stop := make(chan struct{})
		var busy sync.WaitGroup
		for _, replica := range []Store{l, other} {
			busy.Go(func() { // the race: restores that run meanwhile may go either way
				for {
					select {
					case <-stop:
						return
					default:
						if _, err := replica.Restore(ctx, secrets[2], nil); err != nil && err != store.ErrUnknown {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		r := revoke(t, l, edges[0].ID, edges[1].ID)
		for _, replica := range []Store{other, l} {
			if restores(t, replica, secrets[2]) {
				t.Errorf("round %d: restored after the revocation had returned", round)
			}
		}
		must[store.Effect](t)(other.Undo(ctx, edges[0].ID, r.ID))
		if !restores(t, l, secrets[2]) {
			t.Errorf("round %d: refused after the undo had returned", round)
		}
		close(stop)
		busy.Wait()
	}
}
