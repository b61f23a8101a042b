package parser_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/parser"
	"lanyard.dev/capnp/compiler/source"
)

const corpus = "../testdata/corpus"

// corpusFiles are the schemas of the corpus by their path in it.
func corpusFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(corpus), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".capnp") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(corpus, path))
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCorpusHasNoErrors(t *testing.T) {
	for path, text := range corpusFiles(t) {
		var diags diag.List
		parser.Parse(source.New(path, text), &diags, nil)
		for _, d := range diags.All() {
			t.Error(d)
		}
	}
}

// TestCorpusCoversGrammar counts every production of the grammar over the corpus.
func TestCorpusCoversGrammar(t *testing.T) {
	const least = 3
	counts := map[parser.Production]int{}
	count := func(p parser.Production) { counts[p]++ }
	for path, text := range corpusFiles(t) {
		parser.Parse(source.New(path, text), &diag.List{}, &parser.Options{OnProduction: count})
	}
	total := 0
	for _, p := range parser.Productions() {
		total += counts[p]
		if counts[p] < least {
			t.Errorf("%s: %d times in the corpus, want at least %d", p, counts[p], least)
		}
	}
	t.Logf("%d productions, recognised %d times", len(parser.Productions()), total)
}

// peer is the C++ compiler; without it the test is skipped, or fails where peers are required.
func peer(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("capnp")
	if err != nil {
		if os.Getenv("LANYARD_INTEROP") == "require" {
			t.Fatalf("LANYARD_INTEROP=require: %v", err)
		}
		t.Skipf("peer missing: %v", err)
	}
	return tool
}

// TestCorpusAcceptedByPeer compiles the corpus with the C++ compiler: it is valid not only to us.
func TestCorpusAcceptedByPeer(t *testing.T) {
	tool := peer(t)
	version, err := exec.Command(tool, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range corpusFiles(t) {
		t.Run(path, func(t *testing.T) {
			if strings.HasPrefix(path, "newer/") && strings.Contains(string(version), " version 0.") {
				t.Skipf("needs a newer compiler than %s", version)
			}
			cmd := exec.Command(tool, "compile", "-I.", "-o-", path)
			cmd.Dir = corpus
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if _, err := cmd.Output(); err != nil || stderr.Len() > 0 {
				t.Errorf("%v\n%s", err, stderr.String())
			}
		})
	}
}
