package path

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads a path. An error is an *Error.
func Parse(source string) (*Path, error) {
	p := &parser{src: source}
	path, err := p.whole()
	if err != nil {
		return nil, err
	}
	return path, nil
}

// ValidName reports whether s can be the name of a method or a field.
func ValidName(s string) bool {
	p := &parser{src: s}
	return p.word(isWord) == s && s != "" && isLetter(s[0])
}

// ValidPetname reports whether s can begin a path: letters, digits and - _, a letter first.
func ValidPetname(s string) bool {
	p := &parser{src: s}
	return p.word(isPetname) == s && s != "" && isLetter(s[0]) && len(s) <= MaxPetname
}

// MaxPetname is how many bytes a petname has at most.
const MaxPetname = 64

type parser struct {
	src   string
	pos   int
	depth int
}

func (p *parser) whole() (*Path, *Error) {
	if len(p.src) > MaxLength {
		return nil, p.at(MaxLength, "a path is at most %d bytes long", MaxLength)
	}
	for i, r := range p.src {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(p.src[i:]); n == 1 {
				return nil, p.at(i, "not valid UTF-8")
			}
		}
	}
	p.space()
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.src) {
		return nil, p.expected(`"." or the end`)
	}
	return path, nil
}

// path = petname { "." name [ arguments ] }
func (p *parser) path() (*Path, *Error) {
	out := &Path{Offset: p.pos}
	out.Name = p.word(isPetname)
	switch {
	case out.Name == "":
		return nil, p.expected("a petname")
	case !ValidPetname(out.Name):
		return nil, p.at(out.Offset, "a petname starts with a letter and has at most %d bytes", MaxPetname)
	}
	for p.eat('.') {
		p.space()
		s := Step{Offset: p.pos}
		s.Name = p.word(isWord)
		switch {
		case s.Name == "":
			return nil, p.expected("a method or a field")
		case !isLetter(s.Name[0]):
			return nil, p.at(s.Offset, "a method or a field starts with a letter")
		}
		if p.peek() == '(' {
			var err *Error
			s.Call = true
			if s.Args, err = p.fields(); err != nil {
				return nil, err
			}
		}
		out.Steps = append(out.Steps, s)
	}
	return out, nil
}

// fields = "(" [ name (":" | "=") value { "," name (":" | "=") value } ] ")"
func (p *parser) fields() ([]Arg, *Error) {
	open := p.pos
	if err := p.enter(); err != nil {
		return nil, err
	}
	var out []Arg
	for p.space(); p.peek() != ')'; p.space() {
		if p.pos == len(p.src) {
			return nil, p.at(open, `"(" is never closed`)
		}
		a := Arg{Offset: p.pos}
		a.Name = p.word(isWord)
		switch {
		case a.Name == "":
			return nil, p.expected(`a name or ")"`)
		case !isLetter(a.Name[0]):
			return nil, p.at(a.Offset, "a value needs its name: NAME: %s", p.src[a.Offset:p.pos])
		}
		for _, other := range out {
			if other.Name == a.Name {
				return nil, p.at(a.Offset, "%s stands here twice", a.Name)
			}
		}
		if p.space(); !p.eat(':') && !p.eat('=') {
			if c := p.peek(); c == ',' || c == ')' {
				return nil, p.at(a.Offset, "a value needs its name: NAME: %s", a.Name)
			}
			return nil, p.expected(`":"`)
		}
		var err *Error
		if a.Value, err = p.value(); err != nil {
			return nil, err
		}
		out = append(out, a)
		if p.space(); !p.eat(',') && p.peek() != ')' {
			if p.pos == len(p.src) {
				return nil, p.at(open, `"(" is never closed`)
			}
			return nil, p.expected(`"," or ")"`)
		}
	}
	p.pos++
	p.depth--
	return out, nil
}

