package grant_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
	"lanyard.dev/store"
)

// When revoke has returned the object's counter never rises: with 10 000 calls in flight, half of them
// queued at one ordered object, half at 64 that let others start, through a chain of eight edges, in
// this process and from another vat.
func TestRevokeInFlight(t *testing.T) {
	const (
		calls = 10_000 / slowly
		boxes = 64
	)
	for _, far := range []bool{false, true} {
		t.Run(fmt.Sprintf("remote=%v", far), func(t *testing.T) {
			w := newWorld(t, onDisk(t), nil)
			_, root := w.issue("shelf", &grant.Terms{Label: "root"})
			g := root
			for depth := range 7 {
				_, g = w.give(g, &grant.Terms{Label: "holder " + strconv.Itoa(depth)})
			}
			c := g.Client
			if far {
				limits := rpc.Limits{Calls: 1 << 17, Running: 1 << 17, Methods: 2 * calls}
				near, away := rpc.Pipe(&rpc.Options{Limits: limits}, &rpc.Options{Bootstrap: c, Limits: limits})
				defer near.Close()
				defer away.Close()
				c = rpc.Bootstrap[shelf.Shelf](t.Context(), near).Client
				defer c.Release()
			}
			get := func(name string) shelf.Box {
				return shelf.Shelf{Client: c}.Box(t.Context(), func(p shelf.ShelfBoxParamsBuilder) { p.SetName(name) }).Box()
			}
			names := []string{"ordered"}
			targets := []shelf.Box{get("ordered")}
			for i := range boxes {
				names = append(names, strconv.Itoa(i))
				targets = append(targets, get(strconv.Itoa(i)))
			}
			sum := func() (n int64) {
				for _, name := range names {
					n += w.store.Sum(name)
				}
				return n
			}

			var promises []shelf.BoxHoldResultsPromise
			for i := range calls {
				target := targets[0]
				if i%2 == 1 {
					target = targets[1+i/2%boxes]
				}
				promises = append(promises, target.Hold(t.Context(), nil))
			}
			// And some that go on being made, of a kind that returns at once.
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							if add(t.Context(), targets[1+i].Client, 1) != nil {
								return
							}
						}
					}
				})
			}
			eventually(t, "half of the calls run", func() bool { return sum() > calls/2 })

			if _, err := revoke(t.Context(), root, "holder 0"); err != nil {
				t.Fatal(err)
			}
			after := sum()
			for i, p := range promises {
				if _, err := p.Wait(); !errors.Is(err, ocap.Revoked) {
					t.Fatalf("call %d: %v, want revoked", i, err)
				}
				p.Release()
			}
			<-time.After(50 * time.Millisecond) // for what should not happen
			if now := sum(); now != after {
				t.Errorf("%d calls started after revoke had returned", now-after)
			}
			close(stop)
			wg.Wait()
			if err := add(t.Context(), targets[1].Client, 1); !errors.Is(err, ocap.Revoked) {
				t.Errorf("a new call: %v, want revoked", err)
			}
			if _, err := get("new").Sum(t.Context(), nil).Wait(); !errors.Is(err, ocap.Revoked) {
				t.Errorf("a pipelined call: %v, want revoked", err)
			}
		})
	}
}

// A restore that races with a revocation gives nothing that the revocation has not killed, and what
// restores say is one story: see history.
func TestRevokeRacesRestore(t *testing.T) {
	engines(t, func(t *testing.T, open func() engine) {
		one, two := newWorld(t, open(), nil), newWorld(t, open(), nil)
		_, root := one.issue("box a", &grant.Terms{Label: "root"})
		ref, _, err := share(t.Context(), root, &grant.Terms{Label: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		s := secretOf(t, ref)
		var h history
		for range 8 {
			var wg sync.WaitGroup
			for i := range 4 {
				w := []*world{one, two}[i%2]
				wg.Go(func() {
					for range 3 {
						done := h.read()
						c, err := w.Restore(t.Context(), s, nil)
						done(err == nil)
						c.Release()
					}
				})
			}
			done := h.write(false)
			id, err := revoke(t.Context(), root, "alice")
			if err != nil {
				t.Fatal(err)
			}
			done()
			wg.Go(func() {
				done := h.read()
				c, err := one.Restore(t.Context(), s, nil)
				done(err == nil)
				c.Release()
			})
			done = h.write(true)
			if _, err := root.Undo(t.Context(), func(p grant.GrantUndoParamsBuilder) { p.SetRevocation(id) }).Wait(); err != nil {
				t.Fatal(err)
			}
			done()
			wg.Wait()
		}
		if err := h.check(); err != nil {
			t.Error(err)
		}
	})
}

// Revoking with wait returns when the other vats know.
func TestRevokeWaits(t *testing.T) {
	engines(t, func(t *testing.T, open func() engine) {
		one, two := newWorld(t, open(), nil), newWorld(t, open(), nil)
		_, root := one.issue("box a", &grant.Terms{Label: "root"})
		ref, _, err := share(t.Context(), root, &grant.Terms{Label: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		far := two.restore(secretOf(t, ref))
		if err := add(t.Context(), far.Client, 1); err != nil {
			t.Fatal(err)
		}
		res, err := root.Revoke(t.Context(), func(p grant.GrantRevokeParamsBuilder) {
			label("alice")(p.NewEdge())
			p.SetWait(true)
		}).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if msg := is(add(t.Context(), far.Client, 1), ocap.Revoked); msg != "" {
			t.Errorf("at the other vat: %s", msg)
		}
		if n := res.Silent().Len(); n != 0 {
			t.Errorf("%d vats were silent, want none", n)
		}
	})
}

// An object may revoke what it is being called through.
func TestRevokeFromInside(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	alice, _, err := w.Share(t.Context(), root.Client, &grant.Terms{Label: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Release()
	caller := shelf.NewBox(&revoker{root: root})
	bob, _, err := w.Share(t.Context(), caller.Client, &grant.Terms{Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Release()
	if err := add(t.Context(), bob, 1); err != nil {
		t.Errorf("revoking another from inside: %v", err)
	}
	if err := add(t.Context(), alice, 1); !errors.Is(err, ocap.Revoked) {
		t.Errorf("alice: %v, want revoked", err)
	}
}

type revoker struct {
	shelf.UnimplementedBox
	root grant.Grant
}

func (r *revoker) Add(ctx context.Context, call shelf.BoxAddCall) error {
	_, err := revoke(ctx, r.root, "alice")
	return err
}

// slowDrop is a ledger in which drops wait.
type slowDrop struct {
	engine
	begun, on chan struct{}
}

func (s *slowDrop) Drop(ctx context.Context, e store.EdgeID) error {
	close(s.begun)
	<-s.on
	return s.engine.Drop(ctx, e)
}

// Who is giving a grant up cannot use it until that is done if it is revoked meanwhile.
func TestRevokeOvertakesDrop(t *testing.T) {
	l := &slowDrop{engine: onDisk(t), begun: make(chan struct{}), on: make(chan struct{})}
	w := newWorld(t, l, nil)
	_, g := w.issue("box a", &grant.Terms{Label: "alice"})
	dropping := g.Drop(t.Context(), nil)
	dropping.Done()
	<-l.begun
	if _, err := revoke(t.Context(), w.Host(), "alice"); err != nil {
		t.Fatal(err)
	}
	if msg := is(add(t.Context(), g.Client, 1), ocap.Revoked); msg != "" {
		t.Errorf("after the revocation: %s", msg)
	}
	close(l.on)
	if _, err := dropping.Wait(); err != nil {
		t.Errorf("drop: %v", err)
	}
}
