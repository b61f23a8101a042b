// Package all is generated code for every construct of the schema language. It is for tests.
package all