func (p *parser) list() ([]Value, *Error) {
	open := p.pos
	if err := p.enter(); err != nil {
		return nil, err
	}
	var out []Value
	for p.space(); p.peek() != ']'; p.space() {
		if p.pos == len(p.src) {
			return nil, p.at(open, `"[" is never closed`)
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if p.space(); !p.eat(',') && p.peek() != ']' {
			if p.pos == len(p.src) {
				return nil, p.at(open, `"[" is never closed`)
			}
			return nil, p.expected(`"," or "]"`)
		}
	}
	p.pos++
	p.depth--
	return out, nil
}

func (p *parser) value() (v Value, err *Error) {
	p.space()
	v.Offset = p.pos
	switch c := p.peek(); {
	case c == '"':
		v.Kind = String
		v.Text, err = p.quoted()
	case c == '[':
		v.Kind = List
		v.List, err = p.list()
	case c == '(':
		v.Kind = Struct
		v.Fields, err = p.fields()
	case c == '@':
		p.pos++
		v.Kind = Cap
		v.Cap, err = p.path()
	case strings.HasPrefix(p.src[p.pos:], `0x"`):
		p.pos += 2
		v.Kind = Data
		v.Text, err = p.data()
	case isDigit(c) || c == '-' || c == '.':
		v.Kind = Number
		v.Text, err = p.number()
	case isLetter(c):
		v.Kind = Word
		v.Text = p.word(isWord)
	default:
		err = p.expected("a value")
	}
	return v, err
}

// number takes what could be one and lets package strconv judge.
func (p *parser) number() (string, *Error) {
	start := p.pos
	p.eat('-')
	sign := p.pos
	p.word(func(c byte) bool {
		prev := p.src[max(sign, p.pos-1)]
		hex := strings.HasPrefix(p.src[sign:], "0x")
		return isDigit(c) || isLetter(c) || c == '.' || (c == '+' || c == '-') && p.pos > sign && !hex && (prev == 'e' || prev == 'E')
	})
	text := p.src[start:p.pos]
	if text[sign-start:] == "inf" {
		return text, nil
	}
	if !isNumber(text) {
		return "", p.at(start, "%q is not a number", text)
	}
	return text, nil
}

// isNumber reports whether text is an integer of 64 bits, or a float that fits 64.
func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || !isDigit(digits[0]) && digits[0] != '.' || strings.Contains(digits, "_") {
		return false
	}
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		_, err := strconv.ParseUint(hex, 16, 64)
		return err == nil
	}
	// Leading zeros are octal in Cap'n Proto's text and decimal elsewhere, so nobody gets either.
	if len(digits) > 1 && digits[0] == '0' && isDigit(digits[1]) {
		return false
	}
	_, err := strconv.ParseFloat(digits, 64)
	return err == nil
}

func (p *parser) quoted() (string, *Error) {
	open := p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch c {
		case '"':
			if s := b.String(); utf8.ValidString(s) {
				return s, nil
			}
			return "", p.at(open, `text that is not UTF-8; bytes are 0x"…"`)
		case '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", p.at(open, "text is never closed")
}

// escape reads what follows a backslash, as in C.
func (p *parser) escape(b *strings.Builder) *Error {
	start := p.pos - 1
	const plain, meant = `abfnrtv'"\?`, "\a\b\f\n\r\t\v'\"\\?"
	c := p.peek()
	if i := strings.IndexByte(plain, c); i >= 0 && p.pos < len(p.src) {
		p.pos++
		b.WriteByte(meant[i])
		return nil
	}
	digits, base := "", 8
	switch {
	case c == 'x' && len(p.src) >= p.pos+3:
		digits, base = p.src[p.pos+1:p.pos+3], 16
		p.pos += 3
	case len(p.src) >= p.pos+3:
		digits = p.src[p.pos : p.pos+3]
		p.pos += 3
	}
	n, err := strconv.ParseUint(digits, base, 8)
	if err != nil {
		return p.at(start, `a backslash stands before one of %s, xHH or OOO`, plain)
	}
	b.WriteByte(byte(n))
	return nil
}

func (p *parser) data() (string, *Error) {
	open := p.pos - 2
	end := strings.IndexByte(p.src[p.pos+1:], '"')
	if end < 0 {
		return "", p.at(open, "data is never closed")
	}
	hex := strings.ReplaceAll(p.src[p.pos+1:p.pos+1+end], " ", "")
	p.pos += end + 2
	out := make([]byte, 0, len(hex)/2)
	for len(hex) > 0 {
		n, err := strconv.ParseUint(hex[:min(2, len(hex))], 16, 8)
		if err != nil || len(hex) < 2 {
			return "", p.at(open, "data is pairs of hexadecimal digits")
		}
		out, hex = append(out, byte(n)), hex[2:]
	}
	return string(out), nil
}

// enter steps over an opening parenthesis or bracket.
func (p *parser) enter() *Error {
	if p.depth++; p.depth > MaxNesting {
		return p.at(p.pos, "nested more than %d deep", MaxNesting)
	}
	p.pos++
	return nil
}

func (p *parser) word(is func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.src) && is(p.src[p.pos]) {
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *parser) space() {
	p.word(func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' })
}

func (p *parser) peek() byte {
	if p.pos == len(p.src) {
		return 0
	}
	return p.src[p.pos]
}

func (p *parser) eat(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expected(what string) *Error {
	if p.pos == len(p.src) {
		return p.at(p.pos, "expected %s, found the end", what)
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	return p.at(p.pos, "expected %s, found %q", what, string(r))
}

func (p *parser) at(offset int, format string, args ...any) *Error {
	return &Error{p.src, offset, fmt.Sprintf(format, args...)}
}

func isDigit(c byte) bool   { return '0' <= c && c <= '9' }
func isLetter(c byte) bool  { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isWord(c byte) bool    { return isLetter(c) || isDigit(c) }
func isPetname(c byte) bool { return isWord(c) || c == '-' || c == '_' }
