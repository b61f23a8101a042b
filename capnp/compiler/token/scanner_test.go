package token_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
	"lanyard.dev/capnp/compiler/token"
)

// scan returns all tokens before the EOF and the messages.
func scan(text string) (tokens []token.Token, messages []string) {
	sc := token.NewScanner(source.New("f", text), func(d diag.Diagnostic) { messages = append(messages, d.String()) })
	for {
		t := sc.Scan()
		if t.Kind == token.EOF {
			return tokens, messages
		}
		tokens = append(tokens, t)
	}
}

// show is a compact form of a token.
func show(t token.Token) string {
	switch t.Kind {
	case token.Ident, token.Op:
		return t.Text
	case token.Int:
		return fmt.Sprintf("int:%d", t.Int())
	case token.Float:
		return fmt.Sprintf("float:%v", t.Float())
	case token.String:
		return fmt.Sprintf("%q", t.Text)
	case token.Binary:
		return fmt.Sprintf("bytes:%x", t.Text)
	}
	if t.Text != "" {
		return fmt.Sprintf("%s%q", t.Kind, t.Text)
	}
	return t.Kind.String()
}

func TestScan(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{" \t\r\n\f\v", ""},
		{"# only a comment", ""},
		{"\ufeff# bom\n\ufeffa \ufeff\ufeff b", "a b"},
		{"aB_9 _ Z", "aB_9 _ Z"},
		{"( ) [ ] { } , ;", "'(' ')' '[' ']' '{' '}' ',' ';'"},
		{"a@0:b=-1", "a @ int:0 : b = - int:1"},
		{"! $ * - -> . : = @", "! $ * - -> . : = @"},
		{"0 00 7 007 0x1F 0xff 18446744073709551615", "int:0 int:0 int:7 int:7 int:31 int:255 int:18446744073709551615"},
		{"01777777777777777777777 0xffffffffffffffff", "int:18446744073709551615 int:18446744073709551615"},
		{"1.5 1. 1e3 1E+3 1e-3 007.25 0.0", "float:1.5 float:1 float:1000 float:1000 float:0.001 float:7.25 float:0"},
		{"07e1 00e0", "float:70 float:0"},
		{"1e-400 1e308", "float:0 float:1e+308"},
		{`"" "a b" "\a\b\f\n\r\t\v\'\"\\\?"`, `"" "a b" "\a\b\f\n\r\t\v'\"\\?"`},
		{`"\x41\x7e\101\7\60\0019"`, `"A~A\a0\x019"`},
		{`"\xff\377"`, `"\xff\xff"`},
		{"\"größe 📏\"", `"größe 📏"`},
		{"`one line # \"quoted\" \\n\nnext", `"one line # \"quoted\" \\n\n" next`},
		{"`crlf\r\n`cr\rx", `"crlf\n" "cr\n" x`},
		{"`at the end", `"at the end\n"`},
		{`0x"00 ff1A"`, "bytes:00ff1a"},
		{"0x\" \n0a\t0b \" x", "bytes:0a0b x"},
		{"0x0x", "int:0"}, // reported
		// Operators that run together are reported and then read one by one.
		{":.a", ": . a"},
		{"=->-", "= -> -"},
		{"a+b", "a b"},
		{"@-1", "@ - int:1"},
		// What belongs to no token is reported and skipped.
		{"a'b", "a b"},
		{"'a b' c “d” «e\n", `"" c "" e`},
		{"é a", "a"},
		{"a\\b", "a b"},
		// Broken literals stay one token.
		{`"open`, `""`},
		{"\"open;\nx", `"" ';' x`},
		{`"open ;  `, `"" ';'`},
		{"\"a\\\nb", `"" b`},
		{`"a\`, `""`},
		{`0x"0" a`, "bytes: a"},
		{"0x\"00\n11", "bytes:"},
		{`0x"zz`, "bytes:"},
		{"0x\"0;\na", "bytes: ';' a"},
		{"12ab 09 1e 99999999999999999999", "int:0 int:0 int:0 int:0"},
		{"1e999", "float:0"},
		{"\"\\é\"", `"?"`},
		// Not text.
		{"\xff\xfea\x00", ""},
		{"\xfe\xff\x00a", ""},
		{"a \x00 b", ""},
		{"a \xff\xff b # \xfe", "a b"},
	}
	for _, tt := range tests {
		tokens, _ := scan(tt.text)
		var parts []string
		for _, x := range tokens {
			parts = append(parts, show(x))
		}
		if got := strings.Join(parts, " "); got != tt.want {
			t.Errorf("scan %q:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestScanReports(t *testing.T) {
	tests := []struct{ text, want string }{
		{"a b", ""},
		{"\xff\xfea", "f:1:1-3: error: Non-UTF-8 input detected. Cap'n Proto schema files must be UTF-8 text."},
		{"# a\n\x00", "f:2:1-2: error: Non-UTF-8 input detected. Cap'n Proto schema files must be UTF-8 text."},
		{"# \xe9\n\"\xe9\" \xe9", "f:1:3-4: error: Non-UTF-8 input detected. Cap'n Proto schema files must be UTF-8 text."},
		{"a ' b", "f:1:3-4: error: Parse error: unexpected character '''."},
		{"a 'b'", "f:1:3-6: error: Parse error: ''b'' is not a string."},
		{"a := b", "f:1:3-5: error: Parse error: ':=' is not an operator."},
		{"=:=", "f:1:1-4: error: Parse error: '=:=' is not an operator."},
		{"+ 1", "f:1:1-2: error: Parse error: '+' is not an operator."},
		{"99999999999999999999", "f:1:1-21: error: Integer literal is too big: '99999999999999999999' needs more than 64 bits."},
		{"02000000000000000000000", "f:1:1-24: error: Integer literal is too big: '02000000000000000000000' needs more than 64 bits."},
		{"1e999", "f:1:1-6: error: Number is too big: '1e999' does not fit Float64."},
		{"08", "f:1:1-3: error: Parse error: '08' is not a number."},
		{"0x", "f:1:1-3: error: Parse error: '0x' is not a number."},
		{`"\q"`, `f:1:2-4: error: Parse error: '\q' is not an escape.`},
		{`"\x4"`, `f:1:2-4: error: Parse error: '\x' is not an escape.`},
		{`"\400"`, `f:1:2-6: error: Parse error: '\400' is not an escape.`},
		{`a "b`, `f:1:3-5: error: Parse error: the closing '"' is missing.`},
		{"a \"b\\\nc", `f:1:3-6: error: Parse error: the closing '"' is missing.`},
		{`0x"1"`, `f:1:4-5: error: Parse error: expected two hexadecimal digits.`},
		{`0x""`, `f:1:1-5: error: Parse error: a binary literal has at least one byte.`},
		{"0x\"01\n02", `f:1: error: Parse error: the closing '"' is missing.`},
	}
	for _, tt := range tests {
		_, messages := scan(tt.text)
		if got := strings.Join(messages, "\n"); got != tt.want {
			t.Errorf("scan %q:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestHints(t *testing.T) {
	tests := []struct{ text, want string }{
		{"a 'b'", "straight double quotes"},
		{"a “b”", "straight double quotes"},
		{"größe", "letters a-z"},
		{`a\n`, "escapes stand inside"},
		{"=-1", "'= -'"},
		{":.a", "': .'"},
		{"// a", "comments start with #"},
		{"/* a */", "comments start with #"},
		{"a && b", ""},
		{"=========", ""},
		{"019", "write '19'"},
		{"009.5", "write '9.5'"},
		{"08e2", "write '8e2'"},
		{"0X1", "0x, in lower case"},
		{"1e+", "no digits"},
		{"1.2.3", ""},
		{"\xff\xfe", "UTF-16"},
		{"\x00", "NUL"},
	}
	for _, tt := range tests {
		var hints []string
		sc := token.NewScanner(source.New("f", tt.text), func(d diag.Diagnostic) { hints = append(hints, d.Hint) })
		for sc.Scan().Kind != token.EOF {
		}
		if len(hints) == 0 || !strings.Contains(hints[0], tt.want) || tt.want == "" && hints[0] != "" {
			t.Errorf("%q: hints %q, want %q", tt.text, hints, tt.want)
		}
	}
}

// TestDocComments pins the rule for which comments belong to a statement, and where it ends.
func TestDocComments(t *testing.T) {
	tests := []struct {
		text string
		doc  string
		end  int // of the first token and its comment
	}{
		{";", "", 1},
		{"; # same line", "same line\n", 13},
		{";# same line\nx", "same line\n", 13},
		{";\n# next line\n", "next line\n", 14},
		{";\n  # a\n  # b\n  x", "a\nb\n", 14},
		{"; # a\n# b\n", "a\nb\n", 10},
		{";\n\n# after a blank line\n", "", 1},
		{";\n# a\n\n# b\n", "a\n", 6},
		{";\n#\n#a\n#  b\n##c\n", "\na\n b\n#c\n", 16},
		{";\r\n# a\r\n# b\r\n", "a\r\nb\r\n", 13},
		{";\r# a", "a\n", 5},
		{"; \t\v\f# a\n", "a\n", 9},
		{"; x # a\n", "", 1},
		{"{ # a\n}", "a\n", 6},
		{"} # a\n", "a\n", 6},
		{"} # ä", "ä\n", 6},
		{"( # a\n)", "", 1},
		{", # a\n", "", 1},
	}
	for _, tt := range tests {
		tokens, messages := scan(tt.text)
		first := tokens[0]
		doc := first.Text
		if doc != tt.doc || int(first.End) != tt.end || first.Span != (source.Span{Start: 0, End: 1}) || messages != nil {
			t.Errorf("%q: doc %q end %d span %v, want doc %q end %d %v", tt.text, doc, first.End, first.Span, tt.doc, tt.end, messages)
		}
	}
}

func TestForms(t *testing.T) {
	tests := []struct {
		text string
		want token.Form
	}{
		{"1", 0}, {"0x1", token.Hex}, {"01", token.Octal}, {"0", 0}, {"1.5", 0}, {"1e5", token.Exponent},
		{`"a"`, 0}, {"`a", token.Line}, {`"\n\x41\101"`, token.EscapeLetter | token.EscapeHex | token.EscapeOctal},
		{`"\q"`, token.Damaged}, {`"a`, token.Damaged}, {"1x", token.Damaged}, {`0x""`, token.Damaged},
		{"; # a", token.SameLineDoc}, {";\n# a", token.NextLineDoc}, {";", 0},
	}
	for _, tt := range tests {
		if tokens, _ := scan(tt.text); tokens[0].Form != tt.want {
			t.Errorf("%q: form %b, want %b", tt.text, tokens[0].Form, tt.want)
		}
	}
}

func TestIs(t *testing.T) {
	tokens, _ := scan("-> struct")
	if !tokens[0].Is("->") || tokens[0].Is("-") || tokens[0].IsWord("->") {
		t.Error("-> is not itself")
	}
	if !tokens[1].IsWord("struct") || tokens[1].Is("struct") {
		t.Error("struct is not itself")
	}
}

// FuzzScan checks that tokens lie in order within the text, whatever it is.
func FuzzScan(f *testing.F) {
	paths, err := filepath.Glob("../testdata/corpus/*.capnp")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{"\"\\", "0x\"", "1e", "`", "\xef\xbb", "=-=-", ";#", "\x00", "'", "\"a\\\n", "0x\"0\n\"", "09."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		reported := 0
		sc := token.NewScanner(source.New("f", text), func(d diag.Diagnostic) {
			reported++
			if d.Span.Start > d.Span.End || int(d.Span.End) > len(text) || d.Code == "" || d.Message == "" {
				t.Errorf("bad diagnostic %+v", d)
			}
		})
		last := uint32(0)
		for {
			x := sc.Scan()
			if x.Kind == token.EOF {
				break
			}
			if x.Span.Start < last || x.Span.End <= x.Span.Start || x.End < x.Span.End || int(x.End) > len(text) {
				t.Fatalf("token %+v after %d", x, last)
			}
			last = x.Span.End
			if x.Form&token.Damaged != 0 && reported == 0 {
				t.Fatalf("damaged without a report: %+v", x)
			}
		}
		if x := sc.Scan(); x.Kind != token.EOF {
			t.Fatalf("token %+v after the end", x)
		}
	})
}
