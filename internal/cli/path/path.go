// Package path reads what people write to name a capability and what to ask of it,
// `book.contact(id: "carol").mailer()`, and makes a small tree of it. It knows no schemas: what the names mean, whoever
// calls finds out.
package path

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Path is a petname and the steps from it.
type Path struct {
	Name   string
	Offset int // of Name, in bytes
	Steps  []Step
}

// A Step is a method to call, or a field of the result before it.
type Step struct {
	Name   string
	Offset int  // of Name
	Call   bool // it has parentheses; without them only the schema tells a method from a field
	Args   []Arg
}

// An Arg is a named value: an argument, or a field of a struct.
type Arg struct {
	Name   string
	Offset int // of Name
	Value  Value
}

// A Value is a literal of Cap'n Proto's text form, or a capability.
type Value struct {
	Kind   Kind
	Offset int

	Text   string  // Number: as it was written; String, Data: the bytes; Word: the word
	List   []Value // List
	Fields []Arg   // Struct
	Cap    *Path   // Cap
}

// Kind is what a Value is.
type Kind uint8

// The kinds of values.
const (
	Number Kind = iota + 1 // 12, -0x1f, 1.5e3, -inf
	String                 // "text"
	Data                   // 0x"de ad be ef"
	Word                   // true, void, inf, nan, an enumerant
	List                   // [1, 2]
	Struct                 // (name = "x")
	Cap                    // @petname.method().field
)

// What Parse accepts at most. Nesting counts parentheses and brackets.
const (
	MaxLength  = 64 << 10
	MaxNesting = 32
)

// An Error says what is wrong with a path, and where.
type Error struct {
	Source string
	Offset int // in bytes
	Text   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("column %d: %s", utf8.RuneCountInString(e.Source[:e.Offset])+1, e.Text)
}

// Caret renders the source line with a mark below the place. It is two lines.
func (e *Error) Caret() string {
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Source[:e.Offset])
	return e.Source + "\n" + pad + "^"
}

// String writes the path so that Parse reads the same.
func (p *Path) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p *Path) write(b *strings.Builder) {
	b.WriteString(p.Name)
	for _, s := range p.Steps {
		b.WriteByte('.')
		b.WriteString(s.Name)
		if s.Call {
			writeFields(b, s.Args, ": ")
		}
	}
}

func writeFields(b *strings.Builder, fields []Arg, is string) {
	b.WriteByte('(')
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name)
		b.WriteString(is)
		f.Value.write(b)
	}
	b.WriteByte(')')
}

func (v *Value) write(b *strings.Builder) {
	switch v.Kind {
	case Number, Word:
		b.WriteString(v.Text)
	case String:
		writeQuoted(b, v.Text)
	case Data:
		fmt.Fprintf(b, `0x"%x"`, v.Text)
	case List:
		b.WriteByte('[')
		for i := range v.List {
			if i > 0 {
				b.WriteString(", ")
			}
			v.List[i].write(b)
		}
		b.WriteByte(']')
	case Struct:
		writeFields(b, v.Fields, " = ")
	case Cap:
		b.WriteByte('@')
		v.Cap.write(b)
	}
}

func writeQuoted(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}
