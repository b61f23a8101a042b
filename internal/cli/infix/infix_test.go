package infix

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// form writes a tree in prefix form, so that grouping shows.
func form(e Expr) string {
	switch e := e.(type) {
	case *Number:
		return strconv.FormatFloat(e.Value, 'g', -1, 64)
	case *Call:
		return fmt.Sprintf("(%s %s %s)", e.Op, form(e.Left), form(e.Right))
	}
	return "?"
}

func eval(e Expr) float64 {
	c, ok := e.(*Call)
	if !ok {
		return e.(*Number).Value
	}
	l, r := eval(c.Left), eval(c.Right)
	switch c.Op {
	case Add:
		return l + r
	case Subtract:
		return l - r
	case Multiply:
		return l * r
	}
	return l / r
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		source, want string
		value        float64
	}{
		{"1", "1", 1},
		{" 1\t", "1", 1},
		{"1.5", "1.5", 1.5},
		{".5", "0.5", 0.5},
		{"5.", "5", 5},
		{"1e3", "1000", 1000},
		{"1E+3", "1000", 1000},
		{"25e-1", "2.5", 2.5},
		{"007", "7", 7},
		{"123 + 45 * (6 - 1)", "(+ 123 (* 45 (- 6 1)))", 348},
		{"123+45-67", "(- (+ 123 45) 67)", 101},
		{"1-2-3", "(- (- 1 2) 3)", -4},
		{"1-(2-3)", "(- 1 (- 2 3))", 2},
		{"8/4/2", "(/ (/ 8 4) 2)", 1},
		{"2*3+4*5", "(+ (* 2 3) (* 4 5))", 26},
		{"-1", "-1", -1},
		{"--1", "1", 1},
		{"2 - -3", "(- 2 -3)", 5},
		{"2*-3", "(* 2 -3)", -6},
		{"-(1+2)", "(* -1 (+ 1 2))", -3},
		{"-2*3", "(* -2 3)", -6},
		{"((((7))))", "7", 7},
		{"1/0", "(/ 1 0)", math.Inf(1)},
		{"-1/0", "(/ -1 0)", math.Inf(-1)},
		{"-0", "-0", math.Copysign(0, -1)},
		{"-(0*1)", "(* -1 (* 0 1))", math.Copysign(0, -1)},
	} {
		e, err := Parse(c.source)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.source, err)
			continue
		}
		if got := form(e); got != c.want {
			t.Errorf("Parse(%q) = %s, want %s", c.source, got, c.want)
		}
		if got := eval(e); math.Float64bits(got) != math.Float64bits(c.value) {
			t.Errorf("Parse(%q) evaluates to %v, want %v", c.source, got, c.value)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", `column 1: expected a number, "-" or "(", found the end`},
		{"  ", `column 3: expected a number, "-" or "(", found the end`},
		{"1 +", `column 4: expected a number, "-" or "(", found the end`},
		{"1 + * 2", `column 5: expected a number, "-" or "(", found "*"`},
		{"+1", `column 1: expected a number, "-" or "(", found "+"`},
		{"1 2", `column 3: expected an operator, found "2"`},
		{"(1 2)", `column 4: expected an operator or ")", found "2"`},
		{"(1 + 2", `column 1: "(" is never closed`},
		{"1)", `column 2: ")" closes nothing`},
		{"()", `column 2: expected a number, "-" or "(", found ")"`},
		{".", "column 1: a point without digits"},
		{"1..2", `column 3: expected an operator, found "."`},
		{"1e", "column 1: an exponent without digits"},
		{"1e+", "column 1: an exponent without digits"},
		{"1e999", "column 1: 1e999 does not fit a 64-bit float"},
		{"0x10", `column 2: expected an operator, found "x"`},
		{"1_000", `column 2: expected an operator, found "_"`},
		{"inf", `column 1: expected a number, "-" or "(", found "i"`},
		{"2 × 3", `column 3: expected an operator, found "×"`},
		{"2×", `column 2: expected an operator, found "×"`},
		{"(2 × 3)", `column 4: expected an operator or ")", found "×"`},
		{"1 \x00", `column 3: expected an operator, found "\x00"`},
		{"1 \xff", `column 1: not valid UTF-8`},
	} {
		e, err := Parse(c.source)
		var perr *Error
		if !errors.As(err, &perr) || err.Error() != c.want {
			t.Errorf("Parse(%q) = %v, %v\nwant error %s", c.source, e, err, c.want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("(", n) + "1" + strings.Repeat(")", n) }
	sign := func(n int) string { return strings.Repeat("-", n) + "1" }
	long := func(n int) string { return strings.Repeat(" ", n-1) + "1" }
	for _, c := range []struct {
		name   string
		source string
		ok     bool
	}{
		{"nesting n", nest(MaxNesting), true},
		{"nesting n+1", nest(MaxNesting + 1), false},
		{"signs n", sign(MaxNesting), true},
		{"signs n+1", sign(MaxNesting + 1), false},
		{"length n", long(MaxLength), true},
		{"length n+1", long(MaxLength + 1), false},
		{"chains do not nest", strings.Repeat("1+", MaxLength/2-1) + "1", true},
	} {
		if _, err := Parse(c.source); (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestCaret(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"1 + * 2", "1 + * 2\n    ^"},
		{"\t1 é", "\t1 é\n\t  ^"},
	} {
		_, err := Parse(c.source)
		var perr *Error
		if !errors.As(err, &perr) {
			t.Fatalf("Parse(%q): %v", c.source, err)
		}
		if got := perr.Caret(); got != c.want {
			t.Errorf("caret of %q:\n%s\nwant\n%s", c.source, got, c.want)
		}
	}
}

func TestDepth(t *testing.T) {
	for source, want := range map[string]int{"1": 0, "1+2": 1, "1+2+3": 2, "(1+2)*(3+4)": 2, "1+2*(3-4)": 3} {
		e, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := Depth(e); got != want {
			t.Errorf("Depth(%s) = %d, want %d", source, got, want)
		}
	}
}

// FuzzParse: no input panics, an error points into the source, and a tree
// written back with parentheses everywhere means the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"123 + 45 * (6 - 1)", "-(1)/-.5e-3", "1 + * 2", "((", "\xff", "1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := Parse(source)
		if err != nil {
			var perr *Error
			if !errors.As(err, &perr) {
				t.Fatalf("Parse(%q): error of type %T", source, err)
			}
			_, _ = perr.Error(), perr.Caret()
			return
		}
		again, err := Parse(infix(e))
		if err != nil {
			if len(infix(e)) > MaxLength || strings.Contains(err.Error(), "nested deeper") {
				return
			}
			t.Fatalf("Parse(%q) gives %s, which does not parse: %v", source, infix(e), err)
		}
		if a, b := eval(e), eval(again); math.Float64bits(a) != math.Float64bits(b) && !(math.IsNaN(a) && math.IsNaN(b)) {
			t.Fatalf("%q is %v, written back as %q it is %v", source, a, infix(e), b)
		}
	})
}

func infix(e Expr) string {
	switch e := e.(type) {
	case *Number:
		return strconv.FormatFloat(e.Value, 'g', -1, 64)
	case *Call:
		return "(" + infix(e.Left) + " " + e.Op.String() + " " + infix(e.Right) + ")"
	}
	return "?"
}
