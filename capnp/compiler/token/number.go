package token

import (
	"math"
	"strconv"
	"strings"

	"lanyard.dev/capnp/compiler/diag"
)

// number reads everything that starts with a digit: integers, floats, and 0x"…".
func (s *Scanner) number() Token {
	start := s.off
	if strings.HasPrefix(s.text[start:], `0x"`) {
		return s.binary()
	}
	s.off = numberEnd(s.text, start)
	word := s.text[start:s.off]
	switch {
	case strings.HasPrefix(word, "0x") && len(word) > 2 && allOf(word[2:], isHex):
		return s.integer(start, word[2:], 16, Hex)
	case allOf(word, isDigit):
		if word[0] == '0' && len(word) > 1 {
			if !allOf(word, isOctal) {
				return s.badNumber(start, "a leading 0 means octal: write "+quote(trimZeros(word)))
			}
			return s.integer(start, word, 8, Octal)
		}
		return s.integer(start, word, 10, 0)
	}
	return s.float(start, word)
}

// numberEnd finds the end of a run of letters, digits and dots, with the sign of an exponent.
// A number must end where the run ends: `12ab` is no number followed by a name.
func numberEnd(text string, at int) int {
	hex := strings.HasPrefix(text[at:], "0x")
	for ; at < len(text); at++ {
		c := text[at]
		if isNameChar(c) || c == '.' {
			continue
		}
		if (c == '+' || c == '-') && !hex && (text[at-1] == 'e' || text[at-1] == 'E') {
			continue
		}
		break
	}
	return at
}

// integer converts digits of a base; what does not fit 64 bits is reported (C++ wraps around).
func (s *Scanner) integer(start int, digits string, base uint64, form Form) Token {
	t := s.token(Int, start)
	t.Form = form
	for i := range len(digits) {
		d := uint64(hexValue(digits[i]))
		if t.bits > (math.MaxUint64-d)/base {
			s.fail(diag.NumberRange, start, s.off, "Integer literal is too big: "+quote(s.text[start:s.off])+" needs more than 64 bits.", "")
			t.Form |= Damaged
			t.bits = 0
			return t
		}
		t.bits = t.bits*base + d
	}
	return t
}

func (s *Scanner) float(start int, word string) Token {
	mantissa, exponent := word, ""
	if i := strings.IndexAny(word, "eE"); i >= 0 {
		mantissa, exponent = word[:i], word[i:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	switch {
	case !allOf(whole, isDigit) || !allOf(fraction, isDigit):
		hint := ""
		if strings.HasPrefix(word, "0X") {
			hint = "the prefix of hexadecimal numbers is 0x, in lower case"
		}
		return s.badNumber(start, hint)
	case splitsOctal(word):
		return s.badNumber(start, "a leading 0 means octal: write "+quote(trimZeros(word)))
	case exponent != "" && !validExponent(exponent):
		return s.badNumber(start, "the exponent has no digits")
	}
	value, err := strconv.ParseFloat(word, 64)
	t := s.token(Float, start)
	if exponent != "" {
		t.Form = Exponent
	}
	if err != nil { // only the range is left to fail
		s.fail(diag.NumberRange, start, s.off, "Number is too big: "+quote(word)+" does not fit Float64.", "write 'inf' if you mean infinity")
		t.Form |= Damaged
		return t
	}
	t.bits = math.Float64bits(value)
	return t
}

// splitsOctal reports whether C++ would cut word in two: a leading 0, octal digits, then 8 or 9.
func splitsOctal(word string) bool {
	if word[0] != '0' {
		return false
	}
	rest := strings.TrimLeft(word, "01234567")
	return rest != "" && isDigit(rest[0])
}

func validExponent(e string) bool {
	e = strings.TrimLeft(e[1:], "+-")
	return e != "" && allOf(e, isDigit)
}

func (s *Scanner) badNumber(start int, hint string) Token {
	s.fail(diag.BadNumber, start, s.off, "Parse error: "+quote(s.text[start:s.off])+" is not a number.", hint)
	t := s.token(Int, start)
	t.Form = Damaged
	return t
}

// binary reads 0x"a1 40 ff": pairs of hex digits with white space around them.
func (s *Scanner) binary() Token {
	start := s.off
	s.off += len(`0x"`)
	var out []byte
	for {
		for s.off < len(s.text) && isSpace(s.text[s.off]) {
			s.off++
		}
		rest := s.text[s.off:]
		switch {
		case len(rest) >= 2 && isHex(rest[0]) && isHex(rest[1]):
			out = append(out, hexValue(rest[0])<<4|hexValue(rest[1]))
			s.off += 2
			continue
		case strings.HasPrefix(rest, `"`):
			s.off++
			t := s.token(Binary, start)
			if len(out) == 0 {
				s.fail(diag.BadBinary, start, s.off, "Parse error: a binary literal has at least one byte.", `write "" for empty Data`)
				t.Form = Damaged
			}
			t.Text = string(out)
			return t
		}
		return s.badBinary(start)
	}
}

// badBinary reports what is at the current offset and passes the rest of the literal.
func (s *Scanner) badBinary(start int) Token {
	at := s.off
	if n := strings.IndexAny(s.text[at:], "\"\n"); n >= 0 && s.text[at+n] == '"' {
		s.fail(diag.BadBinary, at, at+1, "Parse error: expected two hexadecimal digits.", "every byte has two digits: 0x\"0a 1f\"")
		s.off = at + n + 1
	} else {
		s.off = s.unterminated(start, at)
	}
	t := s.token(Binary, start)
	t.Form = Damaged
	return t
}

func trimZeros(word string) string {
	trimmed := strings.TrimLeft(word, "0")
	if trimmed == "" || !isDigit(trimmed[0]) {
		return "0" + trimmed
	}
	return trimmed
}

func allOf(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func hexValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
