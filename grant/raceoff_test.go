//go:build !race

package grant_test

const slowly = 1
