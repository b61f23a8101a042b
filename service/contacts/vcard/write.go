package vcard

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Version is one that can be written.
type Version string

// The versions.
const (
	V3 Version = "3.0"
	V4 Version = "4.0"
)

// Append writes the card to the end of dst, in lines of at most 75 bytes.
func (c Card) Append(dst []byte, v Version) []byte {
	dst = append(dst, "BEGIN:VCARD\r\nVERSION:"+string(v)+"\r\n"...)
	if v == V3 && len(c.All("N")) == 0 {
		// Version 3.0 demands it.
		dst = Property{Name: "N", Value: Join(';', c.Text("FN"), "", "", "", "")}.append(dst)
	}
	if len(c.All("FN")) == 0 {
		dst = Property{Name: "FN", Value: ""}.append(dst)
	}
	for _, p := range c {
		if v == V3 {
			p = p.old()
		}
		dst = p.append(dst)
	}
	return append(dst, "END:VCARD\r\n"...)
}

// old says in version 3.0 what the property says in 4.0.
func (p Property) old() Property {
	var params []Param
	for _, q := range p.Params {
		if q.Name == "PREF" {
			if p.Pref() == 1 {
				params = append(params, Param{"TYPE", []string{"pref"}})
			}
			continue
		}
		params = append(params, q)
	}
	if media, content, ok := p.Data(); ok {
		params = append(params, Param{"ENCODING", []string{"b"}})
		if kind, ok := strings.CutPrefix(media, "image/"); ok {
			params = append(params, Param{"TYPE", []string{strings.ToUpper(kind)}})
		}
		p.Value = base64.StdEncoding.EncodeToString(content)
	}
	p.Params = params
	return p
}

// Data returns what a data: URI holds. It never looks anywhere else.
func (p Property) Data() (media string, content []byte, ok bool) {
	rest, ok := strings.CutPrefix(p.Value, "data:")
	if !ok {
		return "", nil, false
	}
	meta, value, ok := strings.Cut(strings.ReplaceAll(rest, `\,`, ","), ",")
	if !ok {
		return "", nil, false
	}
	media, ok = strings.CutSuffix(strings.ReplaceAll(meta, `\;`, ";"), ";base64")
	if !ok {
		return "", nil, false
	}
	content, err := base64.StdEncoding.DecodeString(value)
	return media, content, err == nil
}

// DataValue writes content as the value of a property such as PHOTO.
func DataValue(content []byte) string {
	media := "application/octet-stream"
	for kind, magic := range map[string]string{"image/png": "\x89PNG", "image/jpeg": "\xff\xd8\xff", "image/gif": "GIF8"} {
		if bytes.HasPrefix(content, []byte(magic)) {
			media = kind
		}
	}
	return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString(content)
}

func (p Property) append(dst []byte) []byte {
	var b strings.Builder
	if p.Group != "" {
		b.WriteString(p.Group + ".")
	}
	b.WriteString(p.Name)
	for _, q := range p.Params {
		b.WriteString(";" + q.Name + "=")
		for i, v := range q.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			v = strings.NewReplacer("^", "^^", "\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'").Replace(v)
			if strings.ContainsAny(v, ",;:") {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		}
	}
	fmt.Fprintf(&b, ":%s", strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(p.Value))
	return fold(dst, b.String())
}

// fold breaks a line between characters.
func fold(dst []byte, line string) []byte {
	for room := 75; len(line) > room; room = 74 {
		cut := room
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		dst = append(append(dst, line[:cut]...), "\r\n "...)
		line = line[cut:]
	}
	return append(append(dst, line...), "\r\n"...)
}
