//go:build !race

package ocap_test

const raced = false
