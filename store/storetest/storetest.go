// Package storetest is the suite that every engine of the grant ledger passes:
// give [Run] a way to make an empty ledger and to open it twice.
//
// It tests what package store promises. What only one engine has (files,
// processes, a server that stops) is tested where the engine is.
package storetest

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lanyard.dev/store"
)

// tester is what a testing.T and a rapid.T have in common here.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// A Store is both halves of an engine.
type Store interface {
	store.Ledger
	store.Feed
}

// A Harness is one empty ledger.
type Harness struct {
	A, B Store // two replicas of it: what one does, the other sees

	// Advance moves the ledger's clock forward for good.
	Advance func(by time.Duration)
}

// Run runs the suite. New is called once for each test; what it opens it closes
// by t.Cleanup.
func Run(t *testing.T, fresh func(t *testing.T) *Harness) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h *Harness)
	}{
		{"Share", testShare},
		{"ShareRefuses", testShareRefuses},
		{"Labels", testLabels},
		{"Reach", testReach},
		{"Refusals", testRefusals},
		{"Rotate", testRotate},
		{"Expiry", testExpiry},
		{"Lists", testLists},
		{"Why", testWhy},
		{"DropAndRelease", testDrop},
		{"Nested", testNested},
		{"Model", testModel},
		{"RevokeAgainstRestore", testRevokeAgainstRestore},
		{"Take", testTake},
		{"TakeRace", testTakeRace},
		{"TakeConserves", testTakeConserves},
		{"Used", testUsed},
		{"Charge", testCharge},
		{"ChargeRace", testChargeRace},
		{"Feed", testFeed},
		{"FeedRace", testFeedRace},
		{"Wait", testWait},
		{"Vats", testVats},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// Times is how often a test should do what it does n times: fewer under the race
// detector, at least once.
func Times(n int) int { return max(1, n/slow) }

// property is rapid.Check, with fewer cases under the race detector.
func property(t *testing.T, prop func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	n, err := strconv.Atoi(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := checks.Value.Set(strconv.Itoa(Times(n))); err != nil {
		t.Fatal(err)
	}
	defer checks.Value.Set(before)
	rapid.Check(t, prop)
}

// share shares with a secret, and fails the test if it cannot.
func share(t tester, l store.Ledger, by store.EdgeID, s store.Share) (store.Edge, store.Secret) {
	t.Helper()
	s.Stored = true
	if by == store.Host && s.Object == "" {
		s.Object = "object"
	}
	e, secret, err := l.Share(context.Background(), by, s)
	if err != nil {
		t.Fatalf("Share(%d, %q): %v", by, s.Label, err)
	}
	return e, secret
}

// line shares a chain of edges with these labels, each below the one before.
func line(t tester, l store.Ledger, by store.EdgeID, labels ...string) ([]store.Edge, []store.Secret) {
	t.Helper()
	var edges []store.Edge
	var secrets []store.Secret
	for _, label := range labels {
		e, s := share(t, l, by, store.Share{Label: label})
		edges, secrets = append(edges, e), append(secrets, s)
		by = e.ID
	}
	return edges, secrets
}

func revoke(t tester, l store.Ledger, by, edge store.EdgeID) store.Revocation {
	t.Helper()
	r, err := l.Revoke(context.Background(), by, edge, "test")
	if err != nil {
		t.Fatalf("Revoke(%d, %d): %v", by, edge, err)
	}
	return r
}

func restores(t tester, l store.Ledger, s store.Secret) bool {
	t.Helper()
	_, err := l.Restore(context.Background(), s, nil)
	if err != nil && err != store.ErrUnknown {
		t.Fatalf("Restore: %v", err)
	}
	return err == nil
}

func ids(edges []store.Edge) []store.EdgeID {
	out := make([]store.EdgeID, len(edges))
	for i, e := range edges {
		out[i] = e.ID
	}
	return out
}

func labels(edges []store.Edge) []string {
	out := make([]string, len(edges))
	for i, e := range edges {
		out[i] = e.Label
	}
	return out
}

func wantErr(t tester, what string, got, want error) {
	t.Helper()
	if got != want { // the very value: ErrUnknown says nothing more
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func wantIDs(t tester, what string, got, want []store.EdgeID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func must[T any](t tester) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// numbered is a label that is not taken.
func numbered(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, n) }
