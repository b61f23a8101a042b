package token

import "strings"

// withDoc attaches the doc comment to a `;`, `{` or `}`: the comment lines that begin on the same
// line or on the next, with no blank line before or between. One space after each # is dropped,
// every line gets a '\n'. These are C++'s rules (a '\r' before the line break stays, too).
func (s *Scanner) withDoc(t Token) Token {
	if t.Kind != Semicolon && t.Kind != LBrace && t.Kind != RBrace {
		return t
	}
	at, form := s.skipBlank(s.off), SameLineDoc
	if n := s.newline(at); n > 0 {
		at, form = s.skipBlank(at+n), NextLineDoc
	}
	var lines []string
	for at < len(s.text) && s.text[at] == '#' {
		end := s.lineEnd(at)
		lines = append(lines, strings.TrimPrefix(s.text[at+1:end], " "))
		s.off = min(end+1, len(s.text))
		at = s.skipBlank(s.off)
	}
	if lines != nil {
		t.Text = strings.Join(lines, "\n") + "\n"
		t.Form |= form
		t.End = uint32(s.off)
	}
	return t
}

// skipBlank passes white space that does not end a line.
func (s *Scanner) skipBlank(at int) int {
	for at < len(s.text) && isSpace(s.text[at]) && s.text[at] != '\n' && s.text[at] != '\r' {
		at++
	}
	return at
}

// newline is the length of the line break at an offset: \n, \r\n or \r.
func (s *Scanner) newline(at int) int {
	switch {
	case strings.HasPrefix(s.text[at:], "\r\n"):
		return 2
	case at < len(s.text) && (s.text[at] == '\n' || s.text[at] == '\r'):
		return 1
	}
	return 0
}
