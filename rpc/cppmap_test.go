package rpc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestConformanceMap checks docs/conformance.md, and the names of tests in docs/rpc.md: every test it names exists, every case without a
// test says why, every case of the suites is there, and the sums are right.
func TestConformanceMap(t *testing.T) {
	page, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]map[string]map[string]bool{} // by folder
	tests := func(dir string) map[string]map[string]bool {
		if in[dir] == nil {
			in[dir] = testsIn(filepath.Join("..", dir))
		}
		return in[dir]
	}
	named := map[string]bool{}
	cases, without := map[string]int{}, map[string]int{} // by C++ file
	sums := map[string][]string{}
	section := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if h, ok := strings.CutPrefix(line, "## "); ok {
			section = h
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 3 {
			continue
		}
		if section == "" {
			sums[strings.TrimSpace(cells[0])] = cells[1:]
			continue
		}
		test, note := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2])
		switch test {
		case "our test":
		case "—":
			cases[section]++
			without[section]++
			if note == "" {
				t.Errorf("no reason why %s has no counterpart", cells[0])
			}
		default:
			cases[section]++
			named[test] = true
			if err := exists(test, tests); err != "" {
				t.Errorf("%s: %s", cells[0], err)
			}
		}
	}
	guide, err := os.ReadFile("../docs/rpc.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, code := range strings.Split(string(guide), "`") {
		code = strings.ReplaceAll(code, "\n", " ")
		if i%2 == 1 && strings.Contains(code, ".Test") {
			n++
			if err := exists(code, tests); err != "" {
				t.Errorf("docs/rpc.md: %s", err)
			}
		}
	}
	if n < 20 {
		t.Errorf("docs/rpc.md names %d tests", n)
	}
	for _, suite := range []string{"TestRPCSuite", "TestTwoPartySuite", "TestCapabilitySuite", "TestReconnectSuite"} {
		subtests := tests("rpc")[suite]
		if len(subtests) == 0 {
			t.Errorf("%s has no cases", suite)
		}
		for sub := range subtests {
			if !named["rpc."+suite+"/"+sub] {
				t.Errorf("%s/%s is not in docs/conformance.md", suite, sub)
			}
		}
	}
	for file, n := range map[string]int{"rpc-test.c++": 50, "rpc-twoparty-test.c++": 18, "capability-test.c++": 33, "reconnect-test.c++": 6} {
		want := []string{strconv.Itoa(n), strconv.Itoa(n - without[file]), strconv.Itoa(without[file])}
		got := sums[file]
		for i := range got {
			got[i] = strings.TrimSpace(got[i])
		}
		if cases[file] != n || !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, the sums say %v, want %v", file, cases[file], got, want)
		}
	}
}

// exists says what is wrong with a name like rpc.TestX/case.
func exists(name string, tests func(dir string) map[string]map[string]bool) string {
	dir, rest, ok := strings.Cut(name, ".Test")
	if !ok {
		return name + " is no name of a test"
	}
	test, sub, hasSub := strings.Cut("Test"+rest, "/")
	subs, ok := tests(dir)[test]
	if !ok {
		return "there is no " + test + " in " + dir
	}
	if hasSub && !subs[sub] {
		return test + " has no case " + sub + "; it has " + strings.Join(slices.Sorted(maps.Keys(subs)), ", ")
	}
	return ""
}

// testsIn returns the tests in a folder, each with the names of the subtests that it spells out.
func testsIn(dir string) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			subs := map[string]bool{}
			out[fn.Name.Name] = subs
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					for _, arg := range call.Args[:min(2, len(call.Args))] {
						if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING && isRun(call.Fun) {
							s, _ := strconv.Unquote(lit.Value)
							subs[s] = true
						}
					}
				}
				return true
			})
		}
	}
	return out
}

// isRun reports whether a call of f runs a subtest.
func isRun(f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name == "play"
	case *ast.SelectorExpr:
		return f.Sel.Name == "Run"
	}
	return false
}
