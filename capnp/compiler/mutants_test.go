package compiler_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
)

// TestMutantsEqualUpstream swaps, drops and repeats tokens of the corpus and
// compares what both compilers make of it: the nodes, or the errors if it
// parses. LANYARD_MUTANTS is how many; each takes a few hundredths of a second.
func TestMutantsEqualUpstream(t *testing.T) {
	need(t, "capnp")
	n := 25
	if s := os.Getenv("LANYARD_MUTANTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	std := standard(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/corpus")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	m := newMutator(t, rand.New(rand.NewPCG(3, uint64(n))))
	for range n {
		from, text := m.mutant()
		if err := os.WriteFile("mutant.capnp", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if diff := compareMutant(t, std, knowsPositions(t)); diff != "" {
			t.Errorf("from %s: ours (-), theirs (+):\n%s\n%s", from, diff, text)
		}
	}
}

// compareMutant compiles mutant.capnp with both.
func compareMutant(t *testing.T, std string, positions bool) string {
	t.Helper()
	res, err := compiler.Compile([]string{"mutant.capnp"}, &compiler.Options{ImportPaths: []string{".", std}, NoStandardImport: true})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("capnp", "compile", "--no-standard-import", "-I.", "-I"+std, "-o-", "mutant.capnp")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	switch {
	case strings.Contains(stderr.String(), "exception"), syntaxErrors(t, "mutant.capnp"):
		return ""
	case (err == nil) != res.OK():
		return "upstream: " + stderr.String() + "\nours: " + messages(res.Diags)
	case err == nil:
		theirs, _, err := frame.Unmarshal(stdout.Bytes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return difference(unknown(dump(res.Request, positions), dump(capnp.Root[schema.CodeGeneratorRequest](theirs), positions)))
	}
	return difference(comparable(messages(res.Diags), stderr.String()), comparable(stderr.String(), stderr.String()))
}

// syntaxErrors reports whether a file does not parse: what is left of it is not
// the same for both.
func syntaxErrors(t *testing.T, name string) bool {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var diags diag.List
	parser.Parse(source.New(name, string(text)), &diags, nil)
	return diags.Errors() > 0
}

// messages are findings as upstream prints them.
func messages(all []diag.Diagnostic) string {
	var b strings.Builder
	for _, d := range all {
		b.WriteString(d.String() + "\n")
		for _, n := range d.Notes {
			b.WriteString(diag.Diagnostic{File: n.File, Span: n.Span, Message: n.Message}.String() + "\n")
		}
	}
	return b.String()
}

var randomID = regexp.MustCompile(`Add this line to your file: @0x[0-9a-f]{16};`)

// comparable sorts messages and removes those that differ for a reason.
func comparable(text, theirs string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		// Upstream complains about List when it is its parameter that is wrong, and a mutant that
		// imports what imports its original has an id twice, which upstream does not always meet.
		// Some expressions stand nowhere for upstream, which shows as the start of the file.
		_, message, _ := strings.Cut(line, ": error: ")
		return strings.Contains(line, "'List' requires exactly one parameter.") ||
			strings.Contains(line, "Duplicate ID") || strings.Contains(line, "originally used here.") ||
			strings.Contains(theirs, ":1:1: error: "+message)
	})
	for i := range lines {
		// Upstream shows Box(Text) as Box(( Text )).
		lines[i] = strings.NewReplacer("(( ", "(", " ))", ")").Replace(lines[i])
		lines[i] = randomID.ReplaceAllString(lines[i], "")
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// mutator makes schemas that are nearly right.
type mutator struct {
	rand  *rand.Rand
	names []string
	files [][]string // their tokens
}

var word = regexp.MustCompile(`#[^\n]*|"(?:\\.|[^"\\\n])*"|\w+|[-!$%&*+./:<=>?@^|~]+|\s+|.`)

func newMutator(t *testing.T, r *rand.Rand) *mutator {
	names, err := filepath.Glob("*.capnp")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	m := &mutator{rand: r, names: names}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m.files = append(m.files, word.FindAllString(string(text), -1))
	}
	return m
}

func (m *mutator) mutant() (from, text string) {
	k := m.rand.IntN(len(m.files))
	tokens := slices.Clone(m.files[k])
	for range 1 + m.rand.IntN(2) {
		i, j := m.rand.IntN(len(tokens)), m.rand.IntN(len(tokens))
		switch m.rand.IntN(4) {
		case 0:
			tokens = slices.Delete(tokens, i, i+1)
		case 1:
			tokens[i], tokens[j] = tokens[j], tokens[i]
		case 2:
			tokens[i] = tokens[j]
		case 3: // by one that looks alike
			alike := slices.DeleteFunc(slices.Clone(tokens), func(s string) bool { return s[0]>>5 != tokens[i][0]>>5 })
			tokens[i] = alike[m.rand.IntN(len(alike))]
		}
	}
	return m.names[k], strings.Join(tokens, "")
}
