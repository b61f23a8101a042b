package parser_test

import (
	"bytes"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

var (
	mutants = flag.Int("mutants", 150, "how many damaged schemas to compare with the peer")
	seed    = flag.Uint64("seed", 1, "which ones")
)

// stricter are the codes of what we refuse on purpose and the peer lets pass: text that is not
// UTF-8 in comments and strings, and numbers that do not fit, which it wraps around.
var stricter = []diag.Code{diag.NotUTF8, diag.NumberRange, diag.BadEscape, diag.BadBinary}

// peerSyntax is how the peer's messages about syntax begin.
var peerSyntax = []string{
	"Parse error", "This statement should end", "Non-UTF-8", "File can only have", "File does not declare",
	"Invalid ID.", "Ordinals cannot be greater", "As of Cap'n Proto v0.3", "'using' declaration without",
	"Wildcard should not", "Not a valid annotation target", "Duplicate target",
}

// TestMutantsAgainstPeer damages schemas of the corpus at random and compares whether there is a
// syntax error with what the C++ compiler says.
func TestMutantsAgainstPeer(t *testing.T) {
	tool := peer(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(corpus)); err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(os.DirFS(dir), "*.capnp")
	if err != nil {
		t.Fatal(err)
	}
	texts, pool := map[string]string{}, []string{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
		for i, part := range pieces(string(text)) {
			if i%2 == 1 {
				pool = append(pool, part)
			}
		}
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	valid := 0
	for range *mutants {
		name := names[r.IntN(len(names))]
		text := mutate(r, texts[name], pool)

		var diags diag.List
		parser.Parse(source.New(name, text), &diags, nil)
		all := slices.DeleteFunc(slices.Clone(diags.All()), func(d diag.Diagnostic) bool { return slices.Contains(stricter, d.Code) })
		if len(all) < len(diags.All()) {
			continue
		}

		path := filepath.Join(dir, name)
		write(t, path, text)
		complaint := complaint(t, tool, dir, name)
		write(t, path, texts[name])
		if complaint == "" {
			valid++
		}
		if (complaint != "") != (len(all) > 0) {
			t.Errorf("ours: %v\npeer: %s\n%s", all, complaint, around(text, texts[name]))
		}
	}
	t.Logf("%d mutants, %d of them without a syntax error", *mutants, valid)
}

// complaint is the first thing that the peer says about the syntax of a file, "" if nothing.
func complaint(t *testing.T, tool, dir, name string) string {
	t.Helper()
	cmd := exec.Command(tool, "compile", "-I.", "-o-", name)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if _, err := cmd.Output(); err == nil {
		return ""
	}
	for line := range strings.Lines(stderr.String()) {
		_, message, _ := strings.Cut(line, ": error: ")
		if slices.ContainsFunc(peerSyntax, func(s string) bool { return strings.HasPrefix(message, s) }) {
			return line
		}
	}
	return ""
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pieces cuts text into what is between tokens, at even places, and tokens.
func pieces(text string) []string {
	var out []string
	sc := token.NewScanner(source.New("", text), func(diag.Diagnostic) {})
	last := uint32(0)
	for {
		x := sc.Scan()
		if x.Kind == token.EOF {
			return append(out, text[last:])
		}
		out = append(out, text[last:x.Span.Start], text[x.Span.Start:x.Span.End])
		last = x.Span.End
	}
}

// mutate changes a token or two: removes, doubles, swaps, replaces or inserts one.
func mutate(r *rand.Rand, text string, pool []string) string {
	parts := pieces(text)
	for range 1 + r.IntN(2) {
		i := 1 + 2*r.IntN(len(parts)/2)
		other := pool[r.IntN(len(pool))]
		switch r.IntN(6) {
		case 0:
			parts[i] = ""
		case 1:
			parts[i] += " " + parts[i]
		case 2:
			j := max(1, i-2)
			parts[i], parts[j] = parts[j], parts[i]
		case 3:
			parts[i] = other
		case 4:
			parts[i] = other + " " + parts[i]
		case 5: // a similar one, which often leaves the syntax right
			for range 50 {
				if other != "" && parts[i] != "" && other[0]>>5 == parts[i][0]>>5 {
					parts[i] = other
					break
				}
				other = pool[r.IntN(len(pool))]
			}
		}
	}
	return strings.Join(parts, "")
}

// around is the part of text that differs from the original, with the lines it is on.
func around(text, original string) string {
	start := 0
	for start < min(len(text), len(original)) && text[start] == original[start] {
		start++
	}
	end := 0
	for end < min(len(text), len(original))-start && text[len(text)-1-end] == original[len(original)-1-end] {
		end++
	}
	from := strings.LastIndexByte(text[:start], '\n') + 1
	to := len(text) - end
	if n := strings.IndexByte(text[to:], '\n'); n >= 0 {
		to += n
	}
	return text[from:to]
}
