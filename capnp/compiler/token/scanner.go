package token

import (
	"strings"
	"unicode/utf8"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/source"
)

// Scanner reads one file from front to back.
//
// Invariant: 0 ≤ off ≤ len(text); every Scan before the EOF advances off.
type Scanner struct {
	file   *source.File
	text   string
	report func(diag.Diagnostic)

	off int
	// runEnd is the end of the last operator run; a wrong one was reported and is handed out piece
	// by piece up to there.
	runEnd int
}

// NewScanner starts at the beginning of file. Findings go to report in the order of the text.
func NewScanner(file *source.File, report func(diag.Diagnostic)) *Scanner {
	s := &Scanner{file: file, text: file.Text(), report: report}
	s.checkEncoding()
	return s
}

const notUTF8 = "Non-UTF-8 input detected. Cap'n Proto schema files must be UTF-8 text."

// checkEncoding reports the first byte that is not text. UTF-16 and binary files are not looked
// at further; a stray byte, in a comment perhaps, does not hide other errors.
func (s *Scanner) checkEncoding() {
	if strings.HasPrefix(s.text, "\xff\xfe") || strings.HasPrefix(s.text, "\xfe\xff") {
		s.fail(diag.NotUTF8, 0, 2, notUTF8, "this looks like UTF-16: save the file as UTF-8")
		s.off = len(s.text)
		return
	}
	if i := strings.IndexByte(s.text, 0); i >= 0 {
		s.fail(diag.NotUTF8, i, i+1, notUTF8, "there is a NUL byte: this is not a text file")
		s.off = len(s.text)
		return
	}
	if utf8.ValidString(s.text) {
		return
	}
	for i := 0; i < len(s.text); {
		r, n := utf8.DecodeRuneInString(s.text[i:])
		if r == utf8.RuneError && n == 1 {
			s.fail(diag.NotUTF8, i, i+1, notUTF8, "this byte is not UTF-8, nor are perhaps others after it")
			return
		}
		i += n
	}
}

func (s *Scanner) fail(code diag.Code, start, end int, message, hint string) {
	s.report(diag.Diagnostic{Code: code, File: s.file, Span: span(start, end), Message: message, Hint: hint})
}

func span(start, end int) source.Span { return source.Span{Start: uint32(start), End: uint32(end)} }

// Scan returns the next token; after the last one it returns EOF for ever.
func (s *Scanner) Scan() Token {
	for {
		s.skipSpace()
		if s.off == len(s.text) {
			return s.token(EOF, s.off)
		}
		start := s.off
		switch c := s.text[start]; {
		case isNameStart(c):
			for s.off++; s.off < len(s.text) && isNameChar(s.text[s.off]); s.off++ {
			}
			t := s.token(Ident, start)
			t.Text = s.text[start:s.off]
			return t
		case isDigit(c):
			return s.number()
		case c == '"':
			return s.quoted()
		case c == '`':
			return s.line()
		case isOp(c):
			if t, ok := s.operator(); ok {
				return t
			}
		default:
			if kind := punctuation(c); kind != EOF {
				s.off++
				return s.withDoc(s.token(kind, start))
			}
			if t, ok := s.unknown(); ok {
				return t
			}
		}
	}
}

// token makes a token from start to the current offset.
func (s *Scanner) token(kind Kind, start int) Token {
	return Token{Kind: kind, Span: span(start, s.off), End: uint32(s.off)}
}

func punctuation(c byte) Kind {
	switch c {
	case '(':
		return LParen
	case ')':
		return RParen
	case '[':
		return LBracket
	case ']':
		return RBracket
	case '{':
		return LBrace
	case '}':
		return RBrace
	case ',':
		return Comma
	case ';':
		return Semicolon
	}
	return EOF
}

// bom may stand wherever white space may: C++ accepts that, too.
const bom = "\ufeff"

// skipSpace passes white space, byte order marks and comments.
func (s *Scanner) skipSpace() {
	for s.off < len(s.text) {
		switch c := s.text[s.off]; {
		case isSpace(c):
			s.off++
		case c == '#':
			s.off = s.lineEnd(s.off)
		case c == bom[0] && strings.HasPrefix(s.text[s.off:], bom):
			s.off += len(bom)
		default:
			return
		}
	}
}

// lineEnd is the offset of the next '\n' or the end.
func (s *Scanner) lineEnd(from int) int {
	if n := strings.IndexByte(s.text[from:], '\n'); n >= 0 {
		return from + n
	}
	return len(s.text)
}

