package parser

import "strings"

const keywords = "using const enum struct union group interface annotation"

func isKeyword(word string) bool {
	return word != "" && strings.Contains(" "+keywords+" ", " "+word+" ")
}

// foreign are the words of other schema languages for our keywords.
var foreign = map[string]string{
	"message": "struct", "record": "struct", "class": "struct", "structure": "struct", "type": "struct",
	"service": "interface", "protocol": "interface", "trait": "interface",
	"oneof": "union", "alias": "using", "typedef": "using", "constant": "const", "enumeration": "enum",
}

// suggest is the keyword that was probably meant by word, or "".
func suggest(word string) string {
	if word == "" || len(word) > 16 {
		return ""
	}
	lower := strings.ToLower(word)
	if s, ok := foreign[lower]; ok {
		return s
	}
	for k := range strings.FieldsSeq(keywords) {
		if distance(lower, k) <= max(1, len(k)/3) {
			return k
		}
	}
	return ""
}

// distance is the number of letters to change, insert, remove or swap with a neighbour
// to make a of b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
