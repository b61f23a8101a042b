// Package diagtest compares diagnostics with the ones that a schema says it expects, in comments:
//
//	dup @0 :Text;  # ERROR "Duplicate ordinal"
//
// Each quoted text is a regular expression for the message and code, `message [code]`, of one
// diagnostic that starts on that line; `# ERROR@-1 "…"` means the line above, @2 two lines below.
// It is for tests of the compiler; other tests compare values.
package diagtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
)

// Check fails t for each diagnostic of file that no comment expects and each expectation unmet.
// Diagnostics of other files are not looked at.
func Check(t testing.TB, file *source.File, got []diag.Diagnostic) {
	t.Helper()
	wants, err := expectations(file)
	if err != nil {
		t.Error(err)
		return
	}
	for _, d := range got {
		if d.File != file {
			continue
		}
		line := file.Position(d.Span.Start).Line
		text := fmt.Sprintf("%s [%s]", d.Message, d.Code)
		if !take(wants[line], text) {
			t.Errorf("unexpected: %s [%s]", d, d.Code)
		}
	}
	for line, list := range wants {
		for _, w := range list {
			if !w.met {
				t.Errorf("%s:%d: no error matches %q", file.Name(), line, w.re)
			}
		}
	}
}

// want is one expectation.
type want struct {
	re  *regexp.Regexp
	met bool
}

// take marks the first open expectation that matches.
func take(list []*want, text string) bool {
	for _, w := range list {
		if !w.met && w.re.MatchString(text) {
			w.met = true
			return true
		}
	}
	return false
}

var comment = regexp.MustCompile(`# ERROR(@([+-]?\d+))? (.*)$`)

func expectations(file *source.File) (map[int][]*want, error) {
	wants := map[int][]*want{}
	for n := 1; n <= file.Lines(); n++ {
		m := comment.FindStringSubmatch(file.Line(n))
		if m == nil {
			continue
		}
		offset := 0
		if m[2] != "" {
			offset, _ = strconv.Atoi(m[2]) // digits only
		}
		for rest := m[3]; strings.TrimSpace(rest) != ""; {
			rest = strings.TrimSpace(rest)
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: ERROR wants quoted regular expressions: %s", file.Name(), n, rest)
			}
			text, _ := strconv.Unquote(quoted)
			re, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file.Name(), n, err)
			}
			wants[n+offset] = append(wants[n+offset], &want{re: re})
			rest = rest[len(quoted):]
		}
	}
	return wants, nil
}
