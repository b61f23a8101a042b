package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// A printer prints what a command found out: for people, or as JSON.
type printer struct {
	json bool
}

func (o *printer) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, errors too")
}

// print prints v as JSON, or what people writes.
func (o *printer) print(cmd *cobra.Command, v any, people func(w io.Writer)) error {
	var b bytes.Buffer
	if o.json {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			return err
		}
		_, err := cmd.OutOrStdout().Write(harmless(b.Bytes()))
		return err
	}
	people(&b)
	_, err := io.WriteString(cmd.OutOrStdout(), printable(b.String()))
	return err
}

// table writes rows in columns. Cells are made one line each.
func table(w io.Writer, head []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, row := range append([][]string{head}, rows...) {
		if i == 0 && len(head) == 0 {
			continue
		}
		for j, cell := range row {
			if j > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, oneLine(cell))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

// unsafeRune reports characters that drive a terminal, or make text look like other text: controls, overrides of the
// direction of writing, other invisible formatting.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// printable makes text that may have come from afar safe to print.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unsafeRune(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// oneLine makes text from afar fit a cell of a table.
func oneLine(s string) string {
	return strings.ReplaceAll(printable(s), "\n", "⏎")
}

// indented keeps text of several lines from looking like several messages.
func indented(s string) string { return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") }

// harmless escapes what JSON leaves as it is and a terminal would obey.
func harmless(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < ' ' || !unsafeRune(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, "\\u%04x\\u%04x", hi, lo)
		default:
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	return out
}

// when writes a time for people, in their zone; nothing for the zero time.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
