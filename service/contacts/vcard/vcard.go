// Package vcard reads and writes vCards of versions 3.0 and 4.0 (RFC 2426, RFC 6350) and keeps what
// it does not understand. It is not a validator: a card with odd properties is a card.
//
// Values stay as they stand in the file until somebody asks for their parts, so a card that is read
// and written again says the same, also in properties that nobody here knows. Nothing that a value
// points at is ever opened.
package vcard

import (
	"slices"
	"strings"
)

// A Property is one line of a card.
type Property struct {
	// Group is what stands before the dot, mostly nothing.
	Group string
	// Name is in upper case.
	Name string
	// Params are in the order of the line, their names in upper case.
	Params []Param
	// Value is as it stands in the line, escapes included.
	Value string
}

// A Param is a parameter of a property.
type Param struct {
	Name   string
	Values []string
}

// A Card is the properties between BEGIN and END, without VERSION. In memory it always means what
// version 4.0 means: Parse translates 3.0, and Append translates back.
type Card []Property

// All returns the indices of the properties with the name.
func (c Card) All(name string) []int {
	var out []int
	for i, p := range c {
		if p.Name == name {
			out = append(out, i)
		}
	}
	return out
}

// First returns the preferred property with the name: the one with the lowest PREF, or else the
// first.
func (c Card) First(name string) (Property, bool) {
	best, rank := -1, 0
	for _, i := range c.All(name) {
		if r := c[i].Pref(); best < 0 || r < rank {
			best, rank = i, r
		}
	}
	if best < 0 {
		return Property{}, false
	}
	return c[best], true
}

// Text returns the text of the preferred property with the name, or "".
func (c Card) Text(name string) string {
	p, _ := c.First(name)
	return p.Text()
}

// Set puts one property with the text in the place of all those with the name; an empty text
// removes them.
func (c *Card) Set(name, text string) {
	at := len(*c)
	if i := c.All(name); len(i) > 0 {
		at = i[0]
	}
	*c = slices.DeleteFunc(*c, func(p Property) bool { return p.Name == name })
	if text != "" {
		*c = slices.Insert(*c, min(at, len(*c)), Property{Name: name, Value: Escape(text)})
	}
}

// Param returns the values of a parameter.
func (p Property) Param(name string) []string {
	var out []string
	for _, q := range p.Params {
		if q.Name == name {
			out = append(out, q.Values...)
		}
	}
	return out
}

// Pref is how much the property is preferred, from 1 to 100; 100 if it does not say.
func (p Property) Pref() int {
	for _, v := range p.Param("PREF") {
		n := 0
		for _, r := range v {
			if r < '0' || r > '9' || n > 100 {
				return 100
			}
			n = n*10 + int(r-'0')
		}
		if n >= 1 && n <= 100 {
			return n
		}
	}
	return 100
}

// Kind is the first of the property's types that says what it is for, in lower case.
func (p Property) Kind() string {
	for _, v := range p.Param("TYPE") {
		switch v = strings.ToLower(v); v {
		case "internet", "pref", "voice", "":
		default:
			return v
		}
	}
	return ""
}

// Text is the value with its escapes resolved.
func (p Property) Text() string { return unescape(p.Value) }

// Parts splits a structured value such as N at its semicolons and resolves the escapes.
func (p Property) Parts() []string { return split(p.Value, ';') }

// List splits a list value such as CATEGORIES at its commas and resolves the escapes.
func (p Property) List() []string { return split(p.Value, ',') }

// Escape writes a text as a value, or as a part of one.
func Escape(s string) string {
	return escaper().Replace(strings.ReplaceAll(s, "\r\n", "\n"))
}

func escaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\n`, ",", `\,`, ";", `\;`)
}

// Join writes texts as one structured value (sep ';') or list (sep ',').
func Join(sep byte, texts ...string) string {
	var b strings.Builder
	for i, t := range texts {
		if i > 0 {
			b.WriteByte(sep)
		}
		b.WriteString(Escape(t))
	}
	return b.String()
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func split(s string, sep byte) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			out = append(out, unescape(s[start:i]))
			start = i + 1
		}
	}
	return append(out, unescape(s[start:]))
}
