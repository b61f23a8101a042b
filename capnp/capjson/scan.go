package capjson

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// raw is one JSON value within a text that check has passed, with white space around it.
type raw []byte

// scanner goes over a text. Invariant: 0 ≤ at ≤ len(text).
type scanner struct {
	text  []byte
	at    int
	depth int // that is left
}

// check reports the first thing that is wrong with a text: grammar, depth, UTF-8, members that come twice, something
// after the value.
func check(text []byte, depth int) error {
	s := &scanner{text: text, depth: depth}
	if err := s.value(nil); err != nil {
		return err
	}
	s.space()
	if s.at < len(text) {
		return (*where)(nil).fault(s.unexpected("after the value"))
	}
	return nil
}

var (
	errEnd       = errors.New("the JSON ends too early")
	errControl   = errors.New("a control character in a string")
	errEscape    = errors.New("an escape in a string that JSON does not have")
	errSurrogate = errors.New("half of a surrogate pair in a string")
	errUTF8      = errors.New("a string that is no UTF-8")
	errTwice     = errors.New("the member comes twice")
	errNumber    = errors.New("a number in a form that JSON does not have")
)

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// unexpected describes the next character.
func (s *scanner) unexpected(place string) error {
	if s.at >= len(s.text) {
		return errEnd
	}
	r, _ := utf8.DecodeRune(s.text[s.at:])
	return fmt.Errorf("%q %s (byte %d)", r, place, s.at)
}

// value checks the next value, which is at w.
func (s *scanner) value(w *where) error {
	s.space()
	switch c := s.peek(); {
	case c == '{':
		return s.object(w)
	case c == '[':
		return s.array(w)
	case c == '"':
		_, err := s.str()
		return w.fault(err)
	case c == '-' || '0' <= c && c <= '9':
		return w.fault(s.number())
	}
	if slices.ContainsFunc([]string{"null", "true", "false"}, s.word) {
		return nil
	}
	return w.fault(s.unexpected("where a value should be"))
}

func (s *scanner) word(word string) bool {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) enter() error {
	if s.depth--; s.depth < 0 {
		return errDepth
	}
	s.at++
	s.space()
	return nil
}

func (s *scanner) leave() {
	s.at++
	s.depth++
}

// next passes the comma between elements; more is false at the end.
func (s *scanner) next(end byte) (more bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		s.space()
		return true, nil
	case end:
		return false, nil
	}
	return false, s.unexpected(fmt.Sprintf("where , or %c should be", end))
}

func (s *scanner) array(w *where) error {
	if err := s.enter(); err != nil {
		return w.fault(err)
	}
	for i := 0; s.peek() != ']' || i > 0; i++ {
		if err := s.value(w.element(i)); err != nil {
			return err
		}
		more, err := s.next(']')
		if err != nil {
			return w.fault(err)
		}
		if !more {
			break
		}
	}
	s.leave()
	return nil
}

func (s *scanner) object(w *where) error {
	if err := s.enter(); err != nil {
		return w.fault(err)
	}
	seen := map[string]bool{}
	for first := true; s.peek() != '}' || !first; first = false {
		if s.peek() != '"' {
			return w.fault(s.unexpected("where the name of a member should be"))
		}
		name, err := s.str()
		if err != nil {
			return w.fault(err)
		}
		if seen[name] {
			return w.member(name).fault(errTwice)
		}
		seen[name] = true
		s.space()
		if s.peek() != ':' {
			return w.member(name).fault(s.unexpected("where : should be"))
		}
		s.at++
		if err := s.value(w.member(name)); err != nil {
			return err
		}
		more, err := s.next('}')
		if err != nil {
			return w.fault(err)
		}
		if !more {
			break
		}
	}
	s.leave()
	return nil
}

func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return errNumber
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return errNumber
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return errNumber
		}
	}
	if c := s.peek(); '0' <= c && c <= '9' {
		return errNumber
	}
	return nil
}

// str passes a string and returns what it says.
func (s *scanner) str() (string, error) {
	s.at++
	from := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			out := s.text[from:s.at]
			s.at++
			if !utf8.Valid(out) {
				return "", errUTF8
			}
			return string(out), nil
		case c == '\\':
			return s.escaped(append([]byte(nil), s.text[from:s.at]...))
		case c < 0x20:
			return "", errControl
		}
		s.at++
	}
	return "", errEnd
}

// escaped is the rest of str, from the first escape on.
func (s *scanner) escaped(out []byte) (string, error) {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			if !utf8.Valid(out) {
				return "", errUTF8
			}
			return string(out), nil
		case c == '\\':
			s.at++
			var err error
			if out, err = s.escape(out); err != nil {
				return "", err
			}
		case c < 0x20:
			return "", errControl
		default:
			out = append(out, c)
			s.at++
		}
	}
	return "", errEnd
}

func (s *scanner) escape(out []byte) ([]byte, error) {
	c := s.peek()
	s.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := s.hex()
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			if !s.word(`\u`) {
				return nil, errSurrogate
			}
			low, err := s.hex()
			if err != nil {
				return nil, err
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, errSurrogate
			}
		}
		return utf8.AppendRune(out, r), nil
	case 0:
		if s.at > len(s.text) {
			s.at = len(s.text)
			return nil, errEnd
		}
	}
	return nil, errEscape
}

func (s *scanner) hex() (rune, error) {
	if len(s.text)-s.at < 4 {
		return 0, errEnd
	}
	var r rune
	for _, c := range s.text[s.at : s.at+4] {
		d := c | 0x20
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= d && d <= 'f':
			r = r<<4 | rune(d-'a'+10)
		default:
			return 0, errEscape
		}
	}
	s.at += 4
	return r, nil
}

// What follows reads values that have been checked.

// kind returns the first character of the value: { [ " t f n, and 0 for a number.
func (v raw) kind() byte {
	s := scanner{text: v}
	s.space()
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return c
	}
	return 0
}

// kindName names what a value is for errors.
func (v raw) kindName() string {
	switch v.kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// text returns what a string says.
func (v raw) text() string {
	s := scanner{text: v}
	s.space()
	text, _ := s.str()
	return text
}

// number returns the characters of a number.
func (v raw) number() string {
	s := scanner{text: v}
	s.space()
	from := s.at
	_ = s.number()
	return string(v[from:s.at])
}

// skip passes a value without looking at it.
func (s *scanner) skip() raw {
	s.space()
	from, depth := s.at, 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			_, _ = s.str()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			if depth == 0 {
				return raw(s.text[from:s.at])
			}
			depth--
			s.at++
		case ',':
			if depth == 0 {
				return raw(s.text[from:s.at])
			}
			s.at++
		default:
			s.at++
		}
	}
	return raw(s.text[from:s.at])
}

// elements yields the values in an array.
func (v raw) elements(yield func(int, raw) bool) {
	s := scanner{text: v}
	s.space()
	s.at++
	for i := 0; ; i++ {
		s.space()
		if s.peek() == ']' || s.at >= len(s.text) {
			return
		}
		if !yield(i, s.skip()) {
			return
		}
		s.space()
		if s.peek() == ',' {
			s.at++
		}
	}
}

// member is one of an object.
type member struct {
	name string
	v    raw
}

// members returns the members of an object.
func (v raw) members() []member {
	var out []member
	s := scanner{text: v}
	s.space()
	s.at++
	for {
		s.space()
		if s.peek() != '"' {
			return out
		}
		name, _ := s.str()
		s.space()
		s.at++ // the colon
		out = append(out, member{name, s.skip()})
		s.space()
		if s.peek() == ',' {
			s.at++
		}
	}
}
