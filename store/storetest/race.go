//go:build race

package storetest

// slow is how many times fewer repetitions there are with the race detector: it
// makes the databases' own code, which is not what it should watch, ten times as
// slow.
const slow = 10
