package grant_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// A grant works as its object, is found again by its secret, and is one capability while it is held.
func TestRestore(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	s, g := w.issue("box a", &grant.Terms{Label: "alice"})
	if err := add(t.Context(), g.Client, 3); err != nil {
		t.Fatal(err)
	}
	if n := w.store.Sum("a"); n != 3 {
		t.Errorf("the box has %d, want 3", n)
	}
	again := w.restore(s)
	if !capnp.Same(g.Client, again.Client) {
		t.Error("restored twice, it is two capabilities")
	}
	g.Release()
	again.Release()
	if err := add(t.Context(), w.restore(s).Client, 1); err != nil {
		t.Errorf("restored when nobody held it: %v", err)
	}
}

// Every reference that gives nothing is answered alike.
func TestRestoreAnswersAlike(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, g := w.issue("box a", &grant.Terms{Label: "alice"})
	secret := func(t *testing.T, terms *grant.Terms) store.Secret {
		ref, _, err := share(t.Context(), g, terms)
		if err != nil {
			t.Fatal(err)
		}
		return secretOf(t, ref)
	}
	revoked := secret(t, &grant.Terms{Label: "revoked"})
	if _, err := revoke(t.Context(), g, "revoked"); err != nil {
		t.Fatal(err)
	}
	dropped := secret(t, &grant.Terms{Label: "dropped"})
	d := w.restore(dropped)
	if _, err := d.Drop(t.Context(), nil).Wait(); err != nil {
		t.Fatalf("drop: %v", err)
	}
	sealed := secret(t, &grant.Terms{Label: "sealed", SealFor: []byte("bob's key")})
	expiring := secret(t, &grant.Terms{Label: "expired", Expires: time.Now().Add(50 * time.Millisecond)})

	tests := []struct {
		name   string
		secret store.Secret
		owner  []byte
	}{
		{"unknown", store.NewSecret(), nil},
		{"zero", store.Secret{}, nil},
		{"revoked", revoked, nil},
		{"dropped", dropped, nil},
		{"sealed for another", sealed, []byte("carol's key")},
		{"sealed, asked by nobody", sealed, nil},
		{"expired", expiring, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var err error
			eventually(t, "an error", func() bool {
				var c capnp.Client
				c, err = w.Restore(t.Context(), test.secret, test.owner)
				c.Release()
				return err != nil
			})
			if !errors.Is(err, store.ErrUnknown) || err.Error() != "there is no such grant" {
				t.Errorf("got %v, want that there is no such grant", err)
			}
		})
	}
	c, err := w.Restore(t.Context(), sealed, []byte("bob's key"))
	if err != nil {
		t.Errorf("sealed for who asks: %v", err)
	}
	c.Release()
}

