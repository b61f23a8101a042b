// Package grant turns the edges of a ledger into live capabilities: it restores what a reference
// stands for, narrowed by its whole chain, and kills it when the edge or anything above it is taken
// back. Do not use it for capabilities that nobody keeps: package ocap narrows and revokes those
// without a database.
package grant

//go:generate go run lanyard.dev/cmd/lanyard schema gen .
