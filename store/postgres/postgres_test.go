package postgres

import (
	"fmt"
	"os"
	"testing"
	"time"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
	"lanyard.dev/store/storetest"
	"lanyard.dev/store/storetest/pgtest"
)

var server = pgtest.New()

func TestMain(m *testing.M) {
	if conn := os.Getenv(envChild); conn != "" {
		if err := work(conn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// testKey is the key of every ledger here.
var testKey = store.Key{1, 2, 3}

func openTest(t testing.TB, conn string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), conn, testKey, &Options{Connections: 10})
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

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *storetest.Harness {
		conn := server.Database(t)
		a, b := openTest(t, conn), openTest(t, conn)
		return &storetest.Harness{A: a, B: b, Advance: func(by time.Duration) { advance(t, a, by) }}
	})
}