// Authority goes down the tree, not up and not sideways.
func TestAuthority(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice"})
	_, bob := w.give(root, &grant.Terms{Label: "bob"})
	_, carol := w.give(alice, &grant.Terms{Label: "carol"})

	id := func(g grant.Grant) uint64 {
		res, err := g.Info(t.Context(), nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		return res.Edge().Id()
	}
	ids := map[string]uint64{"root": id(root), "alice": id(alice), "bob": id(bob), "carol": id(carol), "nobody": 9999}
	byID := func(n uint64) func(grant.SelectorBuilder) {
		return func(b grant.SelectorBuilder) { b.SetId(n) }
	}
	for _, target := range []string{"root", "bob", "nobody", "carol"} {
		for name, call := range map[string]func(func(grant.SelectorBuilder)) error{
			"list": func(sel func(grant.SelectorBuilder)) error {
				_, err := alice.List(t.Context(), func(p grant.GrantListParamsBuilder) { sel(p.NewUnder()) }).Wait()
				return err
			},
			"why": func(sel func(grant.SelectorBuilder)) error {
				_, err := alice.Why(t.Context(), func(p grant.GrantWhyParamsBuilder) { sel(p.NewEdge()) }).Wait()
				return err
			},
			"log": func(sel func(grant.SelectorBuilder)) error {
				_, err := alice.Log(t.Context(), func(p grant.GrantLogParamsBuilder) { sel(p.NewEdge()) }).Wait()
				return err
			},
			"preview": func(sel func(grant.SelectorBuilder)) error {
				_, err := alice.Preview(t.Context(), func(p grant.GrantPreviewParamsBuilder) { sel(p.NewEdge()) }).Wait()
				return err
			},
			"revoke": func(sel func(grant.SelectorBuilder)) error {
				_, err := alice.Revoke(t.Context(), func(p grant.GrantRevokeParamsBuilder) { sel(p.NewEdge()) }).Wait()
				return err
			},
		} {
			err := call(byID(ids[target]))
			switch {
			case target == "carol" && err != nil:
				t.Errorf("alice may not %s what she shared: %v", name, err)
			case target != "carol" && (err == nil || err.Error() != "there is no such grant"):
				t.Errorf("alice's %s of %s: %v, want that there is no such grant", name, target, err)
			}
		}
	}
	if err := add(t.Context(), bob.Client, 1); err != nil {
		t.Errorf("bob lost his: %v", err)
	}
	if err := add(t.Context(), carol.Client, 1); !errors.Is(err, ocap.Revoked) {
		t.Errorf("carol: %v, want revoked", err)
	}
	if _, err := alice.Undo(t.Context(), func(p grant.GrantUndoParamsBuilder) { p.SetRevocation(1 << 40) }).Wait(); err == nil {
		t.Error("alice undid a revocation that never was")
	}
}

// What was revoked is dead, live and stored, with all below; undo brings the references back.
func TestRevokeAndUndo(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	aliceRef, alice := w.give(root, &grant.Terms{Label: "alice"})
	bobRef, bob := w.give(alice, &grant.Terms{Label: "bob"})

	res, err := root.Preview(t.Context(), func(p grant.GrantPreviewParamsBuilder) { label("alice")(p.NewEdge()) }).Wait()
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, e := range res.Affected().Edges().All() {
		labels = append(labels, e.From()+"→"+e.Label())
	}
	if want := []string{"root→alice", "alice→bob"}; !slices.Equal(labels, want) || res.Affected().Total() != 2 || res.Affected().Live() != 2 {
		t.Errorf("preview: %v, %d, %d live; want %v, 2, 2 live", labels, res.Affected().Total(), res.Affected().Live(), want)
	}
	r, err := revoke(t.Context(), root, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]grant.Grant{"alice": alice, "bob": bob} {
		if msg := is(add(t.Context(), g.Client, 1), ocap.Revoked); msg != "" {
			t.Errorf("%s: %s", name, msg)
		}
		if _, err := g.Info(t.Context(), nil).Wait(); !errors.Is(err, ocap.Revoked) {
			t.Errorf("%s asks what the grant is: %v, want revoked", name, err)
		}
	}
	for name, s := range map[string]store.Secret{"alice": aliceRef, "bob": bobRef} {
		if _, err := w.Restore(t.Context(), s, nil); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("restore %s: %v, want unknown", name, err)
		}
	}
	undo, err := root.Undo(t.Context(), func(p grant.GrantUndoParamsBuilder) { p.SetRevocation(r) }).Wait()
	if err != nil || undo.Affected() != 2 {
		t.Fatalf("undo: %d, %v; want 2", undo.Affected(), err)
	}
	if err := add(t.Context(), w.restore(bobRef).Client, 1); err != nil {
		t.Errorf("bob, restored after undo: %v", err)
	}
	if err := add(t.Context(), bob.Client, 1); !errors.Is(err, ocap.Revoked) {
		t.Errorf("bob's capability that died: %v, want revoked", err)
	}
	if n := w.store.Sum("a"); n != 1 {
		t.Errorf("the box has %d, want 1", n)
	}
}

