package resolve_test

import (
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/resolve"
	"lanyard.dev/capnp/compiler/source"
)

// valueOf parses an expression.
func valueOf(t *testing.T, text string) ast.Expr {
	t.Helper()
	var diags diag.List
	f := parser.Parse(source.New("f", "@0xb2a1c3d4e5f60718; const a :A = "+text+";"), &diags, nil)
	for _, d := range diags.All() {
		t.Error(d)
	}
	return f.Decls[0].Value
}

func TestStringShowsExpressionsAsWritten(t *testing.T) {
	for _, text := range []string{
		"12", "-12", "1.5", `"a\n"`, `0x"a1 0f"`, "name", ".name", `import "a.capnp"`, `embed "a.bin"`,
		"[1, [2], []]", "(a = 1, b = (c = 2))", "()", "Box(Text, List(Data)).Inner.Deep(A = B)",
	} {
		if got := resolve.String(valueOf(t, text)); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	if got := resolve.String(&ast.Bad{}); got != "<parse error>" {
		t.Errorf("a bad expression: got %s", got)
	}
}

func TestStringIsBounded(t *testing.T) {
	for _, text := range []string{
		`"` + strings.Repeat("é", 10_000) + `"`, "[" + strings.Repeat("1234567, ", 10_000) + "]", "a" + strings.Repeat(".bcd", 150),
	} {
		if got := resolve.String(valueOf(t, text)); len(got) > 210 || !strings.HasSuffix(got, "…") {
			t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-5:])
		}
	}
}
