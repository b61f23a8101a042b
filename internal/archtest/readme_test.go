package archtest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fences finds the code blocks of a language in a Markdown file.
func fences(markdown, language string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(markdown, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestReadmeCommands: README promises two commands, CI runs them, and nobody is
// told to go get a module that cannot be got.
func TestReadmeCommands(t *testing.T) {
	readme := read(t, "../../README.md")
	want := []string{"go run ./cmd/lanyard demo\n", "go test ./...\n"}
	if got := fences(readme, "sh"); !slices.Equal(got, want) {
		t.Errorf("README's commands are %q, want %q", got, want)
	}
	makefile := read(t, "../../Makefile")
	for _, command := range want {
		if !strings.Contains(makefile, "\t"+command) {
			t.Errorf("no target of the Makefile runs %s", command)
		}
	}
	ci := read(t, "../../.ci/run")
	for _, target := range []string{"step make test\n", "step make demo\n"} {
		if !strings.Contains(ci, target) {
			t.Errorf("CI does not run %s", target)
		}
	}
	for _, command := range []string{"go get ", "go install "} {
		if strings.Contains(readme, command) {
			t.Errorf("README says %q; the module's path is not a place", command)
		}
	}
}

// TestReadmeExample: README's example is the body of one that runs.
func TestReadmeExample(t *testing.T) {
	const file = "../../service/calculator/example_test.go"
	src := read(t, file)
	_, body, ok := strings.Cut(src, "\nfunc Example() {\n")
	body, _, ok2 := strings.Cut(body, "\t// Output:\n")
	if !ok || !ok2 {
		t.Fatalf("%s has no Example with output", file)
	}
	want := strings.ReplaceAll("\n"+body, "\n\t", "\n")[1:]
	got := fences(read(t, "../../README.md"), "go")
	if len(got) != 1 || got[0] != want {
		t.Errorf("README's example is not that of %s, which is:\n%s", file, want)
	}
	if n := strings.Count(want, "\n"); n > 28 {
		t.Errorf("the example has %d lines; nobody reads so many", n)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
