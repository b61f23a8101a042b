// Package calculator serves the Calculator of Cap'n Proto's samples, bounded
// against a client that wants too much. It is an example of a service and a
// peer for tests; to add two numbers, use +.
package calculator
