//go:build race

package ocap_test

// The race detector makes everything ten times as slow: floods are smaller.
const raced = true