// Who drops a grant is told so, and then it is gone with all that was shared from it.
func TestDropCascades(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	aliceRef, alice := w.give(root, &grant.Terms{Label: "alice"})
	bobRef, bob := w.give(alice, &grant.Terms{Label: "bob"})
	if _, err := alice.Drop(t.Context(), nil).Wait(); err != nil {
		t.Fatalf("drop: %v", err)
	}
	if err := add(t.Context(), bob.Client, 1); !errors.Is(err, ocap.Revoked) {
		t.Errorf("bob: %v, want revoked", err)
	}
	if err := add(t.Context(), alice.Client, 1); !errors.Is(err, ocap.Revoked) {
		t.Errorf("alice: %v, want revoked", err)
	}
	for _, s := range []store.Secret{aliceRef, bobRef} {
		if _, err := w.Restore(t.Context(), s, nil); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("restore: %v, want unknown", err)
		}
	}
	if err := add(t.Context(), root.Client, 1); err != nil {
		t.Errorf("the root: %v", err)
	}
}

// Save makes a child that restores, and is sealed if that is asked.
func TestSave(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, g := w.issue("box a", &grant.Terms{Label: "alice"})
	save := func(c capnp.Client, key string) (store.Secret, error) {
		res, err := persistent.Persistent{Client: c}.Save(t.Context(), func(p persistent.PersistentSaveParamsBuilder) {
			if key != "" {
				grant.OwnerBuilder(p.NewSealFor().NewStruct(grant.OwnerSize)).SetKey([]byte(key))
			}
		}).Wait()
		if err != nil {
			return store.Secret{}, err
		}
		return secretOf(t, capnp.PtrAs[grant.SturdyRef](res.SturdyRef()).Text()), nil
	}
	s, err := save(g.Client, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), w.restore(s).Client, 1); err != nil {
		t.Errorf("saved and restored: %v", err)
	}
	s, err = save(g.Client, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Restore(t.Context(), s, []byte("carol")); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("carol restores what is sealed for bob: %v", err)
	}
	if c, err := w.Restore(t.Context(), s, []byte("bob")); err != nil {
		t.Errorf("bob: %v", err)
	} else {
		c.Release()
	}

	// A box that came out of the shelf has a name, so it can be saved; the shelf, out of itself, is itself.
	_, g = w.issue("shelf", &grant.Terms{Label: "bob"})
	out, err := shelf.Shelf{Client: g.Client}.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName("b") }).Wait()
	if err != nil {
		t.Fatal(err)
	}
	s, err = save(out.Box().Client, "")
	if err != nil {
		t.Fatalf("save what came out: %v", err)
	}
	b := w.restore(s)
	if err := add(t.Context(), b.Client, 5); err != nil || w.store.Sum("b") != 5 {
		t.Errorf("the box that was saved: %v, it has %d, want 5", err, w.store.Sum("b"))
	}
	if _, err := revoke(t.Context(), w.Host(), "bob"); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), b.Client, 5); !errors.Is(err, ocap.Revoked) {
		t.Errorf("what was saved through a grant outlives it: %v", err)
	}
}

// Who was given something that came out of a grant can keep it, but does not hold the grant: neither sees nor takes back
// what else was shared from it.
func TestWhatComesOutIsNotTheGrant(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, alice := w.issue("shelf", &grant.Terms{Label: "alice"})
	_, carol := w.give(alice, &grant.Terms{Label: "carol"})
	out, err := shelf.Shelf{Client: alice.Client}.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName("b") }).Wait()
	if err != nil {
		t.Fatal(err)
	}
	bob := grant.Grant{Client: out.Box().Client}
	if _, _, err := share(t.Context(), bob, &grant.Terms{Label: "dave"}); err != nil {
		t.Errorf("share: %v", err)
	}
	for name, ask := range map[string]func() error{
		"info": func() error { _, err := bob.Info(t.Context(), nil).Wait(); return err },
		"list": func() error { _, err := bob.List(t.Context(), nil).Wait(); return err },
		"why":  func() error { _, err := bob.Why(t.Context(), nil).Wait(); return err },
		"log":  func() error { _, err := bob.Log(t.Context(), nil).Wait(); return err },
		"preview": func() error {
			_, err := bob.Preview(t.Context(), func(p grant.GrantPreviewParamsBuilder) { p.NewEdge().SetLabels([]string{"carol"}) }).Wait()
			return err
		},
		"revoke": func() error { _, err := revoke(t.Context(), bob, "carol"); return err },
		"undo":   func() error { _, err := bob.Undo(t.Context(), nil).Wait(); return err },
		"drop":   func() error { _, err := bob.Drop(t.Context(), nil).Wait(); return err },
	} {
		if err := ask(); err == nil || capnp.AsException(err).Kind != capnp.Unimplemented {
			t.Errorf("%s: %v, want unimplemented", name, err)
		}
	}
	if _, err := (shelf.Shelf{Client: carol.Client}).Itself(t.Context(), nil).Wait(); err != nil {
		t.Errorf("what else was shared: %v", err)
	}
}

