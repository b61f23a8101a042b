package parser_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
)

const testID = 0xa123456789abcdef

// parse reads text that needs no id.
func parse(text string) (*ast.File, []diag.Diagnostic) {
	var diags diag.List
	opt := &parser.Options{IDOptional: true, NewID: func() uint64 { return testID }}
	return parser.Parse(source.New("f", text), &diags, opt), diags.All()
}

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"using", `using A = B; using A.B.c; using .A.b; using import "x.capnp".Y; using L = List(A);`, `
using A = B
using c = A.B.c
using b = .A.b
using Y = import "x.capnp".Y
using L = List(A)
`},
		{"const", `const a :Int32 = -5; const b @0x8000000000000000 :List(Text) = ["x" "y", ("z")] $n(1) $m;`, `
const a :Int32 = -5
const b id=0x8000000000000000 :List(Text) = ["xy", "z"] $n = 1 $m
`},
		{"numbers", `const a :T = [0, 017, 0x1f, -0x1f, 1.5, -1.5, 1e3, -inf, inf, nan, 0x"0a"];`, `
const a :T = [0, 15, 31, -31, 1.5f, -1.5f, 1000f, -Inff, inf, nan, <0a>]
`},
		{"tuples", `const a :T = (a = 1, 2, (b = (3)), (), (4, 5),);`, `
const a :T = (a = 1, 2, (b = 3), (), (4, 5))
`},
		{"names", `const a :T = [a.b.c, .a.b, A(B).C(d = E, F).g, (a).b, embed "f", import "g"];`, `
const a :T = [a.b.c, .a.b, A(B).C(d = E, F).g, a.b, embed "f", import "g"]
`},
		{"contextual words", `const import :T = [import, embed, using, import.x, void.true];`, `
const import :T = [import, embed, using, import.x, void.true]
`},
		{"annotations", `$a; $b.c(1); $d(x = 1); $e(1, 2); $f(); $(g(1)); $h(T)(1); $i(1).j;`, `
$a
$b.c = 1
$d = (x = 1)
$e = (1, 2)
$f = ()
$g = 1
$h(T) = 1
$i(1).j
`},
		{"annotation", `annotation a(*) :T; annotation b @0xffffffffffffffff (file, const, field, annotation,) :T $c; annotation d() :T;`, `
annotation a targets=111111111111 :T
annotation b id=0xffffffffffffffff targets=100000100011 :T $c
annotation d targets=000000000000 :T
`},
		{"enum", `enum A @0xf000000000000000 $x { a @0; b @1 $y("z"); }`, `
enum A id=0xf000000000000000 $x
  enumerant a @0
  enumerant b @1 $y = "z"
`},
		{"struct", `struct A(T, U,) $n { a @0 :T = 5 $m; struct @1 :union2; g :group $n { b @2 :U; }
			u :union $n { } v @3! :union { } union { } struct B {} using C; const d :E = f; }`, `
struct A [T, U] $n
  field a @0 :T = 5 $m
  field struct @1 :union2
  group g $n
    field b @2 :U
  union u $n
  union v @3
  union 
  struct B
  broken const d :E = f
`},
		{"interface", `interface A(T) extends(B, C(T)) { a @0 (); b @1 [X, Y] (p :X = null $n, q :Y,) -> stream $m;
			c @2 D -> E.F(G); d @3 stream -> (); enum @4 (x :T) -> D; enum B {} }`, `
interface A [T] extends B C(T)
  method a @0 ()
  method b @1 [X, Y] (p :X = null $n, q :Y) -> stream $m
  method c @2 D -> E.F(G)
  method d @3 stream -> ()
  method enum @4 (x :T) -> D
  enum B
`},
		{"docs", "struct A { # a\n b @0 :C; # b\n d :group {} # d\n e :union { # e\n } # not e\n}\n# not a\n", `
struct A #"a\n"
  field b @0 :C #"b\n"
  group d #"d\n"
  union e #"e\n"
`},
		{"type named group", `struct A { a @0 :group; b @1 :group = 5; }`, `
struct A
  field a @0 :group
  field b @1 :group = 5
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, diags := parse(tt.text)
			want := strings.TrimPrefix(tt.want, "\n")
			if tt.name == "struct" { // using C is an error of its own: no name
				want = strings.Replace(want, "broken ", "", 1)
			} else if diags != nil {
				t.Errorf("unexpected %v", diags)
			}
			if got := dump(file); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestRecovery shows what is left of broken declarations.
func TestRecovery(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"misspelt keyword", `interfase A { a @0 (); }`, `
broken interface A
  method a @0 ()
`},
		{"missing semicolon", "struct A { a @0 :B\n b @1 :C\n}", `
struct A
  broken field a @0 :B
  broken field b @1 :C
`},
		{"broken field", "struct A { a @0 B; b @1 :; c @2 :D = ; e :F; g @70000 :H; i @1x :J; k @3! :L; }", `
struct A
  broken field a @0
  broken field b @1 :BAD
  broken field c @2 :D = BAD
  broken field e :F
  broken field g :H
  broken field i :J
  broken field k @3 :L
`},
		{"next member in sight", "struct A { a @0 B\n b @1 :C; }", `
struct A
  broken field a @0
  field b @1 :C
`},
		{"broken items", `const a :T = [1, =, 2, (x = , 3), "\q", 1x]; const b :U = 2;`, `
broken const a :T = [1, BAD, 2, (x = BAD, 3), BAD, BAD]
const b :U = 2
`},
		{"broken header, sound block", `struct A B { c @0 :D; } enum 5 { e @0; }`, `
broken struct A
  field c @0 :D
`},
		{"unclosed parenthesis", `struct A { b @0 :C(D; e @1 :F; }`, `
struct A
  broken field b @0 :BAD
  field e @1 :F
`},
		{"unclosed block", `struct A { b @0 :C; struct D { e @0 :F; }`, `
struct A
  field b @0 :C
  struct D
    field e @0 :F
`},
		{"swapped brackets", `const a :T = [(1], 2]; const b :T = f([1); const c :T = (1];`, `
broken const a :T = [1]
broken const b :T = f([1])
broken const c :T = 1
`},
		{"broken method", `interface A { a @0 (b C, d :E) -> ; f @1; }`, `
interface A
  broken method a @0 (b :BAD, d :E) -> BAD
  broken method f @1 BAD
`},
		{"nothing to keep", `{} ; foo @0 :Bar; using X; using; 5 6 7; struct {}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, diags := parse(tt.text)
			if got, want := dump(file), strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s\n%v", got, want, diags)
			}
			if diags == nil {
				t.Error("no diagnostics")
			}
		})
	}
}

