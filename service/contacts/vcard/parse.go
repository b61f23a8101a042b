package vcard

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"
)

// Limits bounds what is read. A zero field means its default.
type Limits struct {
	// Line bounds a line with its continuations, in bytes; a picture is one line. Default 1 MiB.
	Line int
	// Properties bounds those of one card. Default 1000.
	Properties int
	// Cards bounds those of one file. Default 10 000.
	Cards int

	_ struct{}
}

func (l *Limits) withDefaults() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	for field, value := range map[*int]int{&out.Line: 1 << 20, &out.Properties: 1000, &out.Cards: 10_000} {
		if *field <= 0 {
			*field = value
		}
	}
	return out
}

// An Error says what is wrong with a card and where.
type Error struct {
	// Line is the number of the line, from 1.
	Line int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// Parse yields the cards of a file in their order, and for each that cannot be read an [*Error] in
// its place. An error that is not about one card is the last.
func Parse(data []byte, limits *Limits) iter.Seq2[Card, error] {
	return func(yield func(Card, error) bool) {
		p := parser{lines: lines{rest: bytes.TrimPrefix(data, []byte("\ufeff"))}, limits: limits.withDefaults()}
		if bytes.HasPrefix(data, []byte{0xfe, 0xff}) || bytes.HasPrefix(data, []byte{0xff, 0xfe}) {
			yield(nil, &Error{1, "the file is UTF-16; vCards are UTF-8"})
			return
		}
		for n := 0; ; n++ {
			card, err := p.card()
			switch {
			case err == io.EOF:
				return
			case n >= p.limits.Cards:
				yield(nil, &Error{p.number, fmt.Sprintf("more than %d cards in one file", p.limits.Cards)})
				return
			}
			if !yield(card, err) {
				return
			}
		}
	}
}

type parser struct {
	lines
	limits Limits
}

// lines takes a file apart. Nothing is copied until a line is known to be short enough.
type lines struct {
	rest   []byte
	number int // of the line that was read last; of the first of them if it was continued
	read   int // lines taken from rest
}

// raw takes the next physical line.
func (l *lines) raw() ([]byte, bool) {
	if len(l.rest) == 0 {
		return nil, false
	}
	line, rest, _ := bytes.Cut(l.rest, []byte("\n"))
	l.rest = rest
	l.read++
	return bytes.TrimSuffix(line, []byte("\r")), true
}

// logical takes the next line with its continuations. A line that is too long is passed over and
// reported.
func (p *parser) logical() (string, error) {
	p.number = p.read + 1
	line, ok := p.raw()
	if !ok {
		return "", io.EOF
	}
	parts, size := [][]byte{line}, len(line)
	quoted := bytes.Contains(bytes.ToUpper(head(line)), []byte("QUOTED-PRINTABLE"))
	for len(p.rest) > 0 {
		switch {
		case p.rest[0] == ' ' || p.rest[0] == '\t':
			p.rest = p.rest[1:]
		case quoted && bytes.HasSuffix(parts[len(parts)-1], []byte("=")):
			// Quoted-printable breaks lines in its own way.
			parts[len(parts)-1] = parts[len(parts)-1][:len(parts[len(parts)-1])-1]
		default:
			return p.joined(parts, size)
		}
		more, _ := p.raw()
		if size += len(more); size <= p.limits.Line {
			parts = append(parts, more)
		}
	}
	return p.joined(parts, size)
}

func (p *parser) joined(parts [][]byte, size int) (string, error) {
	if size > p.limits.Line {
		return "", &Error{p.number, fmt.Sprintf("longer than %d bytes", p.limits.Line)}
	}
	line := string(bytes.Join(parts, nil))
	if !utf8.ValidString(line) {
		return "", &Error{p.number, "not UTF-8"}
	}
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", &Error{p.number, "contains a control character"}
	}
	return line, nil
}

// head is what of a line stands before the value.
func head(line []byte) []byte {
	h, _, _ := bytes.Cut(line, []byte(":"))
	return h
}

