package deputy

import (
	"path/filepath"
	"sync"
)

// Access is what the list allows: that somebody does something with the files in a folder.
type Access struct{ Who, Do, Folder string }

// AccessList says who may do what with which files, and counts how often it is asked.
type AccessList struct {
	May map[Access]bool

	mu      sync.Mutex
	answers map[bool]int
}

// Allows decides.
func (l *AccessList) Allows(who, do, path string) bool {
	answer := l.May[Access{who, do, filepath.Dir(path)}]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = orNew(l.answers)
	l.answers[answer]++
	return answer
}

// Decided returns how many decisions were taken, and how many of them allowed something.
func (l *AccessList) Decided() (all, allowed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers[true] + l.answers[false], l.answers[true]
}
