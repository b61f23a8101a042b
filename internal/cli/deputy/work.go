package deputy

import (
	"fmt"
	"strings"
)

// number is the daemon's work.
func number(text string) (numbered string, lines uint32) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		lines++
		fmt.Fprintf(&b, "%d %s\n", lines, strings.TrimSuffix(line, "\n"))
	}
	return b.String(), lines
}

func orNew[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}
