package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"lanyard.dev/store/internal/ledger"
	"lanyard.dev/store/storetest"
)

func openTest(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func advance(t testing.TB, l *Ledger, by time.Duration) {
	t.Helper()
	err := l.engine.Update(t.Context(), func(tx *ledger.Tx) error { return tx.Advance(t.Context(), by) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestSuite: two openings of one file are as two replicas.
func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *storetest.Harness {
		path := filepath.Join(t.TempDir(), "ledger")
		a, b := openTest(t, path), openTest(t, path)
		return &storetest.Harness{A: a, B: b, Advance: func(by time.Duration) { advance(t, a, by) }}
	})
}
