// Package desk is the schema that the tests of package narrow narrow capabilities of. It is for nothing
// else.
package desk

//go:generate go run lanyard.dev/cmd/lanyard schema gen .
