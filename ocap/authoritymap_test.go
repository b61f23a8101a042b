package ocap_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAuthorityMap keeps docs/authority.md true: each invariant of the suite is in its table and each row
// that says so is in the suite; every test it names exists; what has none says why; and the snippets are
// in the tutorial that is run.
func TestAuthorityMap(t *testing.T) {
	page, err := os.ReadFile("../docs/authority.md")
	if err != nil {
		t.Fatal(err)
	}
	inSuite := map[string]bool{}
	for _, inv := range invariants {
		id, _, _ := strings.Cut(inv.id, "/")
		inSuite[id] = true
	}
	rows := map[string]bool{}
	_, table, _ := strings.Cut(string(page), "## Invariants")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.HasPrefix(line, "|---") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		id, test, note := cells[0], cells[2], cells[3]
		if id == "id" {
			continue
		}
		if rows[id] {
			t.Errorf("%s is there twice", id)
		}
		rows[id] = true
		switch {
		case test == "suite":
			if !inSuite[id] && !inSuite[strings.TrimSuffix(strings.Fields(note + " -")[0], ";")] {
				t.Errorf("%s is not in the suite", id)
			}
		case test == "—":
			if note == "" {
				t.Errorf("%s has no test, and no reason", id)
			}
		default:
			if !strings.HasPrefix(test, "`") {
				t.Errorf("%s: %q is no test", id, test)
			}
		}
	}
	for id := range inSuite {
		if !rows[id] {
			t.Errorf("%s is in the suite, but not in the table", id)
		}
	}
	for group, n := range map[string]int{"C": 10, "F": 6, "G": 6, "R": 5, "M": 11, "L": 4, "N": 4, "Q": 6, "A": 5, "B": 5} {
		for i := range n {
			if id := group + strconv.Itoa(i+1); !rows[id] {
				t.Errorf("%s is missing", id)
			}
		}
	}
	in := map[string]map[string]bool{}
	for i, code := range strings.Split(string(page), "`") {
		dir, name, ok := strings.Cut(code, ".Test")
		if i%2 == 0 || !ok {
			continue
		}
		if in[dir] == nil {
			in[dir] = testsIn(t, filepath.Join("..", dir))
		}
		if !in[dir]["Test"+name] {
			t.Errorf("there is no %s", code)
		}
	}
	tutorial, err := os.ReadFile("tutorial_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if !strings.Contains(plain(string(tutorial)), plain(b)) {
			t.Errorf("not in the tutorial:\n%s", b)
		}
	}
	if len(blocks) < 8 {
		t.Errorf("%d snippets", len(blocks))
	}
}

// plain is code without indentation.
func plain(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.TrimSpace(line) + "\n")
	}
	return out.String()
}

func testsIn(t *testing.T, dir string) map[string]bool {
	out := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				out[fn.Name.Name] = true
			}
		}
	}
	return out
}
