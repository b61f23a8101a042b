//go:build !race

package storetest

const slow = 1