// unknown passes a run of characters that belong to no token and reports it, once. Text in quotes of
// another kind than ours is a string all the same.
func (s *Scanner) unknown() (Token, bool) {
	start := s.off
	if n := foreignString(s.text[start:]); n > 0 {
		s.off += n
		s.fail(diag.BadCharacter, start, s.off, "Parse error: "+quote(s.text[start:s.off])+" is not a string.",
			`strings are written in straight double quotes: "`)
		t := s.token(String, start)
		t.Form = Damaged
		return t, true
	}
	valid := true
	for s.off < len(s.text) {
		c := s.text[s.off]
		if isSpace(c) || c == '#' || c == '"' || c == '`' || isNameStart(c) || isDigit(c) || isOp(c) || punctuation(c) != EOF {
			break
		}
		r, n := utf8.DecodeRuneInString(s.text[s.off:])
		valid = valid && (r != utf8.RuneError || n > 1)
		s.off += n
	}
	if !valid {
		return Token{}, false // checkEncoding has reported it
	}
	hint := ""
	switch run := s.text[start:s.off]; {
	case run[0] >= utf8.RuneSelf:
		hint = "names have only the letters a-z and A-Z and digits"
	case run[0] == '\\':
		hint = "escapes stand inside string literals"
	}
	s.fail(diag.BadCharacter, start, s.off, "Parse error: unexpected character "+quote(s.text[start:s.off])+".", hint)
	return Token{}, false
}

// foreignString is the length of a string in single or typographic quotes at the start of text,
// on one line and not very long; 0 if there is none.
func foreignString(text string) int {
	const most = 200
	for _, quotes := range [...][2]string{{"'", "'"}, {"‘", "’"}, {"“", "”"}, {"„", "“"}, {"«", "»"}} {
		rest, ok := strings.CutPrefix(text, quotes[0])
		if !ok {
			continue
		}
		rest = rest[:min(len(rest), most)]
		if i := strings.IndexAny(rest, "\n"+quotes[1]); i >= 0 && strings.HasPrefix(rest[i:], quotes[1]) {
			return len(quotes[0]) + i + len(quotes[1])
		}
	}
	return 0
}

// quote shows a short piece of source in a message.
func quote(text string) string {
	const most = 40
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "'" + text + "'"
}

// longestRun is how many operators may be glued together and still be taken one by one.
const longestRun = 8

// validOp reports whether op is an operator of the language.
func validOp(op string) bool {
	switch op {
	case "!", "$", "*", "-", "->", ".", ":", "=", "@":
		return true
	}
	return false
}

// operator reads a run of operator characters. As in C++ a run is one token, so `=-1` and `:.Foo`
// are errors; we say which and go on as if there had been spaces.
func (s *Scanner) operator() (Token, bool) {
	start := s.off
	if start >= s.runEnd {
		end := start
		for end < len(s.text) && isOp(s.text[end]) {
			end++
		}
		s.runEnd = end
		if run := s.text[start:end]; !validOp(run) {
			s.fail(diag.BadOperator, start, end, "Parse error: "+quote(run)+" is not an operator.", spaced(run))
			if len(run) > longestRun {
				s.off = end
				return Token{}, false
			}
		}
	}
	run := s.text[start:s.runEnd]
	op := firstOp(run)
	s.off = start + max(len(op), 1)
	if op == "" {
		return Token{}, false
	}
	t := s.token(Op, start)
	t.Text = op
	return t, true
}

// firstOp is the longest valid operator that run starts with, or "".
func firstOp(run string) string {
	for _, n := range []int{2, 1} {
		if n <= len(run) && validOp(run[:n]) {
			return run[:n]
		}
	}
	return ""
}

// spaced suggests where to put spaces, if that would help.
func spaced(run string) string {
	if strings.HasPrefix(run, "//") || strings.HasPrefix(run, "/*") {
		return "comments start with #"
	}
	if len(run) > longestRun {
		return ""
	}
	var parts []string
	for run != "" {
		op := firstOp(run)
		if op == "" {
			return ""
		}
		parts, run = append(parts, op), run[len(op):]
	}
	return "put spaces between operators: " + quote(strings.Join(parts, " "))
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func isNameChar(c byte) bool { return isNameStart(c) || isDigit(c) }

func isOp(c byte) bool { return strings.IndexByte("!$%&*+-./:<=>?@^|~", c) >= 0 }
