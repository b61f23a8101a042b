package grant_test

import (
	"os"
	"strings"
	"testing"
)

// TestDocs keeps docs/grants.md true: every line of Go in it stands in the example, which runs.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/grants.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for l := range strings.Lines(string(example)) {
		lines[strings.TrimSpace(l)] = true
	}
	n := 0
	blocks := strings.Split(string(page), "```")
	for i := 1; i < len(blocks); i += 2 {
		code, ok := strings.CutPrefix(blocks[i], "go\n")
		if !ok {
			continue
		}
		for l := range strings.Lines(code) {
			n++
			if l = strings.TrimSpace(l); l != "" && !lines[l] {
				t.Errorf("docs/grants.md says what the example does not: %s", l)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d lines of Go found", n)
	}
}
