//go:build race

package grant_test

// slowly divides what takes long under the race detector.
const slowly = 10
