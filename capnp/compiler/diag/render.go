package diag

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"lanyard.dev/capnp/compiler/source"
)

// WriteOptions choose the form of [Write].
type WriteOptions struct {
	// Short prints one line a finding and one a note, without source, code or hint:
	// what `capnp compile` prints.
	Short bool
	_     struct{}
}

// Write prints findings, one after the other. Control characters from the source are
// shown as spaces, so a hostile schema cannot drive a terminal.
func Write(w io.Writer, all []Diagnostic, opt *WriteOptions) error {
	var b strings.Builder
	for i, d := range all {
		if opt != nil && opt.Short {
			b.WriteString(d.String())
			b.WriteByte('\n')
			for _, n := range d.Notes {
				fmt.Fprintf(&b, "%s: note: %s\n", place(n.File, n.Span), clean(n.Message))
			}
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		d.render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String is the one-line form: `file:line:col-col: error: message`. As in C++, an empty span has
// one column and a span of several lines none.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s", place(d.File, d.Span), d.Severity, clean(d.Message))
}

// place is `file:line:col-col`, the end column being one past the last byte.
func place(f *source.File, s source.Span) string {
	if f == nil {
		return "?"
	}
	start, end := f.Position(s.Start), f.Position(s.End)
	switch {
	case start.Line != end.Line:
		return fmt.Sprintf("%s:%d", clean(f.Name()), start.Line)
	case start.Column == end.Column:
		return fmt.Sprintf("%s:%d:%d", clean(f.Name()), start.Line, start.Column)
	}
	return fmt.Sprintf("%s:%d:%d-%d", clean(f.Name()), start.Line, start.Column, end.Column)
}

// render is the long form: the line, the source with a caret, notes, hint.
func (d Diagnostic) render(b *strings.Builder) {
	b.WriteString(d.String())
	if d.Code != "" {
		fmt.Fprintf(b, " [%s]", d.Code)
	}
	b.WriteByte('\n')
	snippet(b, d.File, d.Span, '^')
	for _, n := range d.Notes {
		fmt.Fprintf(b, "%s: note: %s\n", place(n.File, n.Span), clean(n.Message))
		snippet(b, n.File, n.Span, '-')
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", clean(d.Hint))
	}
}

const (
	tabWidth  = 4
	lineWidth = 100 // columns of source shown
	lead      = 40  // bytes kept before the caret when a long line is cut
)

// snippet prints the first line of the span and underlines the part of the span that is on it.
func snippet(b *strings.Builder, f *source.File, s source.Span, mark rune) {
	if f == nil {
		return
	}
	start, end := f.Position(s.Start), f.Position(s.End)
	line := f.Line(start.Line)
	from := min(start.Column-1, len(line))
	to := len(line)
	if end.Line == start.Line {
		to = max(from, min(end.Column-1, len(line)))
	}
	line, cut := clip(line, from)
	shown, marks := expand(line, from-cut, min(to-cut, len(line)), mark)
	b.WriteString(strings.TrimRight(fmt.Sprintf("%5d | %s", start.Line, string(shown)), " ") + "\n")
	b.WriteString(strings.TrimRight("      | "+string(marks), " ") + "\n")
}

// clip takes the part of a line around the byte at, and says how many bytes are gone before it.
// Lines are bounded here, so that many findings in one long line cost little.
func clip(line string, at int) (part string, cut int) {
	if at > lineWidth-lead {
		for cut = at - lead; cut < at && !utf8.RuneStart(line[cut]); {
			cut++
		}
		line = line[cut:]
	}
	end := min(len(line), lineWidth)
	for end < len(line) && end > 0 && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end], cut
}

// expand turns a source line into what a terminal shows and the marks below it:
// tabs become spaces, control and undecodable bytes one space each.
func expand(line string, from, to int, mark rune) (shown, marks []rune) {
	under := func(i int) rune {
		if i >= from && i < to {
			return mark
		}
		return ' '
	}
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRuneInString(line[i:])
		width := 1
		if r == '\t' {
			width = tabWidth - len(shown)%tabWidth
		}
		if unsafeRune(r) || r == '\t' {
			r = ' '
		}
		for range width {
			shown, marks = append(shown, r), append(marks, under(i))
		}
		i += n
	}
	if from == to { // an empty span still gets its caret
		at := len([]rune(string(marks)))
		if pre, _ := expandWidth(line, from); pre < at {
			marks[pre] = mark
		} else {
			marks = append(marks, mark)
		}
	}
	return shown, marks
}

// expandWidth is the number of columns that line[:to] takes.
func expandWidth(line string, to int) (int, bool) {
	width := 0
	for i, r := range line {
		if i >= to {
			return width, true
		}
		if r == '\t' {
			width += tabWidth - width%tabWidth
		} else {
			width++
		}
	}
	return width, false
}

// clean makes text safe and short enough for one line of a terminal.
func clean(s string) string {
	const most = 2000
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unsafeRune(r) {
			return ' '
		}
		return r
	}, s)
}

// unsafeRune reports runes that can move the cursor, recolour or reorder the line.
func unsafeRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == utf8.RuneError:
		return true
	case r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return true
	}
	return false
}
