// Package inexpressible holds a test: that of what somebody was not given no method can be called, by whatever way one
// tries. There is nothing in it to import.
package inexpressible
