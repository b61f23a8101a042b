package contacts

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold makes texts alike that people take for the same: case, accents, and how they are encoded.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	s = norm.NFKC.String(cases.Fold().String(s))
	return strings.Join(strings.Fields(s), " ")
}

const (
	maxQuery = 200 // bytes
	maxWords = 8
)

// words takes a query apart. A word is looked for as it is: there are no wildcards.
func words(query string) ([]string, error) {
	if len(query) > maxQuery {
		return nil, failed("a search may have %d bytes", maxQuery)
	}
	w := strings.Fields(fold(query))
	if len(w) > maxWords {
		return nil, failed("a search may have %d words", maxWords)
	}
	return w, nil
}
