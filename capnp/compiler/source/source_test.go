package source_test

import (
	"fmt"
	"testing"

	"lanyard.dev/capnp/compiler/source"
)

func ExampleFile_Position() {
	f := source.New("calc.capnp", "@0xd2c5a0dc0a0c4b4b;\nstruct A {}\n")
	p := f.Position(28)
	fmt.Printf("%s:%d:%d\n", f.Name(), p.Line, p.Column)
	// Output: calc.capnp:2:8
}

func TestPosition(t *testing.T) {
	f := source.New("f", "ab\n\ncé\r\nd")
	for _, tt := range []struct {
		offset       uint32
		line, column int
	}{
		{0, 1, 1}, {1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {5, 3, 2}, {7, 3, 4}, {9, 4, 1}, {10, 4, 2}, {11, 4, 2}, {1 << 31, 4, 2},
	} {
		if got := f.Position(tt.offset); got != (source.Position{Line: tt.line, Column: tt.column}) {
			t.Errorf("position of %d is %v, want %d:%d", tt.offset, got, tt.line, tt.column)
		}
	}
	for n, want := range []string{"", "ab", "", "cé", "d", ""} {
		if got := f.Line(n); got != want {
			t.Errorf("line %d is %q, want %q", n, got, want)
		}
	}
	if f.Lines() != 4 || source.New("", "a\n").Lines() != 2 || source.New("", "").Lines() != 1 {
		t.Error("wrong number of lines")
	}
}

func TestSlice(t *testing.T) {
	f := source.New("f", "0123456789")
	for _, tt := range []struct {
		start, end uint32
		want       string
	}{
		{0, 0, ""}, {2, 5, "234"}, {8, 99, "89"}, {50, 99, ""},
	} {
		if got := f.Slice(source.Span{Start: tt.start, End: tt.end}); got != tt.want {
			t.Errorf("slice %d-%d is %q, want %q", tt.start, tt.end, got, tt.want)
		}
	}
}

func TestSpan(t *testing.T) {
	a, b := source.Span{Start: 2, End: 4}, source.Span{Start: 3, End: 9}
	if got := a.To(b); got != (source.Span{Start: 2, End: 9}) || got.Len() != 7 {
		t.Error(got)
	}
	if got := a.To(source.Span{Start: 2, End: 3}); got != a {
		t.Error(got)
	}
}
