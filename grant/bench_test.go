package grant_test

import (
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
)

// A call on an object, through a grant of it, and through one eight edges deep, which is no more.
func BenchmarkCall(b *testing.B) {
	w := newWorld(b, onDisk(b), nil)
	bare, err := w.store.Objects(b.Context(), "box a")
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Release()
	_, root := w.issue("box a", &grant.Terms{Label: "root"})
	deep := root
	for range 7 {
		_, deep = w.give(deep, &grant.Terms{Label: "next"})
	}
	for _, bench := range []struct {
		name string
		c    capnp.Client
	}{{"bare", bare}, {"grant", root.Client}, {"deep", deep.Client}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := add(b.Context(), bench.c, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Restoring what nobody holds.
func BenchmarkRestore(b *testing.B) {
	w := newWorld(b, onDisk(b), nil)
	_, s, err := w.Issue(b.Context(), "box a", &grant.Terms{Label: "root"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := w.Restore(b.Context(), s, nil)
		if err != nil {
			b.Fatal(err)
		}
		c.Release()
	}
}
