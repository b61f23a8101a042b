package grant_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// What nobody holds any more is forgotten, and after Close nothing runs.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("world", func(t *testing.T) {
		l := onDisk(t)
		w := newWorld(t, l, nil)
		_, root := w.issue("shelf", &grant.Terms{Label: "root"})
		for i := range 50 {
			ref, _, err := share(t.Context(), root, &grant.Terms{Label: fmt.Sprint(i), Uses: 100})
			if err != nil {
				t.Fatal(err)
			}
			c, err := w.Restore(t.Context(), secretOf(t, ref), nil)
			if err != nil {
				t.Fatal(err)
			}
			p := shelf.Shelf{Client: c}.Itself(t.Context(), nil)
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			p.Release()
			c.Release()
		}
		eventually(t, "only the root is known", func() bool {
			runGC()
			rows, edges := w.Rows()
			return rows == 1 && edges == 2
		})
		if _, err := revoke(t.Context(), w.Host(), "root"); err != nil {
			t.Fatal(err)
		}
		if rows, edges := w.Rows(); rows != 0 || edges != 0 {
			t.Errorf("%d rows, %d edges after the root was revoked, want none", rows, edges)
		}
		if n := w.Busy(); n != 0 {
			t.Errorf("%d places taken", n)
		}
	})
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// Close ends what was handed out; the references restore elsewhere.
func TestClose(t *testing.T) {
	l := onDisk(t)
	w := newWorld(t, l, nil)
	s, g := w.issue("box a", &grant.Terms{Label: "root"})
	held := box(g).Hold(t.Context(), nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Wait(); !errors.Is(err, capnp.Disconnected) || errors.Is(err, ocap.Revoked) {
		t.Errorf("a call under way: %v, want disconnected", err)
	}
	if err := add(t.Context(), g.Client, 1); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("a call: %v, want disconnected", err)
	}
	if _, err := w.Restore(t.Context(), s, nil); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("restore: %v, want disconnected", err)
	}
	vats, err := l.Behind(t.Context(), 1<<40)
	if err != nil || len(vats) != 0 {
		t.Errorf("vats that one has to wait for: %v, %v; want none", vats, err)
	}
	if err := add(t.Context(), newWorld(t, l, nil).restore(s).Client, 1); err != nil {
		t.Errorf("at another vat: %v", err)
	}
}

// Each limit holds: n are let in, n+1 are not.
func TestLimits(t *testing.T) {
	l := onDisk(t)
	w := newWorld(t, l, &grant.Options{Limits: grant.Limits{Live: 3, Page: 2}})
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	var secrets []store.Secret
	for i := range 3 {
		ref, _, err := share(t.Context(), root, &grant.Terms{Label: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secretOf(t, ref))
	}
	w.restore(secrets[0])
	w.restore(secrets[1])
	if _, err := w.Restore(t.Context(), secrets[2], nil); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("one more live grant than allowed: %v, want overloaded", err)
	}
	if again := w.restore(secrets[1]); again.IsNull() {
		t.Error("what is in use is not restored again")
	}

	var got []string
	after := uint64(0)
	for pages := 1; ; pages++ {
		res, err := root.List(t.Context(), func(p grant.GrantListParamsBuilder) {
			p.SetAfter(after)
			p.SetMax(1000)
		}).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if n := res.Edges().Len(); n > 2 {
			t.Errorf("a page of %d, limit 2", n)
		}
		for _, e := range res.Edges().All() {
			got = append(got, e.Label())
		}
		if after = res.Next(); after == 0 {
			if pages != 2 {
				t.Errorf("%d pages, want 2", pages)
			}
			break
		}
	}
	if strings.Join(got, " ") != "0 1 2" {
		t.Errorf("listed %v", got)
	}
}

// blocking is a ledger that answers Take and Restore when it is let.
type blocking struct {
	engine
	let chan struct{}
}

func (b *blocking) Take(ctx context.Context, e store.EdgeID, n int64) (store.Allotment, error) {
	<-b.let
	return b.engine.Take(ctx, e, n)
}

func (b *blocking) Restore(ctx context.Context, s store.Secret, owner []byte) (store.Chain, error) {
	<-b.let
	return b.engine.Restore(ctx, s, owner)
}