// An object that is gone says so, and neither breaks the ledger nor other grants.
func TestObjectGone(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	w.store.ThrowAway("a")
	_, fresh, err := w.Issue(t.Context(), "box a", &grant.Terms{Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Restore(t.Context(), fresh, nil)
	if want := "the object of the grant is not available: the box was thrown away"; err == nil || err.Error() != want {
		t.Errorf("restore: %v, want %s", err, want)
	}
	w.issue("box b", &grant.Terms{Label: "carol"})
}

// A grant keeps what it is wherever it comes out, and arrives as the object where it goes in.
func TestIdentity(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, g := w.issue("shelf", &grant.Terms{Label: "alice"})
	s := shelf.Shelf{Client: g.Client}
	res, err := s.Itself(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if !capnp.Same(res.Shelf().Client, g.Client) {
		t.Error("the shelf, out of itself, is not the grant")
	}
	if _, err := (grant.Grant{Client: res.Shelf().Client}).Info(t.Context(), nil).Wait(); err != nil {
		t.Errorf("and does not answer as a grant: %v", err)
	}
	b := s.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName("a") }).Box()
	same, err := b.Take(t.Context(), func(p shelf.BoxTakeParamsBuilder) { p.SetThing(s) }).Wait()
	if err != nil || !same.Same() {
		t.Errorf("passed in it is not the shelf: %v, %v", same.Same(), err)
	}
}

// A live share needs no reference, shows up in the ledger, and dies with what it came from.
func TestLiveShare(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("shelf", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice"})
	bob, e, err := w.Share(t.Context(), alice.Client, &grant.Terms{Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Release()
	if e.Stored || e.From != "alice" {
		t.Errorf("the edge: stored %v, from %q; want false, alice", e.Stored, e.From)
	}
	b := shelf.Shelf{Client: bob}.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName("a") }).Box()
	carol, e, err := w.Share(t.Context(), b.Client, &grant.Terms{Label: "carol", Uses: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer carol.Release()
	if e.From != "bob" {
		t.Errorf("carol's edge is from %q, want bob", e.From)
	}
	if err := add(t.Context(), carol, 2); err != nil {
		t.Error(err)
	}
	if err := add(t.Context(), carol, 2); !errors.Is(err, ocap.Exhausted) {
		t.Errorf("the second of one use: %v, want exhausted", err)
	}
	if _, _, err := share(t.Context(), grant.Grant{Client: carol}, &grant.Terms{Label: "dave"}); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("a reference to what has no name: %v, want unimplemented", err)
	}
	if _, err := revoke(t.Context(), root, "alice"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]capnp.Client{"bob": bob, "carol": carol, "bob's box": b.Client} {
		if err := add(t.Context(), c, 2); !errors.Is(err, ocap.Revoked) {
			t.Errorf("%s: %v, want revoked", name, err)
		}
	}
	if n := w.store.Sum("a"); n != 2 {
		t.Errorf("the box has %d, want 2", n)
	}
}

// A live share ends when nobody holds it any more.
func TestLiveShareEnds(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	c, _, err := w.Share(t.Context(), root.Client, &grant.Terms{Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), c, 1); err != nil {
		t.Fatal(err)
	}
	c.Release()
	eventually(t, "the edge ends", func() bool {
		runGC()
		res, err := root.List(context.Background(), nil).Wait()
		return err == nil && res.Edges().At(0).State() == grant.StateDropped
	})
}
