package compiler_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
)

const fileID = "@0xb2a1c3d4e5f60718;\n"

// compile compiles main.capnp among some files; the text of each lacks its id.
func compile(t *testing.T, files map[string]string, opt *compiler.Options) *compiler.Result {
	t.Helper()
	fsys := fstest.MapFS{}
	n := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		if strings.HasSuffix(name, ".capnp") {
			n++
			text = fmt.Sprintf("@0x%x;\n%s", uint64(0xb2a1c3d4e5f60000)+uint64(n), text)
		}
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	if opt == nil {
		opt = &compiler.Options{}
	}
	opt.Files = fsys
	res, err := compiler.Compile([]string{"main.capnp"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func compileText(t *testing.T, text string) *compiler.Result {
	t.Helper()
	return compile(t, map[string]string{"main.capnp": text}, nil)
}

// codesOf are the codes of the findings, each once.
func codesOf(res *compiler.Result) []diag.Code {
	var all []diag.Code
	for _, d := range res.Diags {
		all = append(all, d.Code)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func wantCodes(t *testing.T, res *compiler.Result, want ...diag.Code) {
	t.Helper()
	if got := codesOf(res); !slices.Equal(got, want) {
		t.Errorf("got codes %v, want %v", got, want)
		for _, d := range res.Diags[:min(len(res.Diags), 5)] {
			t.Log(d)
		}
	}
	if res.OK() != (len(want) == 0) {
		t.Errorf("OK is %t with codes %v", res.OK(), codesOf(res))
	}
}

// repeat writes f(0), …, f(n-1).
func repeat(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

func TestHostileSchemasGetDiagnostics(t *testing.T) {
	deep := func(open, close string, n int) string {
		return strings.Repeat(open, n) + strings.Repeat(close, n)
	}
	for _, tt := range []struct {
		name, text string
		want       []diag.Code
	}{
		{"parentheses", "const a :Int32 = " + deep("(", ")", 20_000) + ";", []diag.Code{diag.TooDeep}},
		{"lists of lists", "struct A { x @0 :" + strings.Repeat("List(", 30_000) + "Text" + strings.Repeat(")", 30_000) + "; }", []diag.Code{diag.TooDeep}},
		{"structs in structs", deep("struct A {", "}", 20_000), []diag.Code{diag.TooDeep}},
		{"groups in groups", "struct A {" + deep("g :group {", "}", 20_000) + "}", []diag.Code{diag.TooDeep}},
		{"member of member", "struct A { x @0 :A" + strings.Repeat(".A", 100_000) + "; }", []diag.Code{diag.TooDeep}},
		{
			"exploding brands", "struct P(T, U) { t @0 :T; u @1 :U; }\nusing T0 = Text;\n" + repeat(40, func(i int) string {
				return fmt.Sprintf("using T%d = P(T%d, T%d);\n", i+1, i, i)
			}) + "struct A { x @0 :T40; }", []diag.Code{diag.BrandTooBig},
		},
		{
			"many big brands", "struct P(T, U) { t @0 :T; u @1 :U; }\nusing T0 = Text;\n" + repeat(12, func(i int) string {
				return fmt.Sprintf("using T%d = P(T%d, T%d);\n", i+1, i, i)
			}) + "struct A {" + repeat(2000, func(i int) string { return fmt.Sprintf("x%d @%d :T12;", i, i) }) + "}",
			[]diag.Code{diag.BrandTooBig},
		},
		{
			"growing generics", "struct G(T) { x @0 :G(G(T)); y @1 :H(G(T)); }\nstruct H(T) { x @0 :G(H(H(T))); }\n" +
				"struct A { x @0 :G(Text) = (x = (x = (x = (x = (x = ())))), y = (x = ())); }", nil,
		},
		{"aliases on a chain", "using T0 = Text;\n" + repeat(5000, func(i int) string {
			return fmt.Sprintf("using T%d = T%d;\n", 5000-i, 4999-i)
		}) + "struct A { x @0 :T5000; }", []diag.Code{diag.NotDefined, diag.TooDeep}},
		{"constants on a chain", "const c0 :Int32 = 0;\n" + repeat(5000, func(i int) string {
			return fmt.Sprintf("const c%d :Int32 = .c%d;\n", 5000-i, 4999-i)
		}), []diag.Code{diag.TooDeep}},
		{"constants that double", "const c0 :List(Text) = [\"aaaaaaaa\", \"b\"];\nstruct S { l @0 :List(S); t @1 :List(Text); }\n" +
			"const s0 :S = (t = .c0);\n" + repeat(60, func(i int) string {
			return fmt.Sprintf("const s%d :S = (l = [.s%d, .s%d]);\n", i+1, i, i)
		}), []diag.Code{diag.ValueTooBig}},
		{"constants that nest", "struct S { s @0 :S; }\nconst s0 :S = ();\n" + repeat(500, func(i int) string {
			return fmt.Sprintf("const s%d :S = (s = .s%d);\n", i+1, i)
		}), []diag.Code{diag.ValueTooBig}},
		{"big elements", "struct S {" + repeat(5000, func(i int) string { return fmt.Sprintf("x%d @%d :UInt64;", i, i) }) + "}\n" +
			"const l :List(S) = [" + strings.Repeat("(),", 50_000) + "];", []diag.Code{diag.ValueTooBig}},
		{"diamonds", "interface I0 {}\n" + repeat(40, func(i int) string {
			return fmt.Sprintf("interface A%d extends(I%d) {} interface B%d extends(I%d) {} interface I%d extends(A%d, B%d) {}\n", i, i, i, i, i+1, i, i)
		}), nil},
		{"a hundred extend each other", repeat(100, func(i int) string {
			return fmt.Sprintf("interface I%d extends(I%d) {}\n", i, (i+1)%100)
		}), []diag.Code{diag.ExtendsItself}},
		{"nodes", repeat(100_001, func(i int) string { return fmt.Sprintf("enum E%d {}\n", i) }), []diag.Code{diag.TooManyNodes}},
		{"long integers", "const a :UInt64 = " + strings.Repeat("9", 500_000) + ";", []diag.Code{diag.NumberRange}},
		{"last ordinal", "struct A { x @65535 :Text; }", []diag.Code{diag.OrdinalSkipped}},
		{"file as type", "using Me = import \"main.capnp\"; struct A { x @0 :Me; y @1 :Me.A; }", []diag.Code{diag.NotAType}},
		{"import of itself", "using Me = import \"main.capnp\"; struct A { y @0 :Me.A; z @1 :Me.Me.Me.A; }", nil},
		{"parameter through an alias of another scope", "struct A(T) { using U = T; struct B { x @0 :U; } } struct C { b @0 :A(Text).B; u @1 :A(Data).U; v @2 :A.U; }", nil},
		{"list of a parameter", "struct A(T) { l @0 :List(T); } struct B { a @0 :A(Text); }", []diag.Code{diag.ListElement}},
		{"list of a method's parameter", "interface A { m @0 [T] (l :List(T)); }", []diag.Code{diag.ListElement}},
		{"annotated by one another", "annotation a(*) :Text $b(\"x\"); annotation b(*) :Text $a(\"x\");", []diag.Code{diag.DependsOnItself}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCodes(t, compileText(t, tt.text), tt.want...)
		})
	}
}

func TestStructTooBig(t *testing.T) {
	// Lists of 65535 fields would be slow to read; sizes add up as well over groups of one union.
	words := func(n int) string {
		return "struct A {" + repeat(n, func(i int) string { return fmt.Sprintf("x%d @%d :UInt64;", i, i) }) + "}"
	}
	wantCodes(t, compileText(t, words(65535)))
	wantCodes(t, compileText(t, words(65536)), diag.StructTooBig)
	voids := func(n int) string {
		return "struct A {" + repeat(n, func(i int) string { return fmt.Sprintf("x%d @%d :Void;", i, i) }) + "}"
	}
	wantCodes(t, compileText(t, voids(65535)))
	wantCodes(t, compileText(t, voids(65536)), diag.StructTooBig)
	groups := "struct A {" + repeat(40_000, func(i int) string { return fmt.Sprintf("g%d :group { x @%d :Bool; }", i, i) }) + "}"
	wantCodes(t, compileText(t, groups))
}

func TestLimits(t *testing.T) {
	twoFiles := func(text string) map[string]string {
		return map[string]string{"main.capnp": text, "b.capnp": "struct B {}", "c.bin": "12345678"}
	}
	for _, tt := range []struct {
		name string
		text string
		n    int // the smallest limit that is enough
		set  func(*compiler.Limits, int)
		want diag.Code
	}{
		{"nodes", "struct A { g :group { x @0 :Text; } } interface I { m @0 () -> (); }", 6,
			func(l *compiler.Limits, n int) { l.Nodes = n }, diag.TooManyNodes},
		{"brand", "struct P(T, U) {} struct A { x @0 :P(P(Text, Text), Text); }", 4,
			func(l *compiler.Limits, n int) { l.Brand = n }, diag.BrandTooBig},
		{"imports", "struct A { b @0 :import \"b.capnp\".B; }", 2,
			func(l *compiler.Limits, n int) { l.Imports = n }, diag.ImportFailed},
		{"embedded bytes", "const a :Data = embed \"c.bin\";", 8,
			func(l *compiler.Limits, n int) { l.EmbedBytes = n }, diag.EmbedFailed},
		{"value words", "const a :List(UInt64) = [1, 2, 3];", 4,
			func(l *compiler.Limits, n int) { l.ValueWords = n }, diag.ValueTooBig},
		{"nesting", "struct A { x @0 :List(List(Text)); }", 3,
			func(l *compiler.Limits, n int) { l.Nesting = n }, diag.TooDeep},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var opt compiler.Options
			tt.set(&opt.Limits, tt.n)
			wantCodes(t, compile(t, twoFiles(tt.text), &opt))
			tt.set(&opt.Limits, tt.n-1)
			wantCodes(t, compile(t, twoFiles(tt.text), &opt), tt.want)
		})
	}
}

func TestSourceLimits(t *testing.T) {
	files := map[string]string{"main.capnp": "struct A { b @0 :import \"b.capnp\".B; }", "b.capnp": "struct B {}"}
	size := func(name string) int { return len(files[name]) + len(fileID) }
	for _, tt := range []struct {
		file, total int
		want        []diag.Code
	}{
		{size("main.capnp"), size("main.capnp") + size("b.capnp"), nil},
		{size("main.capnp"), size("main.capnp") + size("b.capnp") - 1, []diag.Code{diag.ImportFailed}},
	} {
		opt := &compiler.Options{Limits: compiler.Limits{SourceBytes: tt.file, TotalBytes: tt.total}}
		wantCodes(t, compile(t, files, opt), tt.want...)
	}
	fsys := fstest.MapFS{"main.capnp": {Data: []byte(fileID)}}
	for n, ok := range map[int]bool{len(fileID): true, len(fileID) - 1: false} {
		_, err := compiler.Compile([]string{"main.capnp"}, &compiler.Options{Files: fsys, Limits: compiler.Limits{SourceBytes: n}})
		if (err == nil) != ok {
			t.Errorf("a file of %d bytes, limit %d: error %v", len(fileID), n, err)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	text := "struct A {" + repeat(500, func(i int) string { return fmt.Sprintf("x%d @%d :Nothing%d;", i, i, i) }) + "}"
	res := compile(t, map[string]string{"main.capnp": text}, &compiler.Options{Limits: compiler.Limits{Diags: 10}})
	if len(res.Diags) != 10 || res.Dropped != 490 || res.OK() {
		t.Errorf("got %d findings, %d dropped, OK %t; want 10, 490, false", len(res.Diags), res.Dropped, res.OK())
	}
}

func TestImportChain(t *testing.T) {
	for n, want := range map[int][]diag.Code{64: nil, 65: {diag.ImportFailed}} {
		files := map[string]string{}
		for i := range n {
			text := "struct S {}"
			if i < n-1 {
				text = fmt.Sprintf("struct S { s @0 :import \"f%d.capnp\".S; }", i+1)
			}
			files[fmt.Sprintf("f%d.capnp", i)] = text
		}
		files["main.capnp"] = files["f0.capnp"]
		delete(files, "f0.capnp")
		wantCodes(t, compile(t, files, nil), want...)
	}
}
