// Package diag is what the compiler has to say about a schema: values with a stable code,
// a place and a hint, and two ways to print them. It is for findings about input;
// a file that cannot be read is an ordinary error.
//
//	var list diag.List
//	list.Add(diag.Diagnostic{Code: diag.OrdinalRange, File: f, Span: span, Message: "…"})
//	diag.Write(os.Stderr, list.All(), nil)
package diag

import "lanyard.dev/capnp/compiler/source"

// Code names a kind of finding. Codes are stable: scripts and suppression lists may hold them.
type Code string

// Syntax reports whether findings of this code are about tokens and grammar, which the parser makes,
// and not about meaning.
func (c Code) Syntax() bool {
	switch c {
	case NotUTF8, BadCharacter, BadOperator, BadNumber, NumberRange, BadEscape, BadBinary,
		UnterminatedString, Syntax, UnknownDeclaration, EmptyItem, MissingSemicolon, Unclosed, Unopened,
		NeedsBlock, NeedsSemicolon, FileIDTwice, FileIDMissing, BadID, OrdinalRange, OrdinalMissing,
		OrdinalUnexpected, UnionOrdinal, UnionColon, UnionAnnotated, UsingName, TargetWildcard,
		TargetUnknown, TargetTwice, TooDeep, TooBig:
		return true
	}
	return false
}

// Severity says whether a finding stops the compilation.
type Severity uint8

// The severities. The zero value is Error.
const (
	Error Severity = iota
	Warning
)

// String is the word printed before the message.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one finding.
type Diagnostic struct {
	Code     Code
	Severity Severity
	File     *source.File
	Span     source.Span
	Message  string
	Notes    []Note // related places, e.g. the first of two equal names
	Hint     string // what to do about it; "" if there is nothing to add
}

// Note is a place that belongs to a diagnostic.
type Note struct {
	File    *source.File
	Span    source.Span
	Message string
}

// DefaultMax is how many diagnostics a List keeps if Max is zero.
const DefaultMax = 200

// List collects diagnostics up to a bound. The zero value is ready; it is for one goroutine.
type List struct {
	// Max is the number of diagnostics kept, 0 means DefaultMax. What comes after is counted only.
	Max int

	all        []Diagnostic
	dropped    int
	errors     int
	syntaxOnly bool
}

// SyntaxOnly makes the list ignore, from now on, what is not about syntax: the parser has found
// text so broken that whatever else there is to say would mostly be consequences.
func (l *List) SyntaxOnly() { l.syntaxOnly = true }

// Add appends d unless the list is full.
func (l *List) Add(d Diagnostic) {
	if l.syntaxOnly && !d.Code.Syntax() {
		return
	}
	if d.Severity == Error {
		l.errors++
	}
	if len(l.all) >= l.limit() {
		l.dropped++
		return
	}
	l.all = append(l.all, d)
}

// All returns the diagnostics kept, in the order they were added.
func (l *List) All() []Diagnostic { return l.all }

// Dropped is the number of diagnostics that did not fit.
func (l *List) Dropped() int { return l.dropped }

// Errors is the number of errors added, including the dropped.
func (l *List) Errors() int { return l.errors }

// Full reports whether more would be dropped: time to stop looking.
func (l *List) Full() bool { return len(l.all) >= l.limit() }

func (l *List) limit() int {
	if l.Max > 0 {
		return l.Max
	}
	return DefaultMax
}
