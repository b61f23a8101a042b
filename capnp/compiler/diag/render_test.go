package diag_test

import (
	"os"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
)

func ExampleWrite() {
	f := source.New("point.capnp", "struct Point {\n  x @0 :Int32;\n\ty @0 :Int32;\n}\n")
	diag.Write(os.Stdout, []diag.Diagnostic{{
		Code:    diag.OrdinalTwice,
		File:    f,
		Span:    source.Span{Start: 34, End: 35},
		Message: "Duplicate ordinal number.",
		Notes:   []diag.Note{{File: f, Span: source.Span{Start: 20, End: 21}, Message: "Ordinal @0 originally used here."}},
		Hint:    "the next free ordinal is @1",
	}}, nil)
	// Output:
	// point.capnp:3:5-6: error: Duplicate ordinal number. [ordinal-twice]
	//     3 |     y @0 :Int32;
	//       |        ^
	// point.capnp:2:6-7: note: Ordinal @0 originally used here.
	//     2 |   x @0 :Int32;
	//       |      -
	//   hint: the next free ordinal is @1
}

// at is a finding on a part of a text.
func at(text string, start, end int) diag.Diagnostic {
	return diag.Diagnostic{Code: "c", File: source.New("f", text), Span: source.Span{Start: uint32(start), End: uint32(end)}, Message: "m"}
}

func render(t *testing.T, opt *diag.WriteOptions, all ...diag.Diagnostic) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Write(&b, all, opt); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	long := strings.Repeat("abcdefghi ", 30)
	tests := []struct {
		name string
		d    diag.Diagnostic
		want string
	}{
		{"whole line", at("abc", 0, 3), "f:1:1-4: error: m [c]\n    1 | abc\n      | ^^^\n"},
		{"empty span", at("abc", 1, 1), "f:1:2: error: m [c]\n    1 | abc\n      |  ^\n"},
		{"at the end", at("abc", 3, 3), "f:1:4: error: m [c]\n    1 | abc\n      |    ^\n"},
		{"empty file", at("", 0, 0), "f:1:1: error: m [c]\n    1 |\n      | ^\n"},
		{"past the end", at("abc", 9, 12), "f:1:4: error: m [c]\n    1 | abc\n      |    ^\n"},
		{"several lines", at("ab\ncd\nef", 1, 7), "f:1: error: m [c]\n    1 | ab\n      |  ^\n"},
		{"tab", at("\ta\tb", 1, 4), "f:1:2-5: error: m [c]\n    1 |     a   b\n      |     ^^^^^\n"},
		{"wide characters", at("ä ö ü", 6, 8), "f:1:7-9: error: m [c]\n    1 | ä ö ü\n      |     ^\n"},
		{"control characters", at("a\x1b[31mb\x07", 0, 1), "f:1:1-2: error: m [c]\n    1 | a [31mb\n      | ^\n"},
		{"right to left", at("a\u202eb", 4, 5), "f:1:5-6: error: m [c]\n    1 | a b\n      |   ^\n"},
		{"invalid UTF-8", at("a\xffb", 2, 3), "f:1:3-4: error: m [c]\n    1 | a b\n      |   ^\n"},
		{"long line", at(long, 150, 159), "f:1:151-160: error: m [c]\n    1 | " + strings.TrimSpace(long[110:210]) + "\n      | " + strings.Repeat(" ", 40) + "^^^^^^^^^\n"},
		{"long line, start", at(long, 0, 200), "f:1:1-201: error: m [c]\n    1 | " + strings.TrimSpace(long[:100]) + "\n      | " + strings.Repeat("^", 100) + "\n"},
		{"no file", diag.Diagnostic{Code: "c", Message: "m", Hint: "h"}, "?: error: m [c]\n  hint: h\n"},
		{"no code", diag.Diagnostic{Message: "m", Severity: diag.Warning}, "?: warning: m\n"},
		{"hostile message", diag.Diagnostic{Message: "a\nb\x1b" + strings.Repeat("x", 3000)}, "?: error: a b " + strings.Repeat("x", 1996) + "…\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := render(t, nil, tt.d); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestWriteShort(t *testing.T) {
	d := at("abc\ndef", 0, 1)
	d.Notes = []diag.Note{{File: d.File, Span: source.Span{Start: 4, End: 7}, Message: "n"}}
	d.Hint = "h"
	want := "f:1:1-2: error: m\nf:2:1-4: note: n\nf:1:3: error: m\n"
	if got := render(t, &diag.WriteOptions{Short: true}, d, at("abc", 2, 2)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestList(t *testing.T) {
	l := diag.List{Max: 2}
	for _, s := range []diag.Severity{diag.Warning, diag.Error, diag.Error, diag.Warning} {
		l.Add(diag.Diagnostic{Severity: s})
	}
	if len(l.All()) != 2 || l.Errors() != 2 || l.Dropped() != 2 || !l.Full() {
		t.Errorf("kept %d, %d errors, dropped %d, full %v", len(l.All()), l.Errors(), l.Dropped(), l.Full())
	}
	muted := diag.List{}
	muted.Add(diag.Diagnostic{Code: diag.OrdinalTwice})
	muted.SyntaxOnly()
	muted.Add(diag.Diagnostic{Code: diag.OrdinalTwice})
	muted.Add(diag.Diagnostic{Code: diag.Unclosed})
	if len(muted.All()) != 2 || muted.Errors() != 2 {
		t.Errorf("%v, want the one before and the one of syntax", muted.All())
	}
	var zero diag.List
	for range diag.DefaultMax {
		if zero.Full() {
			t.Fatal("full too early")
		}
		zero.Add(diag.Diagnostic{})
	}
	if !zero.Full() {
		t.Error("not full at the default")
	}
}
