package ocap

import (
	"sync"
	"time"
)

// Clock tells the time to wrappers that end or count by it. The zero value of everything that takes
// one means a new [SystemClock].
type Clock interface {
	// Now returns the time, which never goes back.
	Now() time.Time
	// AfterFunc calls f in a goroutine of its own once d has passed; stop undoes that and reports
	// whether it was in time.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// SystemClock is the computer's time as far as it goes forward. It is the latest of three: what the
// computer says, what it said when the clock was made plus what has passed since by the monotonic
// clock, and the mark. So turning the computer's time back revives nothing, not after a restart either,
// if the program keeps Mark. Turning it forward ends things early, and for good.
type SystemClock struct {
	wall    func() time.Time
	elapsed func() time.Duration

	mu   sync.Mutex
	mark time.Time // the latest time told
	at   time.Duration
}

// NewClock returns the computer's clock. It tells no time before mark, which is what Mark said in an
// earlier run, or zero.
func NewClock(mark time.Time) *SystemClock {
	start := time.Now()
	return newClock(mark, time.Now, func() time.Duration { return time.Since(start) })
}

func newClock(mark time.Time, wall func() time.Time, elapsed func() time.Duration) *SystemClock {
	return &SystemClock{wall: wall, elapsed: elapsed, mark: mark.Round(0), at: elapsed()}
}

// Now implements [Clock].
func (c *SystemClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, at := c.wall().Round(0), c.elapsed() // without its monotonic reading a time compares as people read it
	if !c.mark.IsZero() && at > c.at {
		c.mark = c.mark.Add(at - c.at)
	}
	c.at = at
	if wall.After(c.mark) {
		c.mark = wall
	}
	return c.mark
}

// Mark returns what to keep for the clock of the next run.
func (c *SystemClock) Mark() time.Time { return c.Now() }

// AfterFunc implements [Clock].
func (c *SystemClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// orSystem returns c, or a clock of its own.
func orSystem(c Clock) Clock {
	if c == nil {
		return NewClock(time.Time{})
	}
	return c
}
