// Package source holds schema source files and turns byte offsets into lines and columns.
//
// It knows nothing about the language: use it wherever text needs a position, not to find
// or read files (the driver does that).
//
//	f := source.New("calc.capnp", "@0xd2c5a0dc0a0c4b4b;\nstruct A {}\n")
//	f.Position(22).Line // 2
package source

import (
	"sort"
	"strings"
)

// Span is a half-open range of byte offsets in one file.
type Span struct {
	Start, End uint32
}

// Len is the number of bytes in the span.
func (s Span) Len() int { return int(s.End - s.Start) }

// To returns the smallest span that covers both s and t, for s starting first.
func (s Span) To(t Span) Span { return Span{s.Start, max(s.End, t.End)} }

// Position is a place in a file as people count: line and column start at 1, columns are bytes.
type Position struct {
	Line, Column int
}

// File is one schema source. It does not change after [New] and may be shared.
type File struct {
	name  string
	text  string
	lines []uint32 // offset of the first byte of each line; lines[0] == 0
}

// New makes a file of the given display name and text. Text longer than 4 GiB is cut:
// offsets have 32 bits. (The parser's own limit is far lower.)
func New(name, text string) *File {
	const most = 1<<32 - 1
	if uint64(len(text)) > most {
		text = text[:most]
	}
	f := &File{name: name, text: text, lines: make([]uint32, 1, 1+len(text)/40)}
	for i := 0; ; {
		n := strings.IndexByte(text[i:], '\n')
		if n < 0 {
			return f
		}
		i += n + 1
		f.lines = append(f.lines, uint32(i))
	}
}

// Name is the name under which the file appears in diagnostics and display names.
func (f *File) Name() string { return f.name }

// Text is the whole content.
func (f *File) Text() string { return f.text }

// Slice is the text of a span, clipped to the file.
func (f *File) Slice(s Span) string {
	end := min(int(s.End), len(f.text))
	return f.text[min(int(s.Start), end):end]
}

// Position converts an offset; offsets past the end give the end.
func (f *File) Position(offset uint32) Position {
	offset = min(offset, uint32(len(f.text)))
	line := sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset }) - 1
	return Position{Line: line + 1, Column: int(offset-f.lines[line]) + 1}
}

// Line is the text of a line, counted from 1, without its line break; "" if there is no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	end := len(f.text)
	if n < len(f.lines) {
		end = int(f.lines[n]) - 1
	}
	return strings.TrimSuffix(f.text[f.lines[n-1]:end], "\r")
}

// Lines is the number of lines; a file that ends in a line break has an empty last one.
func (f *File) Lines() int { return len(f.lines) }
