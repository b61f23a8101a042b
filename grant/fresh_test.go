package grant_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// flaky is a ledger that can be out of reach.
type flaky struct {
	engine
	cut atomic.Bool
}

var errCut = errors.New("no route to the ledger")

func (f *flaky) Since(ctx context.Context, after store.Cursor, max int) ([]store.Event, error) {
	if f.cut.Load() {
		return nil, errCut
	}
	return f.engine.Since(ctx, after, max)
}

func (f *flaky) Announce(ctx context.Context, vat string, at store.Cursor, lease time.Duration) error {
	if f.cut.Load() {
		return errCut
	}
	return f.engine.Announce(ctx, vat, at, lease)
}

// Wait never hints: what is tested is what holds without.
func (f *flaky) Wait(ctx context.Context, _ store.Cursor) error {
	<-ctx.Done()
	return ctx.Err()
}

func (f *flaky) Take(ctx context.Context, e store.EdgeID, n int64) (store.Allotment, error) {
	if f.cut.Load() {
		return store.Allotment{}, errCut
	}
	return f.engine.Take(ctx, e, n)
}

// A vat that has lost touch with the ledger refuses calls when its lease has run out, those that wait at
// an object too, and goes on when it has caught up, having killed what was revoked meanwhile.
func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := onDisk(t)
		f := &flaky{engine: l}
		w := newWorld(t, f, nil)
		_, root := w.issue("box a", &grant.Terms{Label: "root"})
		_, alice := w.give(root, &grant.Terms{Label: "alice"})
		_, bob := w.give(root, &grant.Terms{Label: "bob"})
		_, ordered := w.issue("box ordered", &grant.Terms{Label: "ordered"})

		time.Sleep(10 * time.Second)
		if err := add(t.Context(), alice.Client, 1); err != nil {
			t.Errorf("in touch: %v", err)
		}
		first := box(ordered).Hold(t.Context(), nil)
		second := box(ordered).Hold(t.Context(), nil)
		f.cut.Store(true)
		time.Sleep(3900 * time.Millisecond) // the lease was renewed a second ago at most
		if err := add(t.Context(), alice.Client, 1); err != nil {
			t.Errorf("out of touch for 3.9 s: %v", err)
		}
		time.Sleep(1100 * time.Millisecond)
		err := add(t.Context(), alice.Client, 1)
		if msg := is(err, ocap.Stale); msg != "" || errors.Is(err, ocap.Revoked) {
			t.Errorf("out of touch for 5 s: %v; want stale, and not revoked", err)
		}
		if _, err := alice.Info(t.Context(), nil).Wait(); !errors.Is(err, ocap.Stale) {
			t.Errorf("what the grant is: %v, want stale", err)
		}
		w.store.LetGo("ordered")
		if _, err := first.Wait(); err != nil {
			t.Errorf("what had started in time: %v", err)
		}
		if _, err := second.Wait(); !errors.Is(err, ocap.Stale) {
			t.Errorf("what would have started too late: %v, want stale", err)
		}
		if n := w.store.Sum("a") + w.store.Sum("ordered"); n != 3 {
			t.Errorf("%d calls ran, want 3", n)
		}

		// Another vat revokes meanwhile.
		res, err := l.Resolve(t.Context(), store.Host, "root", "bob")
		if err == nil {
			_, err = l.Revoke(t.Context(), store.Host, res.ID, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		f.cut.Store(false)
		time.Sleep(300 * time.Millisecond)
		if err := add(t.Context(), alice.Client, 1); err != nil {
			t.Errorf("in touch again: %v", err)
		}
		if err := add(t.Context(), bob.Client, 1); !errors.Is(err, ocap.Revoked) {
			t.Errorf("what was revoked meanwhile: %v, want revoked", err)
		}
		w.Close()
	})
}

// When the calls cannot be counted they do not pass, and nothing is lost.
func TestUncounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := onDisk(t)
		f := &flaky{engine: l}
		w := newWorld(t, f, nil)
		_, root := w.issue("box a", &grant.Terms{Label: "root"})
		_, g := w.give(root, &grant.Terms{Label: "alice", Uses: 2})
		f.cut.Store(true)
		if err := add(t.Context(), g.Client, 1); !errors.Is(err, ocap.Stale) {
			t.Errorf("with no ledger: %v, want stale", err)
		}
		f.cut.Store(false)
		if n := race(t, 5, g.Client); n != 2 {
			t.Errorf("%d calls passed, want 2", n)
		}
		w.Close()
	})
}

// A grant ends when its time is over, with all that is below it, and what is under way through it.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := onDisk(t)
		w := newWorld(t, l, nil)
		_, root := w.issue("box a", &grant.Terms{Label: "root"})
		// The ledger's clock is the computer's, which goes on by itself while this one waits.
		_, g := w.give(root, &grant.Terms{Label: "alice", Expires: realNow(t, l).Add(time.Minute)})
		_, below := w.give(g, &grant.Terms{Label: "bob"})
		held := box(below).Hold(t.Context(), nil)

		time.Sleep(30 * time.Second)
		if err := add(t.Context(), below.Client, 1); err != nil {
			t.Errorf("after half of the time: %v", err)
		}
		time.Sleep(30 * time.Second)
		for name, g := range map[string]grant.Grant{"alice": g, "bob": below} {
			err := add(t.Context(), g.Client, 1)
			if msg := is(err, ocap.Expired); msg != "" {
				t.Errorf("%s, at the end: %s", name, msg)
			}
			if from := map[string]string{"alice": "root", "bob": "alice"}[name]; err == nil || !strings.HasSuffix(err.Error(), "has expired; "+from+" can give more") {
				t.Errorf("%s, at the end: %v; that does not say that %s can help", name, err, from)
			}
		}
		if _, err := held.Wait(); !errors.Is(err, ocap.Expired) {
			t.Errorf("the call under way: %v, want expired", err)
		}
		w.Close()
	})
}

// What an object takes to come is not given on top of a grant's time.
func TestSlowObjectsProlongNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := onDisk(t)
		s := &shelf.Store{}
		var takes time.Duration
		slow := func(ctx context.Context, name string) (capnp.Client, error) {
			time.Sleep(takes)
			return s.Objects(ctx, name)
		}
		k, err := grant.New(t.Context(), l, l, schemas(t), slow, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		_, secret, err := k.Issue(t.Context(), "box a", &grant.Terms{Label: "alice", Expires: realNow(t, l).Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		takes = 2 * time.Minute
		if c, err := k.Restore(t.Context(), secret, nil); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("it came after the end: %v, want unknown", err)
			c.Release()
		}
		takes = 30 * time.Second
		c, err := k.Restore(t.Context(), secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		if err := add(t.Context(), c, 1); err != nil {
			t.Errorf("after half of the time: %v", err)
		}
		time.Sleep(30 * time.Second)
		if msg := is(add(t.Context(), c, 1), ocap.Expired); msg != "" {
			t.Errorf("at the end: %s", msg)
		}
	})
}

// realNow is the ledger's time.
func realNow(t *testing.T, l engine) time.Time {
	t.Helper()
	e, _, err := l.Share(t.Context(), store.Host, store.Share{Label: "what time is it", Object: "clock"})
	if err != nil {
		t.Fatal(err)
	}
	return e.Created
}
