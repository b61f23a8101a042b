package grant_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/rpc"
)

func methods(ms ...*capnp.Method) narrow.Step {
	var n narrow.Narrowing
	for _, m := range ms {
		n.Interface = m.InterfaceID()
		n.Methods = append(n.Methods, narrow.Method{InterfaceID: m.InterfaceID(), MethodID: m.MethodID()})
	}
	return narrow.By(n)
}

// toBox is the way from the shelf to a box.
func toBox(t *testing.T, name string) narrow.Step {
	t.Helper()
	m := shelf.ShelfBoxMethod
	params, err := narrow.Params(capnp.StructSize{Pointers: 1}, func(b capnp.StructBuilder) { b.SetText(0, name) })
	if err != nil {
		t.Fatal(err)
	}
	return narrow.Call(narrow.PathCall{
		Method: narrow.Method{InterfaceID: m.InterfaceID(), MethodID: m.MethodID()}, Params: params,
		Result: []uint16{0}, ResultInterface: shelf.BoxAddMethod.InterfaceID(),
	})
}

// A chain is applied whole: what any edge on the way takes away is not there, and the way is
// gone again when the grant is restored.
func TestChain(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("shelf", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice", Steps: []narrow.Step{methods(shelf.ShelfBoxMethod)}})
	bobRef, bob := w.give(alice, &grant.Terms{Label: "bob", Steps: []narrow.Step{toBox(t, "a"), methods(shelf.BoxAddMethod, shelf.BoxSumMethod)}})
	_, carol := w.give(bob, &grant.Terms{Label: "carol", Steps: []narrow.Step{methods(shelf.BoxSumMethod, shelf.BoxHoldMethod)}})

	if _, err := (shelf.Shelf{Client: alice.Client}).Itself(t.Context(), nil).Wait(); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("alice calls what she was not given: %v, want unimplemented", err)
	}
	if err := add(t.Context(), bob.Client, 4); err != nil || w.store.Sum("a") != 4 {
		t.Errorf("bob adds 4: %v, the box has %d", err, w.store.Sum("a"))
	}
	sum, err := box(carol).Sum(t.Context(), nil).Wait()
	if err != nil || sum.Sum() != 4 {
		t.Errorf("carol reads %d, %v; want 4", sum.Sum(), err)
	}
	for name, call := range map[string]func() error{
		"add":  func() error { return add(t.Context(), carol.Client, 1) },
		"hold": func() error { _, err := box(carol).Hold(t.Context(), nil).Wait(); return err },
		"box": func() error {
			_, err := shelf.Shelf{Client: carol.Client}.Box(t.Context(), nil).Wait()
			return err
		},
	} {
		if err := call(); !errors.Is(err, capnp.Unimplemented) {
			t.Errorf("carol's %s: %v, want unimplemented", name, err)
		}
	}

	res, err := bob.Info(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	e := res.Edge()
	if e.Interface() != shelf.BoxAddMethod.InterfaceID() || e.From() != "alice" || e.Parent() != 0 || e.Steps().Len() != 2 {
		t.Errorf("bob's edge: interface %#x, from %q, parent %d, %d steps", e.Interface(), e.From(), e.Parent(), e.Steps().Len())
	}
	if !strings.Contains(e.Text(), "add") || !strings.Contains(e.Text(), `"a"`) {
		t.Errorf("bob's edge does not say what it is: %q", e.Text())
	}

	// What the way leads to is gone: the holder is told, and others do not suffer.
	bob.Release()
	carol.Release()
	w.store.ThrowAway("a")
	if _, err := w.Restore(t.Context(), bobRef, nil); err == nil || !strings.Contains(err.Error(), "thrown away") {
		t.Errorf("restore what is gone: %v", err)
	}
}

// Conditions hold in every restore, with the words of who can give more.
func TestConditions(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "the host"})
	_, g := w.give(root, &grant.Terms{Label: "alice", Steps: []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: shelf.BoxAddMethod.InterfaceID(), Where: []string{"add.n <= 2"},
	})}})
	if err := add(t.Context(), g.Client, 2); err != nil {
		t.Error(err)
	}
	err := add(t.Context(), g.Client, 3)
	if msg := is(err, ocap.Denied); msg != "" || !strings.Contains(err.Error(), "the host can give more") {
		t.Errorf("add 3: %v; want denied, and that the host can give more", err)
	}
	if _, _, err := share(t.Context(), root, &grant.Terms{Label: "x", Steps: []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: shelf.BoxAddMethod.InterfaceID(), Where: []string{"add.color == 2"},
	})}}); err == nil {
		t.Error("a condition on what is not in the schema was accepted")
	}
}

// What comes out of a grant, and has no name, cannot be saved past it.
func TestNothingIsSavedPastTheGrant(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("shelf", &grant.Terms{Label: "root"})
	_, g := w.give(root, &grant.Terms{Label: "alice", Steps: []narrow.Step{methods(shelf.ShelfBoxMethod)}})
	b := shelf.Shelf{Client: g.Client}.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName("a") }).Box()
	if _, _, err := share(t.Context(), grant.Grant{Client: b.Client}, &grant.Terms{Label: "x"}); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("share of what came out of a narrowed grant: %v, want unimplemented", err)
	}
	// The grants of one keeper are objects for another. Its holders cannot share them away from under it.
	nested, err := grant.New(t.Context(), w.ledger, w.ledger, schemas(t),
		func(context.Context, string) (capnp.Client, error) { return capnp.AddRef(root).Client, nil }, &grant.Options{Reference: reference})
	if err != nil {
		t.Fatal(err)
	}
	defer nested.Close()
	_, s, err := nested.Issue(t.Context(), "nested", &grant.Terms{Label: "nested"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := nested.Restore(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	res, err := grant.Grant{Client: c}.Info(t.Context(), nil).Wait()
	if err != nil || res.Edge().Label() != "nested" {
		t.Errorf("the outer grant answers as %q, %v; want nested", res.Edge().Label(), err)
	}
}

// A grant answers over a connection, as a promise too, and what is saved there is no more than what was
// held.
func TestGrantOverPipe(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("shelf", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice", Steps: []narrow.Step{methods(shelf.ShelfBoxMethod)}})
	near, away := rpc.Pipe(nil, &rpc.Options{Bootstrap: alice.Client})
	defer near.Close()
	defer away.Close()
	far := rpc.Bootstrap[grant.Grant](t.Context(), near)
	defer far.Release()
	info := far.Info(t.Context(), nil)
	save := persistent.Persistent{Client: far.Client}.Save(t.Context(), nil)
	ref, _, err := share(t.Context(), far, &grant.Terms{Label: "bob", Uses: 1})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := info.Wait(); err != nil || res.Edge().Label() != "alice" {
		t.Errorf("info: %q, %v", res.Edge().Label(), err)
	}
	res, err := save.Wait()
	if err != nil {
		t.Fatal(err)
	}
	saved := w.restore(secretOf(t, capnp.PtrAs[grant.SturdyRef](res.SturdyRef()).Text()))
	for name, g := range map[string]grant.Grant{"saved": saved, "shared": w.restore(secretOf(t, ref))} {
		if _, err := (shelf.Shelf{Client: g.Client}).Itself(t.Context(), nil).Wait(); !errors.Is(err, capnp.Unimplemented) {
			t.Errorf("what was %s has a method more: %v", name, err)
		}
	}
	if _, err := revoke(t.Context(), root, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Info(t.Context(), nil).Wait(); !errors.Is(err, ocap.Revoked) {
		t.Errorf("revoked, at the other end: %v", err)
	}
}
