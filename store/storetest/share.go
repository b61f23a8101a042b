package storetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lanyard.dev/store"
)

func testShare(t *testing.T, h *Harness) {
	ctx := t.Context()
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	root, _ := share(t, h.A, store.Host, store.Share{Label: "alice", Object: "book"})
	want := store.Share{
		Label: "bob", Steps: []byte{0, 1, 255}, Text: "only find", Expires: expires, Uses: 10,
		SealedFor: []byte("bob's key"), Stored: true,
	}
	got, secret, err := h.A.Share(ctx, root.ID, want)
	if err != nil {
		t.Fatal(err)
	}
	if secret.IsZero() {
		t.Error("a stored share without a secret")
	}
	if got.Created.IsZero() || time.Since(got.Created).Abs() > time.Hour {
		t.Errorf("created at %v", got.Created)
	}
	if got.ID <= root.ID {
		t.Errorf("the child %d of %d", got.ID, root.ID)
	}
	edge := store.Edge{
		ID: got.ID, Parent: root.ID, From: "alice", Label: "bob", Object: "book", Steps: []byte{0, 1, 255},
		Text: "only find", Created: got.Created, Expires: expires, MaxUses: 10, Alive: true,
		SealedFor: []byte("bob's key"), Stored: true,
	}
	same := func(what string, got store.Edge) {
		t.Helper()
		if !equal(got, edge) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, edge)
		}
	}
	same("Share", got)

	c, err := h.B.Restore(ctx, secret, []byte("bob's key"))
	if err != nil {
		t.Fatal(err)
	}
	same("Restore", c.Edge())
	wantIDs(t, "chain", ids(c.Edges), []store.EdgeID{root.ID, got.ID})
	if !c.Limited() || !c.Expires().Equal(expires) || c.At.IsZero() {
		t.Errorf("chain: limited %v, expires %v, at %v", c.Limited(), c.Expires(), c.At)
	}
	c, err = h.B.Lookup(ctx, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	same("Lookup", c.Edge())
	e, err := h.B.Resolve(ctx, store.Host, "alice", "bob")
	if err != nil {
		t.Fatal(err)
	}
	same("Resolve", e)

	// A live share has no secret, and a child may be of another object.
	live, none, err := h.A.Share(ctx, got.ID, store.Share{Label: "carol", Object: "book/7"})
	if err != nil || !none.IsZero() || live.Stored || live.Object != "book/7" || live.Steps != nil {
		t.Errorf("live share: %+v, secret %v, error %v", live, !none.IsZero(), err)
	}
}

func equal(a, b store.Edge) bool {
	if !bytes.Equal(a.Steps, b.Steps) || !bytes.Equal(a.SealedFor, b.SealedFor) ||
		(a.SealedFor == nil) != (b.SealedFor == nil) ||
		!a.Created.Equal(b.Created) || !a.Expires.Equal(b.Expires) || !a.LastUsed.Equal(b.LastUsed) {
		return false
	}
	return a.ID == b.ID && a.Parent == b.Parent && a.From == b.From && a.Label == b.Label && a.Object == b.Object &&
		a.Text == b.Text && a.Uses == b.Uses && a.MaxUses == b.MaxUses && a.State == b.State && a.Alive == b.Alive && a.Stored == b.Stored
}

