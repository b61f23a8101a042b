// Package deputy is the confused deputy, played with real files: a daemon that keeps a log and a key,
// and prints for others. Told by paths what to read and where to write, it is tricked into writing over
// its log and reading out its key, whatever its access list says; given capabilities, it is not, and asks
// no list. It is what "lanyard demo deputy" shows, and no service for anybody.
//
// After Norm Hardy, "The Confused Deputy (or why capabilities might have been invented)", 1988.
package deputy

//go:generate go run lanyard.dev/cmd/lanyard schema gen .
