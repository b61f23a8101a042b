package diag_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
)

// code is a constant of type Code with its comment.
type code struct {
	name, value, doc, file string
}

// codes reads the constants from this package's source.
func codes(t *testing.T) []code {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []code
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" || len(spec.Values) != 1 {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, code{spec.Names[0].Name, value, spec.Doc.Text(), name})
			return true
		})
	}
	return out
}

// example is the schema in a code's comment and how it is to be read.
type example struct {
	text   string
	option string // what stands in parentheses after "Example"
	limits map[string]int
}

// elsewhere stands for an example that does not fit a comment.
var elsewhere = regexp.MustCompile(`\(The example [^)]*: Test\w+\.\)`)

var heading = regexp.MustCompile(`(?m)^Example( \(([^)]*)\))?:\n`)

func (c code) example(t *testing.T) example {
	t.Helper()
	at := heading.FindStringSubmatchIndex(c.doc)
	if at == nil {
		t.Fatalf("the comment of %s has no example", c.name)
	}
	var ex example
	for line := range strings.Lines(c.doc[at[1]:]) {
		text, ok := strings.CutPrefix(line, "\t")
		if !ok {
			break
		}
		ex.text += text
	}
	if at[4] < 0 {
		return ex
	}
	switch manner := c.doc[at[4]:at[5]]; manner {
	case "Go string":
		text, err := strconv.Unquote(strings.TrimSpace(ex.text))
		if err != nil {
			t.Fatalf("example of %s: %v", c.name, err)
		}
		ex.text = text
	default: // "nodes 4" or an option in words
		ex.option = manner
		name, number, _ := strings.Cut(manner, " ")
		if n, err := strconv.Atoi(number); err == nil {
			ex.limits = map[string]int{name: n}
		}
	}
	return ex
}

// TestCodesAreDocumented holds every code to the form that the other tests and `explain` rely on.
func TestCodesAreDocumented(t *testing.T) {
	seen := map[string]string{}
	for _, c := range codes(t) {
		if other := seen[c.value]; other != "" {
			t.Errorf("%s and %s are both %q", c.name, other, c.value)
		}
		seen[c.value] = c.name
		if !regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`).MatchString(c.value) {
			t.Errorf("%s: code %q is not lower-case words with dashes", c.name, c.value)
		}
		if !strings.HasPrefix(c.doc, c.name+" is for ") {
			t.Errorf("the comment of %s does not begin %q", c.name, c.name+" is for ")
		}
		if got, want := diag.Code(c.value).Syntax(), c.file == "codes.go"; got != want {
			t.Errorf("%s stands in %s, but Syntax() is %v", c.name, c.file, got)
		}
		if !elsewhere.MatchString(c.doc) && c.example(t).text == "" {
			t.Errorf("the example of %s is empty", c.name)
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d codes found", len(seen))
	}
}

// TestCodeExamples compiles the example of each code: it gets that code, and no other error.
func TestCodeExamples(t *testing.T) {
	for _, c := range codes(t) {
		if elsewhere.MatchString(c.doc) {
			continue
		}
		t.Run(c.value, func(t *testing.T) {
			ex := c.example(t)
			res, err := compiler.Compile([]string{"example.capnp"}, &compiler.Options{
				Files: fstest.MapFS{
					"example.capnp": {Data: []byte(ex.text)},
					"other.capnp":   {Data: []byte("@0xd4b2c3a5e6f70819;\nstruct Other {}\n")},
					"a.bin":         {Data: []byte("binary")},
				},
				IDOptional:       ex.option != "id required",
				NoStandardImport: ex.option == "no standard import",
				Limits: compiler.Limits{
					Nesting:    ex.limits["nesting"],
					Nodes:      ex.limits["nodes"],
					Brand:      ex.limits["brand"],
					ValueWords: ex.limits["value"],
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, d := range res.Diags {
				found = found || d.Code == diag.Code(c.value)
				if d.Code != diag.Code(c.value) {
					t.Errorf("also got %s [%s]", d, d.Code)
				}
			}
			if !found {
				t.Errorf("no %s for\n%s", c.value, ex.text)
			}
		})
	}
}
