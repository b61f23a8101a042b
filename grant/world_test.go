package grant_test

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/store"
	"lanyard.dev/store/postgres"
	"lanyard.dev/store/sqlite"
	"lanyard.dev/store/storetest/pgtest"
)

// engine is what both databases are.
type engine interface {
	store.Ledger
	store.Feed
}

// onDisk opens a ledger in a file of the test.
func onDisk(t testing.TB) engine {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// world is a host with one shelf.
type world struct {
	*grant.Keeper
	t      testing.TB
	store  *shelf.Store
	ledger engine
}

func schemas(t testing.TB) *schema.Registry {
	t.Helper()
	reg, err := schema.Load(shelf.ShelfSchema(), grant.GrantSchema())
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func newWorld(t testing.TB, l engine, o *grant.Options) *world {
	t.Helper()
	if o == nil {
		o = &grant.Options{}
	}
	o.Reference, o.Root = reference, shelf.Root
	s := &shelf.Store{}
	k, err := grant.New(t.Context(), l, l, schemas(t), s.Objects, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &world{k, t, s, l}
}

// References of these tests are a word and the secret in letters.
func reference(s store.Secret) (string, error) {
	return "ref:" + base32.StdEncoding.EncodeToString(s[:]), nil
}

func secretOf(t testing.TB, ref string) store.Secret {
	t.Helper()
	b, err := base32.StdEncoding.DecodeString(strings.TrimPrefix(ref, "ref:"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.ParseSecret(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// issue makes a root and restores it.
func (w *world) issue(object string, t *grant.Terms) (store.Secret, grant.Grant) {
	w.t.Helper()
	_, s, err := w.Issue(w.t.Context(), object, t)
	if err != nil {
		w.t.Fatalf("issue %s: %v", object, err)
	}
	return s, w.restore(s)
}

func (w *world) restore(s store.Secret) grant.Grant {
	w.t.Helper()
	c, err := w.Restore(w.t.Context(), s, nil)
	if err != nil {
		w.t.Fatalf("restore: %v", err)
	}
	w.t.Cleanup(c.Release)
	return grant.Grant{Client: c}
}

// give shares a grant and restores it.
func (w *world) give(g grant.Grant, t *grant.Terms) (store.Secret, grant.Grant) {
	w.t.Helper()
	ref, _, err := share(w.t.Context(), g, t)
	if err != nil {
		w.t.Fatalf("share %s: %v", t.Label, err)
	}
	s := secretOf(w.t, ref)
	return s, w.restore(s)
}

// share calls Share with the terms.
func share(ctx context.Context, g grant.Grant, t *grant.Terms) (ref string, id uint64, err error) {
	p := g.Share(ctx, func(p grant.GrantShareParamsBuilder) {
		p.SetLabel(t.Label)
		if err := narrow.Write(p.NewSteps(len(t.Steps)), t.Steps); err != nil {
			panic(err)
		}
		p.SetUses(t.Uses)
		if !t.Expires.IsZero() {
			p.SetExpires(t.Expires.UnixNano())
		}
		if t.SealFor != nil {
			p.NewSealFor().SetKey(t.SealFor)
		}
	})
	defer p.Release()
	res, err := p.Wait()
	if err != nil {
		return "", 0, err
	}
	return res.Reference().Text(), res.Edge().Id(), nil
}

func label(l string) func(grant.SelectorBuilder) {
	return func(b grant.SelectorBuilder) { b.SetLabels([]string{l}) }
}

func revoke(ctx context.Context, g grant.Grant, l string) (uint64, error) {
	p := g.Revoke(ctx, func(p grant.GrantRevokeParamsBuilder) {
		label(l)(p.NewEdge())
		p.SetReason("because of the test")
	})
	defer p.Release()
	res, err := p.Wait()
	if err != nil {
		return 0, err
	}
	return res.Revocation(), nil
}

// box is the grant as a box.
func box(g grant.Grant) shelf.Box { return shelf.Box{Client: g.Client} }

func add(ctx context.Context, c capnp.Client, n int64) error {
	p := (shelf.Box{Client: c}).Add(ctx, func(p shelf.BoxAddParamsBuilder) { p.SetN(n) })
	defer p.Release()
	_, err := p.Wait()
	return err
}

// eventually waits for something that happens in the background.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not in a minute: %s", what)
		}
		runtime.Gosched()
		<-time.After(time.Millisecond)
	}
}

// is reports whether an error is what the words say, for tables.
func is(err, target error) string {
	switch {
	case err == nil:
		return "no error"
	case errors.Is(err, target):
		return ""
	}
	return fmt.Sprintf("%v is not %v", err, target)
}

// runGC lets the collector find what nobody holds.
func runGC() { runtime.GC(); runtime.GC() }

// engines runs a test on both databases: open opens the same ledger again.
func engines(t *testing.T, test func(t *testing.T, open func() engine)) {
	t.Run("sqlite", func(t *testing.T) {
		l := onDisk(t)
		test(t, func() engine { return l })
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgresServer.Database(t)
		key := store.NewKey()
		test(t, func() engine { return onServer(t, url, key) })
	})
}

var postgresServer = pgtest.New()

func onServer(t testing.TB, url string, key store.Key) engine {
	t.Helper()
	l, err := postgres.Open(t.Context(), url, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestMain(m *testing.M) {
	if path := os.Getenv(envServe); path != "" {
		fmt.Fprintln(os.Stderr, serveUntilKilled(path))
		os.Exit(1)
	}
	code := m.Run()
	postgresServer.Stop()
	os.Exit(code)
}
