package ocap

import (
	"testing"
	"time"
)

// Turning the computer's time back, while the program runs or between two runs, never makes it earlier.
func TestClockNeverGoesBack(t *testing.T) {
	day := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	wall, elapsed := day, time.Duration(0)
	c := newClock(time.Time{}, func() time.Time { return wall }, func() time.Duration { return elapsed })
	for i, step := range []struct {
		wall    time.Time
		elapsed time.Duration
		want    time.Time
	}{
		{day, 0, day},
		{day.Add(time.Second), time.Second, day.Add(time.Second)},
		{day.Add(-time.Hour), 2 * time.Second, day.Add(2 * time.Second)}, // turned back
		{day.Add(-time.Hour), 2 * time.Second, day.Add(2 * time.Second)},
		{day.Add(time.Hour), 3 * time.Second, day.Add(time.Hour)}, // turned forward
		{day, 4 * time.Second, day.Add(time.Hour + time.Second)},  // that is for good
	} {
		wall, elapsed = step.wall, step.elapsed
		if got := c.Now(); !got.Equal(step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	again := newClock(c.Mark(), func() time.Time { return day.Add(-time.Hour) }, func() time.Duration { return 0 })
	if got, want := again.Now(), day.Add(time.Hour+time.Second); !got.Equal(want) {
		t.Errorf("after a restart: %v, want %v", got, want)
	}
}
