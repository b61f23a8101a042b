//go:build race

package contacts

// raceOn is whether the race detector is at work, under which everything takes its time.
const raceOn = true
