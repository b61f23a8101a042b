package grant_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
)

// race makes n calls at once through the capabilities in turn, and returns how many passed.
func race(t *testing.T, n int, cs ...capnp.Client) (passed int64) {
	t.Helper()
	var ok atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := add(t.Context(), cs[i%len(cs)], 1)
			switch {
			case err == nil:
				ok.Add(1)
			case !errors.Is(err, ocap.Exhausted):
				t.Errorf("refused: %v, want exhausted", err)
			}
		})
	}
	wg.Wait()
	return ok.Load()
}

// Ten uses are ten, however many race for them, through two vats and with references of one's own.
func TestTenUses(t *testing.T) {
	engines(t, func(t *testing.T, open func() engine) {
		one := newWorld(t, open(), nil)
		two := newWorld(t, open(), nil)
		_, root := one.issue("box a", &grant.Terms{Label: "root"})
		s, alice := one.give(root, &grant.Terms{Label: "alice", Uses: 10})
		s2, _ := one.give(alice, &grant.Terms{Label: "bob"})
		passed := race(t, 1000, alice.Client, two.restore(s).Client, one.restore(s2).Client, two.restore(s2).Client)
		ran := one.store.Sum("a") + two.store.Sum("a")
		if passed != 10 || ran != 10 {
			t.Errorf("%d calls passed, %d ran; want 10", passed, ran)
		}
	})
}

// What a narrowing refuses costs no use.
func TestRefusedCallsAreFree(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	_, g := w.give(root, &grant.Terms{Label: "alice", Uses: 2, Steps: []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: shelf.BoxAddMethod.InterfaceID(), Where: []string{"add.n < 10"},
	})}})
	for range 5 {
		if err := add(t.Context(), g.Client, 10); !errors.Is(err, ocap.Denied) {
			t.Fatalf("add 10: %v, want denied", err)
		}
	}
	if n := race(t, 20, g.Client); n != 2 {
		t.Errorf("%d calls passed, want 2", n)
	}
}

// What a refused call had been paid for is there for the next one, whoever makes it.
func TestRefusedCallsAreFreeForOthers(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice", Uses: 1})
	_, bob := w.give(alice, &grant.Terms{Label: "bob", Steps: []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: shelf.BoxAddMethod.InterfaceID(), Where: []string{"add.n < 10"},
	})}})
	for range 5 {
		if err := add(t.Context(), bob.Client, 10); !errors.Is(err, ocap.Denied) {
			t.Fatalf("add 10: %v, want denied", err)
		}
	}
	if err := add(t.Context(), alice.Client, 10); err != nil {
		t.Errorf("a use is left, but: %v", err)
	}
}

// A rate holds for all vats together.
func TestRateAcrossVats(t *testing.T) {
	l := onDisk(t)
	one, two := newWorld(t, l, nil), newWorld(t, l, nil)
	_, root := one.issue("box a", &grant.Terms{Label: "root"})
	s, g := one.give(root, &grant.Terms{Label: "alice", Steps: []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: shelf.BoxAddMethod.InterfaceID(), Rate: ocap.Rate{Calls: 1, Per: time.Hour, Burst: 7},
	})}})
	if n := race(t, 200, g.Client, two.restore(s).Client); n != 7 {
		t.Errorf("%d calls passed, want 7", n)
	}
	err := add(t.Context(), g.Client, 1)
	if after, ok := ocap.RetryAfter(err); !ok || after < 50*time.Minute || after > time.Hour || !errors.Is(err, capnp.Overloaded) {
		t.Errorf("the next: %v, after %v; want overloaded, within the hour", err, after)
	}
}

// Expiry and uses that stand in steps are kept in the ledger, where they are seen.
func TestStepsBecomeTerms(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	end := time.Now().Add(time.Hour).Round(time.Millisecond)
	_, g := w.give(root, &grant.Terms{Label: "alice", Uses: 9, Steps: []narrow.Step{narrow.By(narrow.Narrowing{Uses: 3, NotAfter: end})}})
	res, err := g.Info(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	e := res.Edge()
	if e.MaxUses() != 3 || !time.Unix(0, e.Expires()).Equal(end) || e.Steps().Len() != 0 {
		t.Errorf("uses %d, expires %v, %d steps; want 3, %v, 0", e.MaxUses(), time.Unix(0, e.Expires()), e.Steps().Len(), end)
	}
	_, _, err = share(t.Context(), root, &grant.Terms{Label: "bytes", Steps: []narrow.Step{narrow.By(narrow.Narrowing{Bytes: 100})}})
	if err == nil {
		t.Error("a number of bytes was accepted, and would be forgotten")
	}
}

// Uses and the time of the last one arrive in the ledger.
func TestUsesAreReported(t *testing.T) {
	w := newWorld(t, onDisk(t), nil)
	_, g := w.issue("box a", &grant.Terms{Label: "root"})
	for range 5 {
		if err := add(t.Context(), g.Client, 1); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "5 uses in the ledger", func() bool {
		res, err := g.Info(t.Context(), nil).Wait()
		return err == nil && res.Edge().Uses() == 5 && res.Edge().LastUsed() > 0
	})
}
