package deputy

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

// The numbers that the demo prints.
func TestPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		p    Program
		want int
	}{
		"paths":        {WithPaths, 3},
		"more checks":  {WithMoreChecks, 5},
		"capabilities": {WithCapabilities, 0},
	} {
		if got, err := tt.p.Places(); err != nil || got != tt.want {
			t.Errorf("%s: %d places (%v), want %d", name, got, err, tt.want)
		}
	}
}

// The counter finds decisions in whatever form.
func TestDecisionsAreFound(t *testing.T) {
	for _, tt := range []struct {
		body string
		want int
	}{
		{"if err != nil { return }", 0},
		{"for range 3 {}", 0},
		{"if ok { return }", 1},
		{"if !may(who) { return }", 1},
		{"if err == nil && ok { return }", 2},
		{"x := a || b", 1},
		{"switch who { case alice: }", 1},
		{"switch who.(type) {}", 1},
		{"for !ok {}", 1},
		{"f := func() { if who == alice {} }", 1},
	} {
		got, err := decisions("x.go", []byte("package p\nfunc f() { "+tt.body+" }"))
		if err != nil || got != tt.want {
			t.Errorf("%s: %d (%v), want %d", tt.body, got, err, tt.want)
		}
	}
	if _, err := decisions("x.go", []byte("package")); err == nil {
		t.Error("what does not parse has no decisions")
	}
}

// A daemon with capabilities uses what it is given, and fails with who gives nothing.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	open := func(name, text string) *os.File {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var log bytes.Buffer
	p := NewPrinter(&Daemon{Log: &log})
	from, to := OpenDocument(open("from", "a\nb")), OpenSheet(open("to", "what was there, which is longer"))
	res, err := p.Print(context.Background(), func(b PrinterPrintParamsBuilder) {
		b.SetFrom(from)
		b.SetTo(to)
	}).Wait()
	if err != nil || res.Lines() != 2 {
		t.Fatalf("%d, %v", res.Lines(), err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "to")); string(got) != "1 a\n2 b\n" {
		t.Errorf("printed %q", got)
	}
	if log.String() != "printed 2 lines\n" {
		t.Errorf("logged %q", log.String())
	}
	if _, err := p.Print(context.Background(), nil).Wait(); err == nil {
		t.Error("printed nothing onto nothing")
	}
	_, err = p.Print(context.Background(), func(b PrinterPrintParamsBuilder) {
		b.SetFrom(Document(to)) // a sheet cannot be read
		b.SetTo(to)
	}).Wait()
	if !errors.Is(err, capnp.Unimplemented) {
		t.Error(err)
	}
}

func TestAccessListCounts(t *testing.T) {
	l := &AccessList{May: map[Access]bool{{"a", "read", "/x"}: true}}
	for path, want := range map[string]bool{"/x/f": true, "/x/y/../f": true, "/y/f": false, "/x/../y/f": false} {
		if got := l.Allows("a", "read", path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	if all, allowed := l.Decided(); all != 4 || allowed != 2 {
		t.Errorf("%d decisions, %d allowed", all, allowed)
	}
	if err := denied("a", "read"); !strings.Contains(err.Error(), "a may not read") {
		t.Error(err)
	}
}
