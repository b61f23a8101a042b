// Package convert is a schema with every type of the language, for the tests that exchange messages with the capnp
// tool. It is of no use to programs.
package convert
