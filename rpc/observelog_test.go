package rpc

import (
	"testing"
	"time"
)

// A peer that runs into limits all the time makes one line a second.
func TestLimiter(t *testing.T) {
	l := &limiter{seen: map[string]*told{}}
	now := time.Unix(0, 0)
	for _, c := range []struct {
		after time.Duration
		key   string
		more  int
		ok    bool
	}{
		{0, "Calls", 0, true},
		{time.Millisecond, "Calls", 0, false},
		{0, "Caps", 0, true},
		{998 * time.Millisecond, "Calls", 0, false},
		{time.Millisecond, "Calls", 2, true},
		{time.Second, "Calls", 0, true},
	} {
		now = now.Add(c.after)
		if more, ok := l.tell(c.key, now); more != c.more || ok != c.ok {
			t.Errorf("%s at %s: %d, %v, want %d, %v", c.key, now, more, ok, c.more, c.ok)
		}
	}
}
