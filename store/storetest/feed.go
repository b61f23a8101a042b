package storetest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/store"
)

func testFeed(t *testing.T, h *Harness) {
	ctx := t.Context()
	if head := must[store.Cursor](t)(h.A.Head(ctx)); head != 0 {
		t.Errorf("the head of an empty feed is %d", head)
	}
	edges, _ := line(t, h.A, store.Host, "a", "b", "c") // sharing is no event
	a, b, c := edges[0].ID, edges[1].ID, edges[2].ID
	r := revoke(t, h.A, a, b)
	must[store.Effect](t)(h.B.Undo(ctx, a, r.ID))
	must[store.Secret](t)(h.A.Rotate(ctx, a, c))
	if err := h.B.Drop(ctx, c); err != nil {
		t.Fatal(err)
	}
	want := []store.Event{
		{Cursor: 1, Verb: store.VerbRevoked, Edge: b, Revocation: r.ID, Reason: "test"},
		{Cursor: 2, Verb: store.VerbUndone, Edge: b, Revocation: r.ID},
		{Cursor: 3, Verb: store.VerbRotated, Edge: c},
		{Cursor: 4, Verb: store.VerbDropped, Edge: c},
	}
	for after := range 5 {
		for _, max := range []int{1, 2, 100} {
			got := must[[]store.Event](t)(h.A.Since(ctx, store.Cursor(after), max))
			for i := range got {
				if got[i].At.IsZero() {
					t.Error("an event without a time")
				}
				got[i].At = time.Time{}
			}
			if rest := want[after:]; !slices.Equal(got, rest[:min(max, len(rest))]) {
				t.Errorf("since %d, at most %d: %+v", after, max, got)
			}
		}
	}
	if head := must[store.Cursor](t)(h.B.Head(ctx)); head != 4 || r.Cursor != 1 {
		t.Errorf("head %d, the revocation's cursor %d", head, r.Cursor)
	}
	if chain := must[store.Chain](t)(h.A.Lookup(ctx, a)); chain.Cursor != 4 {
		t.Errorf("a chain read at %d", chain.Cursor)
	}
}

// testFeedRace: while many revoke on both replicas, readers never see a gap, never a
// number they had passed, and what an event says is already true for everybody.
func testFeedRace(t *testing.T, h *Harness) {
	ctx := t.Context()
	const edges, writers = 40, 8
	root, _ := share(t, h.A, store.Host, store.Share{Label: "root"})
	var targets []store.Edge
	for i := range edges {
		e, _ := share(t, h.A, root.ID, store.Share{Label: numbered("e", i)})
		targets = append(targets, e)
	}
	done := make(chan struct{})
	var readers, revokers sync.WaitGroup
	for _, l := range []Store{h.A, h.B} {
		readers.Go(func() {
			var at store.Cursor
			for last := false; ; {
				got, err := l.Since(ctx, at, 7)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range got {
					if e.Cursor != at+1 {
						t.Errorf("event %d after %d", e.Cursor, at)
					}
					at = e.Cursor
					if _, err := l.Lookup(ctx, e.Edge); err != store.ErrUnknown {
						t.Errorf("edge %d is alive after its event: %v", e.Edge, err)
					}
				}
				if last && len(got) == 0 {
					if at != edges {
						t.Errorf("the feed ends at %d", at)
					}
					return
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
		})
	}
	var next atomic.Int64
	for i := range writers {
		l := Store(h.A)
		if i%2 == 1 {
			l = h.B
		}
		revokers.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= edges {
					return
				}
				r, err := l.Revoke(ctx, root.ID, targets[n].ID, "")
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := l.Since(ctx, r.Cursor-1, 1); err != nil || len(got) != 1 || got[0].Edge != targets[n].ID {
					t.Errorf("event %d: %+v, %v", r.Cursor, got, err)
				}
			}
		})
	}
	revokers.Wait()
	close(done)
	readers.Wait()
}

func testWait(t *testing.T, h *Harness) {
	edges, _ := line(t, h.A, store.Host, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.A.Wait(ctx, 0); err != context.Canceled {
		t.Errorf("wait with nothing new: %v", err)
	}
	for _, waiting := range []Store{h.A, h.B} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		at := must[store.Cursor](t)(waiting.Head(ctx))
		woken := make(chan error, 1)
		go func() {
			for {
				if err := waiting.Wait(ctx, at); err != nil {
					woken <- err
					return
				}
				if head, err := waiting.Head(ctx); err != nil || head > at {
					woken <- err
					return
				}
			}
		}()
		r := revoke(t, h.A, edges[0].ID, edges[1].ID)
		if err := <-woken; err != nil {
			t.Errorf("not woken: %v", err)
		}
		if err := waiting.Wait(ctx, at); err != nil { // there is something already
			t.Error(err)
		}
		must[store.Effect](t)(h.A.Undo(ctx, edges[0].ID, r.ID))
	}
}

func testVats(t *testing.T, h *Harness) {
	ctx := t.Context()
	h.Advance(time.Hour)
	announce := func(l Store, vat string, at store.Cursor, lease time.Duration) {
		t.Helper()
		if err := l.Announce(ctx, vat, at, lease); err != nil {
			t.Fatal(err)
		}
	}
	behind := func(at store.Cursor, want ...string) {
		t.Helper()
		var got []string
		for _, v := range must[[]store.Vat](t)(h.B.Behind(ctx, at)) {
			if v.Cursor >= at || v.Until.IsZero() {
				t.Errorf("vat %+v is not behind", v)
			}
			got = append(got, v.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("behind %d: %q, want %q", at, got, want)
		}
	}
	behind(1)
	announce(h.A, "x", 0, 5*time.Second)
	announce(h.B, "y", 0, 10*time.Second)
	behind(0)
	behind(1, "x", "y")
	announce(h.A, "x", 1, 5*time.Second)
	behind(1, "y")
	behind(2, "x", "y")
	h.Advance(5 * time.Second)
	behind(2, "y") // x's lease has run out
	announce(h.A, "x", 0, 5*time.Second)
	behind(1, "x", "y") // x started anew
	if err := h.A.Retire(ctx, "y"); err != nil {
		t.Fatal(err)
	}
	if err := h.A.Retire(ctx, "nobody"); err != nil {
		t.Fatal(err)
	}
	behind(1, "x")
	h.Advance(time.Minute)
	behind(1)
	for _, bad := range []error{
		h.A.Announce(ctx, "", 0, time.Second), h.A.Announce(ctx, "x", 0, 0),
		h.A.Announce(ctx, "x", 0, 48*time.Hour), h.A.Announce(ctx, "a\nb", 0, time.Second),
	} {
		if bad == nil {
			t.Error("a bad announcement was taken")
		}
	}
}
