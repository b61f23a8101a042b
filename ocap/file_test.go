package ocap_test

import (
	"errors"
	"os"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// held is an object with a file.
type held struct {
	child
	f *os.File
}

func (o *held) Impl() any      { return o }
func (o *held) File() *os.File { return o.f }

// A file is power beyond the methods, and cannot be taken back: no wrapper hands it on.
func TestWrappersKeepFilesToThemselves(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := T{capnp.NewServer(&held{f: f})}
	if d, err := capnp.FileOf(t.Context(), c.Client); err != nil {
		t.Errorf("the object itself: %v", err)
	} else {
		d.Close()
	}
	revocable, revoke := ocap.Revocable(c)
	defer revoke()
	for name, w := range map[string]T{"facet": ocap.Facet(c, parent), "revocable": revocable} {
		if _, err := capnp.FileOf(t.Context(), w.Client); !errors.Is(err, capnp.ErrNoFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
