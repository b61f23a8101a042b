// Package testcap is the objects that tests of the RPC system call.
package testcap
