package conform_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lanyard.dev/internal/conform"
)

// TestAttacksAreTests: docs/attacks.md has a row for every attack, and what it names exists.
func TestAttacksAreTests(t *testing.T) {
	const root = "../.."
	text, err := os.ReadFile(filepath.Join(root, "docs", "attacks.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 {
			rows[strings.TrimSpace(cells[1])] = cells[3] + cells[4]
		}
	}
	for letter, n := range map[string]int{"R": 27, "L": 18, "T": 5} {
		for i := range n {
			id := fmt.Sprintf("%s%02d", letter, i+1)
			if !strings.Contains(rows[id], "`") {
				t.Errorf("%s has no test", id)
			}
		}
	}
	sources := map[string]string{} // the tests of a package
	read := func(dir string) string {
		if s, ok := sources[dir]; ok {
			return s
		}
		files, _ := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		var all strings.Builder
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
		sources[dir] = all.String()
		return sources[dir]
	}
	named := map[string]bool{}
	for id, refs := range rows {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(refs, -1) {
			ref := m[1]
			named[ref] = true
			dir, name, isTest := strings.Cut(ref, " ")
			name, sub, _ := strings.Cut(name, "/")
			switch {
			case isTest:
				if !strings.Contains(read(dir), "func "+name+"(") {
					t.Errorf("%s: there is no %s in %s", id, name, dir)
				}
				if sub != "" && !strings.Contains(read(dir), `"`+sub+`"`) {
					t.Errorf("%s: there is no case %s of %s in %s", id, sub, name, dir)
				}
			default:
				file := ref
				if !strings.Contains(ref, "/") {
					file = path.Join("internal/conform/cases", ref)
				}
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		}
	}
	cases, err := conform.Cases()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if !named[c.File] {
			t.Errorf("%s is not in docs/attacks.md", c.File)
		}
		if !strings.Contains(rows[c.ID], c.File) {
			t.Errorf("%s is not in row %s of docs/attacks.md", c.File, c.ID)
		}
		if name := c.ID + "/" + c.Name; seen[name] {
			t.Errorf("there are two cases %s", name)
		} else {
			seen[name] = true
		}
	}
}
