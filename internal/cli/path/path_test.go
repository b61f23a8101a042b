package path

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"book", "book"},
		{"  book\t", "book"},
		{"my-book_2", "my-book_2"},
		{"book.all", "book.all"},
		{"book.all()", "book.all()"},
		{`book.contact(id: "carol").mailer()`, `book.contact(id: "carol").mailer()`},
		{`book.contact( id = "carol" , ).contact . mailer( )`, ""},
		{`calc.getOperator(op:add).func.call(params: [1, -2.5e3, 0x1f, inf, -inf, .5])`,
			`calc.getOperator(op: add).func.call(params: [1, -2.5e3, 0x1f, inf, -inf, .5])`},
		{`c.m(a: (b = 1, c: (d = true)), e: [(f = void)], g: [])`, `c.m(a: (b = 1, c = (d = true)), e: [(f = void)], g: [])`},
		{`c.m(a: 0x"de ad beef", b: 0x"")`, `c.m(a: 0x"deadbeef", b: 0x"")`},
		{`c.m(a: "x\n\t\x41\101\"\\é")`, `c.m(a: "x\n\x09AA\"\\é")`},
		{`c.m(f: @calc.getOperator(op: add).func, g: @bob)`, `c.m(f: @calc.getOperator(op: add).func, g: @bob)`},
		{"c.m(a:\n 1,)", "c.m(a: 1)"},
	} {
		p, err := Parse(c.source)
		if c.want == "" {
			if err == nil {
				t.Errorf("Parse(%q) = %s, want an error", c.source, p)
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", c.source, err)
			continue
		}
		if got := p.String(); got != c.want {
			t.Errorf("Parse(%q) = %s, want %s", c.source, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", "column 1: expected a petname, found the end"},
		{"1book", "column 1: a petname starts with a letter and has at most 64 bytes"},
		{"@book", `column 1: expected a petname, found "@"`},
		{"book.", "column 6: expected a method or a field, found the end"},
		{"book.1", "column 6: a method or a field starts with a letter"},
		{"book..x", `column 6: expected a method or a field, found "."`},
		{"book x", `column 6: expected "." or the end, found "x"`},
		{"book()", `column 5: expected "." or the end, found "("`},
		{"book.m(", `column 7: "(" is never closed`},
		{"book.m(a: 1", `column 7: "(" is never closed`},
		{"book.m(a: 1 b: 2)", `column 13: expected "," or ")", found "b"`},
		{`book.m("x")`, `column 8: expected a name or ")", found "\""`},
		{"book.m(1)", "column 8: a value needs its name: NAME: 1"},
		{"book.m(x)", "column 8: a value needs its name: NAME: x"},
		{"book.m(a 1)", `column 10: expected ":", found "1"`},
		{"book.m(a: )", `column 11: expected a value, found ")"`},
		{"book.m(a: 1, a: 2)", "column 14: a stands here twice"},
		{"book.m(a: [1, 2)", `column 16: expected "," or "]", found ")"`},
		{"book.m(a: [1", `column 11: "[" is never closed`},
		{"book.m(a: 01)", `column 11: "01" is not a number`},
		{"book.m(a: 1_000)", `column 12: expected "," or ")", found "_"`},
		{"book.m(a: 1e400)", `column 11: "1e400" is not a number`},
		{"book.m(a: 0x10000000000000000)", `column 11: "0x10000000000000000" is not a number`},
		{"book.m(a: -)", `column 11: "-" is not a number`},
		{"book.m(a: --1)", `column 11: "-" is not a number`},
		{"book.m(a: +1)", `column 11: expected a value, found "+"`},
		{`book.m(a: "x)`, "column 11: text is never closed"},
		{`book.m(a: "\q")`, `column 12: a backslash stands before one of abfnrtv'"\?, xHH or OOO`},
		{`book.m(a: "\xff")`, `column 11: text that is not UTF-8; bytes are 0x"…"`},
		{`book.m(a: 0x"abc")`, "column 11: data is pairs of hexadecimal digits"},
		{`book.m(a: 0x"abc)`, "column 11: data is never closed"},
		{"book.m(a: @)", `column 12: expected a petname, found ")"`},
		{"book.m(é: 1)", `column 8: expected a name or ")", found "é"`},
		{"book\xff", "column 5: not valid UTF-8"},
	} {
		p, err := Parse(c.source)
		var perr *Error
		if !errors.As(err, &perr) || err.Error() != c.want {
			t.Errorf("Parse(%q) = %v, %v\nwant error %s", c.source, p, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	nest := func(n int) string {
		return "a.m(x: " + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + ")"
	}
	long := func(n int) string { return strings.Repeat(" ", n-1) + "a" }
	for _, c := range []struct {
		name   string
		source string
		ok     bool
	}{
		{"nesting n", nest(MaxNesting), true},
		{"nesting n+1", nest(MaxNesting + 1), false},
		{"length n", long(MaxLength), true},
		{"length n+1", long(MaxLength + 1), false},
		{"petname n", strings.Repeat("a", MaxPetname), true},
		{"petname n+1", strings.Repeat("a", MaxPetname+1), false},
	} {
		if _, err := Parse(c.source); (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestCaret(t *testing.T) {
	_, err := Parse("\tbook.m(1)")
	if perr, ok := errors.AsType[*Error](err); !ok || perr.Caret() != "\tbook.m(1)\n\t       ^" {
		t.Errorf("%v: %q", err, perr.Caret())
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a": {true, true}, "a-b_1": {true, false}, "": {false, false}, "1a": {false, false}, "-a": {false, false}, "a b": {false, false},
		"$(id)": {false, false}, "a\n": {false, false}, "../a": {false, false}, ".": {false, false}, "é": {false, false},
	} {
		if got := [2]bool{ValidPetname(name), ValidName(name)}; got != want {
			t.Errorf("%q as a petname, as a name: %v, want %v", name, got, want)
		}
	}
}

// FuzzParse: no input panics, an error points into the source, and what is read is written so that the same is read
// again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`book.contact(id: "carol").mailer()`, `c.m(a: (b = 1), l: [0x"00ff", -inf, "\x41"], f: @d.e)`, "c.m(", "\xff", `c.m(a:"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Parse(source)
		if err != nil {
			perr, ok := errors.AsType[*Error](err)
			if !ok || perr.Offset < 0 || perr.Offset > len(source) {
				t.Fatalf("Parse(%q): %v", source, err)
			}
			_, _ = perr.Error(), perr.Caret()
			return
		}
		again, err := Parse(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("Parse(%q) writes %q, which reads as %v, %v", source, p, again, err)
		}
	})
}
