package token

import (
	"strings"
	"unicode/utf8"

	"lanyard.dev/capnp/compiler/diag"
)

// quoted reads a "string". It ends on its line; a raw line break needs \n.
func (s *Scanner) quoted() Token {
	start := s.off
	s.off++
	from := s.off // start of the part not yet in out
	var out []byte
	var form Form
	for {
		n := strings.IndexAny(s.text[s.off:], "\"\\\n")
		if n < 0 || s.text[s.off+n] == '\n' {
			s.off = s.unterminated(start, start)
			t := s.token(String, start)
			t.Form = Damaged
			return t
		}
		s.off += n
		if s.text[s.off] == '"' {
			break
		}
		out = append(out, s.text[from:s.off]...)
		c, f := s.escape()
		out = append(out, c)
		form |= f
		from = s.off
	}
	text := s.text[from:s.off]
	if out != nil {
		text = string(append(out, text...))
	}
	s.off++
	t := s.token(String, start)
	t.Text, t.Form = text, form
	return t
}

// unterminated reports a literal whose closing quote is missing and returns where to go on:
// the end of the line of at, or the ';' there, which was more likely meant to end the statement.
func (s *Scanner) unterminated(start, at int) int {
	end := s.lineEnd(at)
	s.fail(diag.UnterminatedString, start, end, "Parse error: the closing '\"' is missing.",
		"a string ends on its line; break long ones into several adjacent strings")
	if text := strings.TrimRight(s.text[at:end], " \t\r"); strings.HasSuffix(text, ";") {
		return at + len(text) - 1
	}
	return end
}

// escape reads from a backslash. The set is C's without \u: C++ has none, so have we.
func (s *Scanner) escape() (byte, Form) {
	const letters, values = `abfnrtv'"\?`, "\a\b\f\n\r\t\v'\"\\?"
	start := s.off
	s.off++
	rest := s.text[s.off:]
	if rest == "" || rest[0] == '\n' {
		return 0, Damaged // the string is unterminated: that will be reported
	}
	if i := strings.IndexByte(letters, rest[0]); i >= 0 {
		s.off++
		return values[i], EscapeLetter
	}
	if rest[0] == 'x' {
		if len(rest) >= 3 && isHex(rest[1]) && isHex(rest[2]) {
			s.off += 3
			return hexValue(rest[1])<<4 | hexValue(rest[2]), EscapeHex
		}
		s.off++
		return s.badEscape(start, `\x takes two hexadecimal digits`)
	}
	if !isOctal(rest[0]) {
		_, n := utf8.DecodeRuneInString(rest)
		s.off += n
		return s.badEscape(start, `the escapes are \a \b \f \n \r \t \v \' \" \\ \? \x41 \101`)
	}
	value := 0
	for n := 0; n < 3 && s.off < len(s.text) && isOctal(s.text[s.off]); n++ {
		value = value*8 + int(s.text[s.off]-'0')
		s.off++
	}
	if value > 0xff {
		return s.badEscape(start, `an octal escape is at most \377`)
	}
	return byte(value), EscapeOctal
}

func (s *Scanner) badEscape(start int, hint string) (byte, Form) {
	s.fail(diag.BadEscape, start, s.off, "Parse error: "+quote(s.text[start:s.off])+" is not an escape.", hint)
	return '?', Damaged
}

// line reads a `line string: the rest of the line, with '\n' for whatever ends it.
func (s *Scanner) line() Token {
	start := s.off
	s.off = len(s.text)
	if n := strings.IndexAny(s.text[start:], "\r\n"); n >= 0 {
		s.off = start + n
	}
	t := s.token(String, start)
	t.Text, t.Form = s.text[start+1:s.off]+"\n", Line
	return t
}