// Those who wait for a ledger that hangs are counted too.
func TestWaitingIsLimited(t *testing.T) {
	b := &blocking{onDisk(t), make(chan struct{}, 1)}
	w := newWorld(t, b, &grant.Options{Limits: grant.Limits{Work: 1, Queue: 2, Waiting: 3}})
	b.let <- struct{}{}
	_, root := w.issue("box a", &grant.Terms{Label: "root", Uses: 100})

	var calls []shelf.BoxSumResultsPromise
	for range 10 {
		calls = append(calls, box(root).Sum(t.Context(), nil))
	}
	over := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			if _, err := c.Wait(); errors.Is(err, capnp.Overloaded) {
				mu.Lock()
				over++
				mu.Unlock()
			} else if err != nil {
				t.Errorf("a call: %v", err)
			}
		})
	}
	eventually(t, "those too many hear so", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return over > 0
	})

	ctx, cancel := context.WithCancel(t.Context())
	busy := 0
	var results sync.WaitGroup
	for range 5 {
		results.Go(func() {
			_, err := w.Restore(ctx, store.NewSecret(), nil)
			if errors.Is(err, capnp.Overloaded) {
				mu.Lock()
				busy++
				mu.Unlock()
			}
		})
	}
	eventually(t, "2 of 5 restores are too many", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return busy == 2
	})
	cancel()
	close(b.let)
	results.Wait()
	wg.Wait()
	if over == 0 || over > 9 {
		t.Errorf("%d of 10 calls were too many, with room for 3 and those that are counted", over)
	}
}

// Who asks so much that others are turned away keeps nobody from taking back what they have.
func TestTakingBackDoesNotQueue(t *testing.T) {
	b := &blocking{onDisk(t), make(chan struct{}, 4)}
	w := newWorld(t, b, &grant.Options{Limits: grant.Limits{Work: 1, Queue: 1}})
	for range 4 {
		b.let <- struct{}{}
	}
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	_, alice := w.give(root, &grant.Terms{Label: "alice"})
	_, bob := w.give(alice, &grant.Terms{Label: "bob"})
	for len(b.let) > 0 {
		<-b.let
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { w.Restore(ctx, store.NewSecret(), nil) })
	}
	eventually(t, "all places are taken", func() bool { return w.Busy() == 2 })
	if _, _, err := share(t.Context(), bob, &grant.Terms{Label: "dan"}); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("bob shares: %v, want overloaded", err)
	}
	if _, err := revoke(t.Context(), alice, "bob"); err != nil {
		t.Errorf("alice revokes: %v", err)
	}
	if _, err := revoke(t.Context(), root, "alice"); err != nil {
		t.Errorf("the root revokes: %v", err)
	}
	if _, err := revoke(t.Context(), w.Host(), "root"); err != nil {
		t.Errorf("the host revokes: %v", err)
	}
	cancel()
	close(b.let)
	wg.Wait()
}

// Secrets stand in no log, and no error.
func TestNoSecretsInLogs(t *testing.T) {
	var mu sync.Mutex
	var log strings.Builder
	h := slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug})
	w := newWorld(t, onDisk(t), &grant.Options{Log: slog.New(h)})
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	ref, _, err := share(t.Context(), root, &grant.Terms{Label: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	g := w.restore(secretOf(t, ref))
	if _, err := revoke(t.Context(), root, "alice"); err != nil {
		t.Fatal(err)
	}
	_ = add(t.Context(), g.Client, 1)
	_, err = w.Restore(t.Context(), secretOf(t, ref), nil)
	mu.Lock()
	defer mu.Unlock()
	said := log.String() + fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, word := range []string{"share", "restore", "revoke", "label=alice"} {
		if !strings.Contains(said, word) {
			t.Errorf("the log does not say %s:\n%s", word, said)
		}
	}
	s := secretOf(t, ref)
	for _, secret := range []string{ref[4:20], fmt.Sprintf("%x", s[:8]), fmt.Sprint(s[:6])} {
		if strings.Contains(said, secret) {
			t.Errorf("the log has the secret, or a part of it:\n%s", said)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// Close does not wait for an object that never comes.
func TestCloseWhileRestoring(t *testing.T) {
	l := onDisk(t)
	asked := make(chan struct{})
	k, err := grant.New(t.Context(), l, l, nil, func(ctx context.Context, _ string) (capnp.Client, error) {
		close(asked)
		<-ctx.Done()
		return capnp.Client{}, context.Cause(ctx)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, s, err := k.Issue(t.Context(), "box a", &grant.Terms{Label: "root"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := k.Restore(context.WithoutCancel(t.Context()), s, nil)
		done <- err
	}()
	<-asked
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, capnp.Disconnected) {
		t.Errorf("the restore: %v, want disconnected", err)
	}
}
