package gogen

import (
	"strings"
	"unicode"

	"lanyard.dev/capnp/schema"
)

// maxComment bounds a doc comment. A schema that says more points to a manual.
const maxComment = 64 << 10

// printable reports whether a character may stand in generated source as it is. What is left out
// could end a line, hide text or reorder it.
func printable(r rune) bool { return r == '\t' || r != unicode.ReplacementChar && unicode.IsPrint(r) }

// commentLines makes lines of text into lines of a Go comment. Every line starts with "// " and so
// is neither a directive nor, wherever it stands in a generated file, a build constraint.
func commentLines(text string) []string {
	if len(text) > maxComment {
		text = strings.ToValidUTF8(text[:maxComment], "")
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var out []string
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		line = strings.TrimRight(plain(line), " \t")
		switch {
		case line == "":
			out = append(out, "//")
		case strings.HasPrefix(strings.TrimLeft(line, " \t"), "+build"): // gofmt would move it
			out = append(out, "// "+strings.Replace(line, "+build", "+ build", 1))
		default:
			out = append(out, "// "+line)
		}
	}
	if len(out) == 1 && out[0] == "//" {
		return nil
	}
	return out
}

// doc returns the comment of a node; annotations of kind $Go.doc come first.
func (g *generator) doc(n schema.Node) string {
	return joinDocs(textAnnotation(n.Annotations(), docAnnotation), g.info[n.Id()].DocComment())
}

// memberDoc returns the comment of a field, enumerant or method.
func (g *generator) memberDoc(id uint64, index int) string {
	members := g.info[id].Members()
	if index >= members.Len() {
		return ""
	}
	return members.At(index).DocComment()
}

func joinDocs(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return strings.TrimRight(a, "\n") + "\n\n" + b
}
