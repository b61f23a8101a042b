// Package house tests the tools that work on the whole tree. They take a
// minute, so CI runs them and go test ./... in the main module does not.
package house
