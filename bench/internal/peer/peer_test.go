package peer

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fake takes a millisecond a call and knows one mode.
func fake(made *int, closed *bool) Implementation {
	return Implementation{Library: "fake 1", Open: func(j Job) (*Work, error) {
		switch j.Mode {
		case "work":
			return &Work{
				Run:   func(n int) error { *made += n; spin(time.Duration(n) * time.Millisecond); return nil },
				Close: func() error { *closed = true; return nil },
				Check: func() (uint64, error) { return 42, nil },
			}, nil
		case "broken":
			return &Work{Run: func(int) error { return errors.New("broken") }, Close: func() error { return nil }}, nil
		}
		return nil, ErrUnsupported
	}}
}

func TestConversation(t *testing.T) {
	var made int
	var closed bool
	var out bytes.Buffer
	in := "nonsense -\nwork - inflight 2 seconds 0.02 warm 0.01\ngo\nclose\n"
	if err := load(fake(&made, &closed), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	want := `^library fake 1
unsupported
ready (\d+)
\{"calls":(\d+),"seconds":0\.\d+,"cpu":[0-9.e-]+,"mallocs":\d+,"check":42\}
closed
$`
	m := regexp.MustCompile(want).FindStringSubmatch(out.String())
	if m == nil || m[1] != m[2] || !closed {
		t.Errorf("closed: %v; got:\n%s\nwant:\n%s", closed, out.String(), want)
	}
	var calls int
	fmt.Sscan(m[1], &calls)
	if made <= calls || calls < 2 {
		t.Errorf("%d calls made, %d of them measured", made, calls)
	}
}

func TestConversationEndsWithErrors(t *testing.T) {
	for _, in := range []string{"work\n", "work - size\n", "work - size x\n", "work - speed 1\n", "broken -\n", "work - seconds 0.01 warm 0.001\nstop\n"} {
		if err := load(fake(new(int), new(bool)), strings.NewReader(in), new(bytes.Buffer)); err == nil {
			t.Errorf("%q passes", in)
		}
	}
}

func TestLanes(t *testing.T) {
	var made, busy, most atomic.Int64
	err := Lanes(100, 4, func(lane int) error {
		if lane < 0 || lane > 3 {
			return fmt.Errorf("lane %d", lane)
		}
		now := busy.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		made.Add(1)
		busy.Add(-1)
		return nil
	})
	if err != nil || made.Load() != 100 || most.Load() > 4 {
		t.Errorf("%d calls, %d at a time: %v", made.Load(), most.Load(), err)
	}
	broken := errors.New("broken")
	for _, lanes := range []int{1, 3} {
		if err := Lanes(10, lanes, func(int) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%d lanes: %v", lanes, err)
		}
	}
}

// spin keeps busy for a while.
func spin(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}