// card reads the next card. After an error it has read up to its END.
func (p *parser) card() (Card, error) {
	for {
		line, err := p.logical()
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if !strings.EqualFold(strings.TrimSpace(line), "BEGIN:VCARD") {
			err := &Error{p.number, "a card begins with BEGIN:VCARD"}
			p.skip(0)
			return nil, err
		}
		break
	}
	begin := p.number
	var card Card
	version := ""
	fail := func(text string) (Card, error) {
		err := &Error{p.number, text}
		p.skip(1)
		return nil, err
	}
	for {
		line, err := p.logical()
		if err == io.EOF {
			return nil, &Error{begin, "the card has no END:VCARD"}
		}
		if e, ok := err.(*Error); ok {
			return fail(e.Text)
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		prop, text := parseLine(line)
		if text != "" {
			return fail(text)
		}
		switch prop.Name {
		case "BEGIN":
			p.skip(2)
			return nil, &Error{begin, "a card within a card"}
		case "END":
			switch version {
			case "":
				return nil, &Error{begin, "the card has no VERSION"}
			case "3.0", "4.0":
			default:
				return nil, &Error{begin, "version " + short(version) + " is not 3.0 or 4.0"}
			}
			return p.translate(card, begin, version)
		case "VERSION":
			version = strings.TrimSpace(prop.Value)
			continue
		}
		if len(card) >= p.limits.Properties {
			return fail(fmt.Sprintf("more than %d properties in one card", p.limits.Properties))
		}
		card = append(card, prop)
	}
}

// skip reads on to the END of the card that could not be read, inside depth others.
func (p *parser) skip(depth int) {
	for {
		line, err := p.logical()
		if err == io.EOF {
			return
		}
		switch strings.ToUpper(strings.TrimSpace(line)) {
		case "BEGIN:VCARD":
			depth++
		case "END:VCARD":
			if depth--; depth <= 0 {
				return
			}
		}
	}
}

// parseLine takes a line apart, or says why it cannot.
func parseLine(line string) (p Property, text string) {
	i := strings.IndexAny(line, ";:")
	if i < 0 {
		return p, "no colon in " + short(line)
	}
	name := line[:i]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		p.Group, name = name[:dot], name[dot+1:]
	}
	if !isToken(name) || p.Group != "" && !isToken(p.Group) {
		return p, "odd property name " + short(line[:i])
	}
	p.Name = strings.ToUpper(name)
	rest := line[i:]
	for rest[0] == ';' {
		rest = rest[1:]
		end := strings.IndexAny(rest, "=;:")
		if end < 0 {
			return p, "no colon in " + short(line)
		}
		q := Param{Name: strings.ToUpper(rest[:end])}
		if !isToken(q.Name) {
			return p, "odd parameter in " + p.Name
		}
		if rest[end] != '=' { // a bare type, as in version 2.1
			q = Param{Name: "TYPE", Values: []string{rest[:end]}}
			if strings.EqualFold(rest[:end], "QUOTED-PRINTABLE") || strings.EqualFold(rest[:end], "BASE64") {
				q.Name = "ENCODING"
			}
			p.Params = append(p.Params, q)
			rest = rest[end:]
			continue
		}
		rest = rest[end+1:]
		for {
			value, tail, ok := paramValue(rest)
			if !ok {
				return p, "odd parameter in " + p.Name
			}
			q.Values = append(q.Values, value)
			if rest = tail; rest[0] != ',' {
				break
			}
			rest = rest[1:]
		}
		p.Params = append(p.Params, q)
	}
	p.Value = rest[1:]
	return p, ""
}

// paramValue takes one value of a parameter; the tail begins with what ended it.
func paramValue(s string) (value, tail string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s[1:], '"')
		if end < 0 || len(s) == end+2 || strings.IndexByte(",;:", s[end+2]) < 0 {
			return "", "", false
		}
		return uncaret(s[1 : end+1]), s[end+2:], true
	}
	end := strings.IndexAny(s, ",;:")
	if end < 0 {
		return "", "", false
	}
	return uncaret(s[:end]), s[end:], true
}

// RFC 6868: how quotes and line breaks stand in parameters.
func uncaret(s string) string {
	return strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^").Replace(s)
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// short quotes the beginning of what is in the file.
func short(s string) string {
	if r := []rune(s); len(r) > 20 {
		s = string(r[:20]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// translate makes a card of what version 4.0 says: no encodings, pictures as data: URIs, PREF
// instead of the type pref.
func (p *parser) translate(c Card, line int, version string) (Card, error) {
	for i := range c {
		if err := c[i].modern(p.limits.Line); err != "" {
			return nil, &Error{line, c[i].Name + ": " + err}
		}
		if version == "3.0" {
			c[i].prefer()
		}
	}
	return c, nil
}

// modern takes encodings away.
func (p *Property) modern(limit int) string {
	var encoding string
	var params []Param
	for _, q := range p.Params {
		switch q.Name {
		case "ENCODING":
			encoding = strings.ToUpper(strings.Join(q.Values, ","))
		case "CHARSET":
			if cs := strings.ToUpper(strings.Join(q.Values, ",")); cs != "UTF-8" && cs != "US-ASCII" {
				return "charset " + short(cs) + " is not UTF-8"
			}
		default:
			params = append(params, q)
		}
	}
	switch encoding {
	case "", "8BIT", "7BIT":
	case "QUOTED-PRINTABLE":
		b, err := io.ReadAll(io.LimitReader(quotedprintable.NewReader(strings.NewReader(p.Value)), int64(limit)))
		if err != nil || !utf8.Valid(b) {
			return "malformed quoted-printable"
		}
		if bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f }) {
			return "contains a control character"
		}
		p.Value = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(string(b))
	case "B", "BASE64":
		value := strings.Join(strings.Fields(p.Value), "")
		if _, err := base64.StdEncoding.DecodeString(value); err != nil {
			return "malformed base64"
		}
		media := "application/octet-stream"
		rest := params[:0]
		for _, q := range params {
			if q.Name == "TYPE" && len(q.Values) == 1 && isToken(q.Values[0]) {
				media = strings.ToLower(q.Values[0])
				if !strings.Contains(media, "/") {
					media = "image/" + media
				}
				continue
			}
			if q.Name != "VALUE" {
				rest = append(rest, q)
			}
		}
		params = rest
		p.Value = "data:" + media + ";base64," + value
	default:
		return "unknown encoding " + short(encoding)
	}
	p.Params = params
	return ""
}

// prefer turns the type pref into PREF=1.
func (p *Property) prefer() {
	found := false
	var params []Param
	for _, q := range p.Params {
		if q.Name == "TYPE" {
			var values []string
			for _, v := range q.Values {
				if strings.EqualFold(v, "pref") {
					found = true
				} else {
					values = append(values, v)
				}
			}
			if q.Values = values; len(values) == 0 {
				continue
			}
		}
		params = append(params, q)
	}
	if found {
		params = append(params, Param{"PREF", []string{"1"}})
	}
	p.Params = params
}
