//go:build unix

package capnp

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
)

// reading is an object with a file.
type reading struct {
	testServer
	f *os.File
}

func (r *reading) Impl() any      { return r }
func (r *reading) File() *os.File { return r.f }

// FileOf gives a duplicate of the object's file, through promises, for as long as it is open.
func TestFileOf(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := NewServer(&reading{f: r})
	synctest.Test(t, func(t *testing.T) {
		p, resolver := NewPromise[anyTyped]()
		go func() {
			synctest.Wait() // for FileOf
			resolver.Resolve(anyTyped{c})
		}()
		f, err := FileOf(t.Context(), p.Client)
		if err != nil {
			t.Fatal(err)
		}
		w.WriteString("hello")
		w.Close()
		if b, err := io.ReadAll(f); err != nil || string(b) != "hello" {
			t.Errorf("read %q, %v", b, err)
		}
		f.Close()
	})
	r.Close()
	for name, c := range map[string]Client{
		"closed": c, "none": NewServer(&reading{}), "no FileServer": serve(nil), "elsewhere": NewClient(newCounted("elsewhere")),
	} {
		if _, err := FileOf(t.Context(), c); !errors.Is(err, ErrNoFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	why := NewError(Overloaded, "why")
	if _, err := FileOf(t.Context(), Broken(why)); !errors.Is(err, why) {
		t.Errorf("broken: %v", err)
	}
}
