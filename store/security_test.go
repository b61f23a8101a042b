package store

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecurityMap holds docs/security.md to what it says: every row of the groups is
// there, every test it names exists, and a row without one says why.
func TestSecurityMap(t *testing.T) {
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]bool{}
	exists := func(name string) bool {
		dir, test, ok := strings.Cut(name, ".Test")
		if !ok {
			return false
		}
		if tests[dir] == nil {
			tests[dir] = testsIn(filepath.Join("..", dir))
		}
		return tests[dir]["Test"+test]
	}
	prose, _, _ := strings.Cut(string(page), "\n## ")
	if !strings.Contains(prose, "`store.TestSecurityMap`") {
		t.Error("the page does not say what checks it")
	}
	missing := map[string]bool{}
	for group, ids := range map[string][2]int{"P": {1, 20}, "G": {1, 5}, "T": {5, 16}, "M": {1, 8}} {
		for n := ids[0]; n <= ids[1]; n++ {
			missing[fmt.Sprintf("%s%02d", group, n)] = true
		}
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || strings.HasPrefix(line, "| id ") {
			continue
		}
		id := strings.TrimSpace(cells[0])
		if !missing[id] {
			t.Errorf("row %s is there twice, or belongs to no group", id)
		}
		delete(missing, id)
		named := 0
		for i, code := range strings.Split(cells[2], "`") {
			if i%2 == 1 {
				named++
				if !exists(code) {
					t.Errorf("%s: there is no test %s", id, code)
				}
			}
		}
		if _, why, ok := strings.Cut(cells[2], "not covered yet: "); named == 0 && (!ok || len(why) < 20) {
			t.Errorf("%s has no test, and does not say why", id)
		}
	}
	for id := range missing {
		t.Errorf("there is no row %s", id)
	}
	if exists("store.TestNobodyWroteThis") || !exists("store.TestSecurityMap") {
		t.Error("this test would not notice a test that is not there")
	}
}

// testsIn lists the tests in a folder.
func testsIn(dir string) map[string]bool {
	out := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				out[fn.Name.Name] = true
			}
		}
	}
	return out
}
