package diagtest

import (
	"fmt"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
)

// recorder collects what a test would have failed with.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Error(args ...any) { r.failures = append(r.failures, fmt.Sprint(args...)) }

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestCheck(t *testing.T) {
	at := func(offset uint32, message string) diag.Diagnostic {
		return diag.Diagnostic{Code: "some-code", Span: source.Span{Start: offset, End: offset + 1}, Message: message}
	}
	tests := map[string]struct {
		text string
		got  []diag.Diagnostic
		want string
	}{
		"as expected":  {"a # ERROR \"wrong\"\nb", []diag.Diagnostic{at(0, "this is wrong")}, ""},
		"by its code":  {"a # ERROR \"some-code\"", []diag.Diagnostic{at(0, "x")}, ""},
		"two on one":   {"a # ERROR \"one\" \"two\"", []diag.Diagnostic{at(0, "two"), at(0, "one")}, ""},
		"line above":   {"a\n# ERROR@-1 \"x\"", []diag.Diagnostic{at(0, "x")}, ""},
		"line below":   {"# ERROR@1 `x`\na", []diag.Diagnostic{at(14, "x")}, ""},
		"unexpected":   {"a", []diag.Diagnostic{at(0, "x")}, "unexpected: f:1:1-2: error: x"},
		"once only":    {"a # ERROR \"x\"", []diag.Diagnostic{at(0, "x"), at(0, "x")}, "unexpected"},
		"missing":      {"a # ERROR \"x\"", nil, "f:1: no error matches"},
		"not quoted":   {"a # ERROR x", nil, "quoted"},
		"bad pattern":  {"a # ERROR \"(\"", nil, "missing closing )"},
		"other file's": {"a", []diag.Diagnostic{{File: source.New("g", "x"), Message: "x"}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := source.New("f", tt.text)
			for i := range tt.got {
				if tt.got[i].File == nil {
					tt.got[i].File = file
				}
			}
			var r recorder
			Check(&r, file, tt.got)
			all := strings.Join(r.failures, "\n")
			if (all == "") != (tt.want == "") || !strings.Contains(all, tt.want) {
				t.Errorf("failures: %q, want %q", all, tt.want)
			}
		})
	}
}
