// Package zoo is a schema for tests: interfaces that inherit, generics, unions, defaults, annotations.
//
// It is no example of a schema to imitate.
package zoo