func TestFileID(t *testing.T) {
	for _, tt := range []struct {
		text, doc, want string
		required        bool
		id              uint64
	}{
		{"@0xbc9bc4b2ba7cb1a6; # doc\n", "doc\n", "", true, 0xbc9bc4b2ba7cb1a6},
		{"struct A {}\n@0xbc9bc4b2ba7cb1a6;", "", "", true, 0xbc9bc4b2ba7cb1a6},
		{"@0xbc9bc4b2ba7cb1a6; @0xbc9bc4b2ba7cb1a7; # doc", "", "f:1:22-48: error: File can only have one ID.", true, 0xbc9bc4b2ba7cb1a6},
		{"struct A {}", "", "f:1:1: error: File does not declare an ID.  I've generated one for you.  Add this line to your file: @0xa123456789abcdef;", true, testID},
		{"struct A {}", "", "", false, testID},
		{"struct A }", "", "f:1:10-11: error: Parse error: expected '{', found '}'.", true, testID},
	} {
		var diags diag.List
		opt := &parser.Options{IDOptional: !tt.required, NewID: func() uint64 { return testID }}
		file := parser.Parse(source.New("f", tt.text), &diags, opt)
		got := ""
		if all := diags.All(); len(all) > 0 {
			got = all[0].String()
		}
		if file.ID.Value != tt.id || file.Doc != tt.doc || got != tt.want {
			t.Errorf("%q: id %#x doc %q %s, want %#x %q %s", tt.text, file.ID.Value, file.Doc, got, tt.id, tt.doc, tt.want)
		}
	}
	a := parser.Parse(source.New("f", ""), &diag.List{}, nil).ID.Value
	b := parser.Parse(source.New("f", ""), &diag.List{}, nil).ID.Value
	if a == b || a>>63 != 1 || b>>63 != 1 {
		t.Errorf("random ids %#x and %#x", a, b)
	}
}