func testShareRefuses(t *testing.T, h *Harness) {
	ctx := t.Context()
	root, _ := share(t, h.A, store.Host, store.Share{Label: "root"})
	for _, test := range []struct {
		name string
		by   store.EdgeID
		s    store.Share
		ok   bool
	}{
		{"label of 256 bytes", root.ID, store.Share{Label: strings.Repeat("l", 256)}, true},
		{"label of 257 bytes", root.ID, store.Share{Label: strings.Repeat("l", 257)}, false},
		{"no label", root.ID, store.Share{}, false},
		{"label with NUL", root.ID, store.Share{Label: "a\x00b"}, false},
		{"label with a terminal escape", root.ID, store.Share{Label: "a\x1b[2Jb"}, false},
		{"label with a line break", root.ID, store.Share{Label: "a\nb"}, false},
		{"label that is no UTF-8", root.ID, store.Share{Label: "a\xffb"}, false},
		{"label with SQL", root.ID, store.Share{Label: `'); drop table ledger_edges; --`}, true},
		{"label of another script", root.ID, store.Share{Label: "Зоя 東京"}, true},
		{"root without an object", store.Host, store.Share{Label: "x"}, false},
		{"object of 4096 bytes", store.Host, store.Share{Label: "o", Object: strings.Repeat("o", 4096)}, true},
		{"object of 4097 bytes", store.Host, store.Share{Label: "o2", Object: strings.Repeat("o", 4097)}, false},
		{"steps of 64 KiB", root.ID, store.Share{Label: "s", Steps: make([]byte, 64<<10)}, true},
		{"steps of 64 KiB and 1", root.ID, store.Share{Label: "s2", Steps: make([]byte, 64<<10+1)}, false},
		{"text of 4 KiB", root.ID, store.Share{Label: "t", Text: strings.Repeat("t", 4<<10)}, true},
		{"text of 4 KiB and 1", root.ID, store.Share{Label: "t2", Text: strings.Repeat("t", 4<<10+1)}, false},
		{"owner of 1 KiB", root.ID, store.Share{Label: "k", SealedFor: make([]byte, 1<<10)}, true},
		{"owner of 1 KiB and 1", root.ID, store.Share{Label: "k2", SealedFor: make([]byte, 1<<10+1)}, false},
		{"empty owner", root.ID, store.Share{Label: "k3", SealedFor: []byte{}}, false},
		{"negative uses", root.ID, store.Share{Label: "u", Uses: -1}, false},
		{"expired", root.ID, store.Share{Label: "e", Expires: time.Now().Add(-time.Minute)}, false},
		{"expires before 1970", root.ID, store.Share{Label: "e", Expires: time.Unix(-1, 0)}, false},
		{"expires in 9999", root.ID, store.Share{Label: "e", Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, true},
		{"expires in 10000", root.ID, store.Share{Label: "e2", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, false},
	} {
		_, secret, err := h.A.Share(ctx, test.by, test.s)
		if test.ok && err != nil || !test.ok && (!errors.Is(err, store.ErrInvalid) || !secret.IsZero()) {
			t.Errorf("%s: error %v", test.name, err)
		}
	}

	// A chain of 64 edges, and no more.
	by := root.ID
	for depth := 2; depth <= store.MaxDepth; depth++ {
		e, _ := share(t, h.A, by, store.Share{Label: "deep"})
		by = e.ID
	}
	if _, _, err := h.A.Share(ctx, by, store.Share{Label: "deeper"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an edge of depth 65: %v", err)
	}
	if c, err := h.B.Lookup(ctx, by); err != nil || len(c.Edges) != store.MaxDepth {
		t.Errorf("chain of %d edges, error %v", len(c.Edges), err)
	}
}

func testLabels(t *testing.T, h *Harness) {
	ctx := t.Context()
	root, _ := share(t, h.A, store.Host, store.Share{Label: "root"})
	other, _ := share(t, h.A, store.Host, store.Share{Label: "other"})
	taken := func(l store.Ledger, by store.EdgeID, label string) {
		t.Helper()
		_, _, err := l.Share(ctx, by, store.Share{Label: label, Object: "x"})
		wantErr(t, "share as "+label, err, store.ErrLabel)
	}
	taken(h.B, store.Host, "root")
	bob, _ := share(t, h.A, root.ID, store.Share{Label: "bob"})
	taken(h.B, root.ID, "bob")
	share(t, h.B, other.ID, store.Share{Label: "bob"}) // somebody else's bob
	share(t, h.B, root.ID, store.Share{Label: "Bob"})  // labels are bytes

	// Revoked: the label is free, the undo has to wait for it.
	r := revoke(t, h.A, root.ID, bob.ID)
	if _, err := h.B.Resolve(ctx, root.ID, "bob"); err != store.ErrUnknown {
		t.Errorf("resolve a revoked label: %v", err)
	}
	second, _ := share(t, h.B, root.ID, store.Share{Label: "bob"})
	_, err := h.A.Undo(ctx, root.ID, r.ID)
	wantErr(t, "undo against a new bob", err, store.ErrLabel)
	if got := must[store.Edge](t)(h.A.Resolve(ctx, root.ID, "bob")); got.ID != second.ID {
		t.Errorf("bob is %d, want %d", got.ID, second.ID)
	}
	if err := h.A.Drop(ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	if e, err := h.B.Undo(ctx, root.ID, r.ID); err != nil || !slices.Equal(ids(e.Edges), []store.EdgeID{bob.ID}) {
		t.Errorf("undo: %v, %v", ids(e.Edges), err)
	}
	taken(h.B, root.ID, "bob")

	// Expired: free, too, and an undo later does not take it back.
	brief, _ := share(t, h.A, root.ID, store.Share{Label: "brief", Expires: time.Now().Add(30 * time.Minute)})
	taken(h.B, root.ID, "brief")
	r = revoke(t, h.A, root.ID, brief.ID)
	h.Advance(time.Hour)
	third, _ := share(t, h.B, root.ID, store.Share{Label: "brief"})
	if e, err := h.A.Undo(ctx, root.ID, r.ID); err != nil || e.Total != 0 {
		t.Errorf("undo of what has expired: %d, %v", e.Total, err)
	}
	if got := must[store.Edge](t)(h.A.Resolve(ctx, root.ID, "brief")); got.ID != third.ID {
		t.Errorf("brief is %d, want %d", got.ID, third.ID)
	}
	short, _ := share(t, h.A, root.ID, store.Share{Label: "short", Expires: third.Created.Add(30 * time.Minute)})
	h.Advance(2 * time.Hour)
	if again, _ := share(t, h.B, root.ID, store.Share{Label: "short"}); again.ID == short.ID {
		t.Error("the expired edge came back")
	}
}

// testReach: whoever acts reaches what is strictly below him, and nothing else;
// the answer for all the rest is one and the same.
func testReach(t *testing.T, h *Harness) {
	ctx := t.Context()
	mine, _ := line(t, h.A, store.Host, "alice", "bob", "carol")
	theirs, _ := line(t, h.A, store.Host, "mallory", "victim")
	dead, _ := line(t, h.A, mine[0].ID, "dead", "below")
	foreign := revoke(t, h.A, theirs[0].ID, theirs[1].ID)
	own := revoke(t, h.A, mine[0].ID, dead[0].ID)
	alice, bob, carol := mine[0].ID, mine[1].ID, mine[2].ID
	for _, test := range []struct {
		name     string
		by, edge store.EdgeID
		below    bool // strictly below
		itself   bool // or the same
	}{
		{"child", alice, bob, true, true},
		{"grandchild", alice, carol, true, true},
		{"itself", bob, bob, false, true},
		{"parent", bob, alice, false, false},
		{"a stranger's root", bob, theirs[0].ID, false, false},
		{"a stranger's edge", alice, theirs[1].ID, false, false},
		{"unknown", alice, 1 << 40, false, false},
		{"the host", alice, store.Host, false, false},
		{"the decoy", alice, -1, false, false},
		{"the decoy, by the host", store.Host, -1, false, false},
		{"negative actor", -1, bob, false, false},
		{"a dead actor", dead[0].ID, dead[1].ID, false, false},
		{"a dead actor itself", dead[0].ID, dead[0].ID, false, false},
		{"below a dead actor", dead[1].ID, dead[1].ID, false, false},
		{"unknown actor", 1 << 40, bob, false, false},
	} {
		want := func(op string, err error, allowed bool) {
			t.Helper()
			if allowed && err != nil || !allowed && err != store.ErrUnknown {
				t.Errorf("%s: %s: %v", test.name, op, err)
			}
		}
		l := h.B
		_, err := l.Preview(ctx, test.by, test.edge, 10)
		want("preview", err, test.below)
		_, err = l.Rotate(ctx, test.by, test.edge)
		want("rotate", err, test.itself)
		_, err = l.Log(ctx, test.by, test.edge, 0, 10)
		want("log", err, test.itself)
		if test.edge != store.Host {
			_, err = l.Below(ctx, test.by, store.Query{Under: test.edge})
			want("below", err, test.itself)
		}
		if test.by != test.edge { // one may ask about oneself when dead
			_, err = l.Why(ctx, test.by, test.edge)
			want("why", err, test.below)
		}
		if !test.below {
			_, err = l.Revoke(ctx, test.by, test.edge, "")
			want("revoke", err, false)
		}
	}
	for _, by := range []store.EdgeID{bob, dead[0].ID, theirs[0].ID, -1} {
		_, err := h.B.Undo(ctx, by, own.ID)
		wantErr(t, "undo of somebody above", err, store.ErrUnknown)
	}
	_, err := h.B.Undo(ctx, alice, foreign.ID)
	wantErr(t, "undo of a stranger", err, store.ErrUnknown)
	_, err = h.B.Undo(ctx, store.Host, 1<<40)
	wantErr(t, "undo of nothing", err, store.ErrUnknown)
	for _, by := range []store.EdgeID{dead[0].ID, dead[1].ID, 1 << 40, -1} {
		_, _, err = h.B.Share(ctx, by, store.Share{Label: "x", Object: "x"})
		wantErr(t, "share of a dead edge", err, store.ErrUnknown)
		_, err = h.B.Take(ctx, by, 1)
		wantErr(t, "take from a dead edge", err, store.ErrUnknown)
		_, err = h.B.Lookup(ctx, by)
		wantErr(t, "lookup of a dead edge", err, store.ErrUnknown)
		_, err = h.B.Resolve(ctx, by, "below")
		wantErr(t, "resolve by a dead edge", err, store.ErrUnknown)
		_, err = h.B.Revocations(ctx, by, 10)
		wantErr(t, "revocations by a dead edge", err, store.ErrUnknown)
	}
	// Nothing happened to anybody.
	wantIDs(t, "below alice", ids(must[[]store.Edge](t)(h.A.Below(ctx, alice, store.Query{AliveOnly: true}))), []store.EdgeID{bob, carol})
	if e := must[store.Effect](t)(h.A.Undo(ctx, store.Host, foreign.ID)); e.Total != 1 {
		t.Errorf("the foreign revocation was touched: %+v", e)
	}
}

// testRefusals: every secret that gives nothing gets the same answer.
func testRefusals(t *testing.T, h *Harness) {
	ctx := t.Context()
	key := []byte("the owner")
	for round := range 3 {
		root, _ := share(t, h.A, store.Host, store.Share{Label: numbered("root", round)})
		_, good := share(t, h.A, root.ID, store.Share{Label: "good"})
		sealedEdge, sealed := share(t, h.A, root.ID, store.Share{Label: "sealed", SealedFor: key})
		revoked, revokedSecret := share(t, h.A, root.ID, store.Share{Label: "revoked"})
		_, below := share(t, h.A, revoked.ID, store.Share{Label: "below"})
		dropped, droppedSecret := share(t, h.A, root.ID, store.Share{Label: "dropped"})
		now := must[store.Chain](t)(h.A.Lookup(ctx, root.ID)).At
		_, expired := share(t, h.A, root.ID, store.Share{Label: "expired", Expires: now.Add(time.Minute)})
		rotated, old := share(t, h.A, root.ID, store.Share{Label: "rotated"})
		revoke(t, h.A, root.ID, revoked.ID)
		if err := h.A.Drop(ctx, dropped.ID); err != nil {
			t.Fatal(err)
		}
		must[store.Secret](t)(h.A.Rotate(ctx, root.ID, rotated.ID))
		h.Advance(time.Hour)
		flipped := good
		flipped[31] ^= 1
		for _, test := range []struct {
			name   string
			secret store.Secret
			owner  []byte
		}{
			{"zero", store.Secret{}, nil}, {"random", store.NewSecret(), nil}, {"a bit off", flipped, nil},
			{"revoked", revokedSecret, nil}, {"below a revoked one", below, nil}, {"dropped", droppedSecret, nil},
			{"expired", expired, nil}, {"rotated", old, nil},
			{"sealed, nobody", sealed, nil}, {"sealed, empty", sealed, []byte{}},
			{"sealed, somebody else", sealed, []byte("the other")}, {"sealed, a prefix", sealed, key[:5]},
		} {
			c, err := h.B.Restore(ctx, test.secret, test.owner)
			wantErr(t, test.name, err, store.ErrUnknown)
			if len(c.Edges) != 0 || c.Cursor != 0 || !c.At.IsZero() {
				t.Errorf("%s: the answer holds %+v", test.name, c)
			}
		}
		if !restores(t, h.B, good) {
			t.Error("the good one does not restore")
		}
		if c, err := h.B.Restore(ctx, sealed, key); err != nil || c.Edge().ID != sealedEdge.ID {
			t.Errorf("the sealed one, by its owner: %v", err)
		}
		if c, err := h.B.Restore(ctx, good, key); err != nil || len(c.Edges) != 2 {
			t.Errorf("an unsealed one, by anybody: %v", err)
		}
	}
}

func testRotate(t *testing.T, h *Harness) {
	ctx := t.Context()
	edges, secrets := line(t, h.A, store.Host, "alice", "bob", "carol")
	second := must[store.Secret](t)(h.B.Rotate(ctx, edges[0].ID, edges[1].ID))
	if second == secrets[1] || second.IsZero() {
		t.Error("no new secret")
	}
	if restores(t, h.A, secrets[1]) || !restores(t, h.A, second) || !restores(t, h.A, secrets[2]) {
		t.Error("after a rotation the old secret restores, or the new one, or what is below, does not")
	}
	third := must[store.Secret](t)(h.A.Rotate(ctx, edges[1].ID, edges[1].ID))
	if restores(t, h.B, second) || !restores(t, h.B, third) {
		t.Error("the holder cannot rotate his own")
	}
	live, _, err := h.A.Share(ctx, edges[1].ID, store.Share{Label: "live"})
	if err != nil {
		t.Fatal(err)
	}
	kept := must[store.Secret](t)(h.B.Rotate(ctx, edges[1].ID, live.ID))
	if c, err := h.A.Restore(ctx, kept, nil); err != nil || c.Edge().ID != live.ID || !c.Edge().Stored {
		t.Errorf("a live share that became a stored one: %v", err)
	}
	r := revoke(t, h.A, edges[0].ID, edges[1].ID)
	_, err = h.A.Rotate(ctx, edges[0].ID, edges[1].ID)
	wantErr(t, "rotate a revoked edge", err, store.ErrUnknown)
	must[store.Effect](t)(h.A.Undo(ctx, edges[0].ID, r.ID))
	if !restores(t, h.B, third) {
		t.Error("the secret is gone after an undo")
	}
}

func testExpiry(t *testing.T, h *Harness) {
	ctx := t.Context()
	root, _ := share(t, h.A, store.Host, store.Share{Label: "root"})
	h.Advance(time.Hour) // from here on the clock stands, an hour ahead
	now := must[store.Chain](t)(h.A.Lookup(ctx, root.ID)).At
	a, sa := share(t, h.A, root.ID, store.Share{Label: "a", Expires: now.Add(10 * time.Minute)})
	b, sb := share(t, h.A, a.ID, store.Share{Label: "b", Expires: now.Add(time.Hour)})
	c, sc := share(t, h.A, b.ID, store.Share{Label: "c"})
	if got := must[store.Chain](t)(h.B.Restore(ctx, sc, nil)); !got.Expires().Equal(a.Expires) {
		t.Errorf("the chain expires at %v, want %v", got.Expires(), a.Expires)
	}
	if got := must[store.Effect](t)(h.B.Preview(ctx, root.ID, a.ID, 10)); got.Total != 3 {
		t.Errorf("%d below a", got.Total)
	}
	h.Advance(10*time.Minute - time.Microsecond)
	if !restores(t, h.B, sa) || !restores(t, h.B, sc) {
		t.Error("expired a microsecond early")
	}
	h.Advance(time.Microsecond)
	if restores(t, h.B, sa) || restores(t, h.B, sb) || restores(t, h.B, sc) {
		t.Error("alive at the instant of its expiry")
	}
	if got := must[store.Effect](t)(h.B.Preview(ctx, root.ID, a.ID, 10)); got.Total != 0 {
		t.Errorf("%d below what has expired", got.Total)
	}
	why := must[store.Explanation](t)(h.B.Why(ctx, root.ID, c.ID))
	if why.Cause == nil || why.Cause.ID != a.ID || why.Cause.State != store.Expired {
		t.Errorf("cause %+v", why.Cause)
	}
	// Opening it anew does not turn the clock back: see Advance, which is what the
	// ledger writes down.
	if h.Advance(0); restores(t, h.A, sa) {
		t.Error("revived")
	}
}