// TestSpans pins the spans that later phases and SourceInfo depend on.
func TestSpans(t *testing.T) {
	text := `struct A @0xbc9bc4b2ba7cb1a6 $n( -5 ) { # doc
  f @10 :B.C(D) = ( x = 1 ) $m; # field

  union { } # late
  m :group { }
}
using Q = .P;
const c :T = ((-7));
interface I { m @3 ( p :P = 1 $q ) -> stream; n @4 U(V) -> W; }`
	file, diags := parse(text)
	if diags != nil {
		t.Fatal(diags)
	}
	s := file.Decls[0]
	f, u, g := s.Decls[0], s.Decls[1], s.Decls[2]
	i := file.Decls[3]
	m, n := i.Decls[0], i.Decls[1]
	for _, tt := range []struct {
		span source.Span
		want string
	}{
		{s.Span, text[:strings.Index(text, "using")-1]},
		{s.Name.Span, "A"},
		{s.ID.Span, "0xbc9bc4b2ba7cb1a6"},
		{s.Annotations[0].Span, "$n( -5 )"},
		{s.Annotations[0].Value.Pos(), "5"},
		{f.Span, "f @10 :B.C(D) = ( x = 1 ) $m; # field\n"},
		{f.Ordinal.Span, "10"},
		{f.Type.Pos(), "B.C(D)"},
		{f.Type.(*ast.Apply).Func.Pos(), "B.C"},
		{f.Type.(*ast.Apply).Func.(*ast.Member).Name.Span, "C"},
		{f.Value.Pos(), "( x = 1 )"},
		{f.Annotations[0].Span, "$m"},
		{u.Span, "union { } # late\n"},
		{u.Name.Span, "union"},
		{g.Span, "m :group { }"},
		{file.Decls[1].Target.Pos(), ".P"},
		{file.Decls[1].Target.(*ast.Name).Name.Span, "P"},
		{file.Decls[2].Value.Pos(), "7"},
		{m.MethodParams.Span, "( p :P = 1 $q )"},
		{m.MethodParams.Params[0].Span, "p :P = 1 $q"},
		{m.MethodResults.Span, "stream"},
		{n.MethodParams.Span, "U(V)"},
		{n.MethodResults.Span, "W"},
	} {
		if got := file.Source.Slice(tt.span); got != tt.want {
			t.Errorf("span %v is %q, want %q", tt.span, got, tt.want)
		}
	}
}

func TestLimits(t *testing.T) {
	nested := func(open, inner, shut string) func(n int) string {
		return func(n int) string { return strings.Repeat(open, n) + inner + strings.Repeat(shut, n) }
	}
	wrap := func(before string, f func(int) string, after string) func(int) string {
		return func(n int) string { return before + f(n) + after }
	}
	for name, make := range map[string]func(n int) string{
		"parentheses": wrap("const a :T = ", nested("(", "1", ")"), ";"),
		"brackets":    wrap("const a :T = ", nested("[", "1", "]"), ";"),
		"types":       wrap("const a :", nested("List(", "T", ")"), " = 1;"),
		"members":     wrap("const a :T = x", nested(".x", "", ""), ";"),
		"structs":     nested("struct A { ", "", "}"),
		"groups":      wrap("struct A {", func(n int) string { return strings.Repeat("a :group { ", n-1) + strings.Repeat("}", n-1) }, "}"),
		"mixed":       wrap("const a :T = ", func(n int) string { return strings.Repeat("[(", n/2) + "1" + strings.Repeat(")]", n/2) }, ";"),
	} {
		if _, diags := parse(make(200)); diags != nil {
			t.Errorf("%s nested 200 deep: %v", name, diags)
		}
		n := 201
		if name == "mixed" {
			n = 202
		}
		if _, diags := parse(make(n)); len(diags) != 1 || diags[0].Code != diag.TooDeep {
			t.Errorf("%s nested %d deep: %v", name, n, diags)
		}
		if _, diags := parse(make(30_000)); len(diags) == 0 || len(diags) > 2 || diags[0].Code != diag.TooDeep {
			t.Errorf("%s nested 30000 deep: %d diagnostics", name, len(diags))
		}
	}

	opt := func(l parser.Limits) *parser.Options { return &parser.Options{IDOptional: true, Limits: l} }
	for _, tt := range []struct {
		name, text string
		limits     parser.Limits
		want       diag.Code
	}{
		{"bytes at the limit", "struct A{}", parser.Limits{Bytes: 10}, ""},
		{"bytes beyond it", "struct AA{}", parser.Limits{Bytes: 10}, diag.TooBig},
		{"nodes at the limit", "const a :T = [1, 2];", parser.Limits{Nodes: 5}, ""},
		{"nodes beyond it", "const a :T = [1, 2, 3];", parser.Limits{Nodes: 5}, diag.TooBig},
	} {
		var diags diag.List
		parser.Parse(source.New("f", tt.text), &diags, opt(tt.limits))
		got := diag.Code("")
		if all := diags.All(); len(all) > 0 {
			got = all[0].Code
		}
		if got != tt.want || diags.Errors() > 1 {
			t.Errorf("%s: %v", tt.name, diags.All())
		}
	}

	diags := diag.List{Max: 3}
	parser.Parse(source.New("f", strings.Repeat("x;", 1000)), &diags, opt(parser.Limits{}))
	if len(diags.All()) != 3 || diags.Errors() != 3 {
		t.Errorf("%d diagnostics of %d, want 3", len(diags.All()), diags.Errors())
	}
}

// TestHostile parses large or odd text: it ends soon and with few diagnostics.
func TestHostile(t *testing.T) {
	const n = 200_000
	for name, text := range map[string]string{
		"parentheses":     strings.Repeat("(", n),
		"brackets":        strings.Repeat("[", n),
		"braces":          strings.Repeat("{", n),
		"closing braces":  strings.Repeat("}", n),
		"closing":         strings.Repeat(")]}", n),
		"calls":           "const a :T = " + strings.Repeat("a(", n),
		"dollars":         strings.Repeat("$", n),
		"annotations":     strings.Repeat("$a", n),
		"quotes":          strings.Repeat(`"`, n),
		"backslashes":     `"` + strings.Repeat(`\`, n),
		"hex":             strings.Repeat(`0x"`, n),
		"backticks":       strings.Repeat("`", n),
		"digits":          "const a :T = " + strings.Repeat("9", n) + ";",
		"fraction":        "const a :T = 0." + strings.Repeat("0", n) + "1;",
		"exponent":        "const a :T = 1e" + strings.Repeat("9", n) + ";",
		"hashes":          strings.Repeat(";#\n", n),
		"semicolons":      strings.Repeat(";", n),
		"commas":          "const a :T = [" + strings.Repeat(",", n) + "];",
		"structs":         strings.Repeat("struct A {", n),
		"named groups":    "struct A {" + strings.Repeat("a :group {", n),
		"unclosed lists":  strings.Repeat("const a :T = [;", n),
		"byte order mark": strings.Repeat("\ufeff", n),
		"high bytes":      strings.Repeat("\x80", n),
		"one word":        strings.Repeat("a", n),
		"operators":       strings.Repeat("=-", n),
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := parse(text)
			if len(diags) > diag.DefaultMax {
				t.Errorf("%d diagnostics", len(diags))
			}
			var b strings.Builder
			if err := diag.Write(&b, diags, nil); err != nil {
				t.Error(err)
			}
			if b.Len() > 1<<20 {
				t.Errorf("the diagnostics have %d bytes", b.Len())
			}
		})
	}
}

func TestSuggestions(t *testing.T) {
	for word, want := range map[string]string{
		"strcut": "struct", "Struct": "struct", "structure": "struct", "emum": "enum", "cnst": "const",
		"interfaec": "interface", "usign": "using", "annotaton": "annotation", "service": "interface",
		"message": "struct", "typedef": "using", "xyzzy": "", "a": "",
		"averyveryverylongwordindeed": "",
	} {
		_, diags := parse(word + " A { }")
		if got := diags[0].Hint; (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: hint %q, want %q", word, got, want)
		}
	}
}

func TestProductionNames(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range parser.Productions() {
		if name := p.String(); name == "" || seen[name] {
			t.Errorf("production %d has the name %q", p, name)
		} else {
			seen[name] = true
		}
	}
	if got := parser.Production(255).String(); got != "invalid" {
		t.Error(got)
	}
}

// checkTree walks a tree by reflection and checks what ast promises.
func checkTree(t *testing.T, file *ast.File) {
	t.Helper()
	size := uint32(len(file.Source.Text()))
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() && v.Type() != reflect.TypeFor[*source.File]() {
				walk(v.Elem(), path)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		case reflect.Struct:
			if s, ok := v.Interface().(source.Span); ok {
				if s.Start > s.End || s.End > size {
					t.Errorf("%s: span %v in a file of %d bytes", path, s, size)
				}
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	}
	walk(reflect.ValueOf(file.Decls), "decls")
	walk(reflect.ValueOf(file.Annotations), "annotations")
	checkDecls(t, file.Decls)
}

// checkDecls demands that a declaration which is not broken is complete.
func checkDecls(t *testing.T, list []*ast.Decl) {
	t.Helper()
	for _, d := range list {
		checkDecls(t, d.Decls)
		if d.Kind == 0 || d.Name.Text == "" && d.Kind != ast.Union {
			t.Errorf("%s without a name at %v", d.Kind, d.Span)
		}
		if d.Ordinal != nil && d.Ordinal.Value > 65535 {
			t.Errorf("ordinal %d", d.Ordinal.Value)
		}
		if d.Broken {
			continue
		}
		missing := ""
		switch d.Kind {
		case ast.Using:
			if d.Target == nil {
				missing = "target"
			}
		case ast.Const:
			if d.Type == nil || d.Value == nil {
				missing = "type or value"
			}
		case ast.Enumerant:
			if d.Ordinal == nil {
				missing = "ordinal"
			}
		case ast.Field:
			if d.Type == nil || d.Ordinal == nil {
				missing = "type or ordinal"
			}
		case ast.Method:
			if d.MethodParams == nil || d.Ordinal == nil {
				missing = "parameters or ordinal"
			}
		case ast.AnnotationDecl:
			if d.Type == nil {
				missing = "type"
			}
		}
		if missing != "" {
			t.Errorf("%s %s has no %s and is not broken", d.Kind, d.Name.Text, missing)
		}
	}
}
