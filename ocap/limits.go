package ocap

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits says how much passes a capability that was made with [Limit]. A field that is zero limits
// nothing.
//
// Calls of the capability count, and, unless Shallow, calls of everything that came out of it. All
// copies share what is left. A call counts when it is admitted, before it is delivered; what another
// limit refuses is given back, and so is a call that was cancelled or revoked before it was delivered.
// Whether the method then fails makes no difference.
type Limits struct {
	Uses        uint64 // how many calls
	Rate        Rate   // how often
	Bytes       uint64 // how many bytes of parameters, as messages; a little more than their content
	Concurrency uint32 // how many calls that have not returned

	// Shallow counts only calls of the capability itself, not of what came out of it. Calls on a promise
	// then wait until it is known what that becomes.
	Shallow bool
	// Meter, if not nil, is asked for 1 for each call, after the rest let it pass.
	Meter Meter
	// Clock is what Rate goes by.
	Clock Clock
	// Grantor is who can give more, for the words of errors: see [Options].
	Grantor string

	_ struct{}
}

// Rate is a number of calls in each period, of which Burst may come at once. It is exact over any
// span of time: no more than Burst plus span / Per * Calls pass.
type Rate struct {
	Calls uint32        // 0 means no limit
	Per   time.Duration // 0 means a second
	Burst uint32        // 0 means as many as Calls
}

// Check reports what is wrong with the numbers.
func (r Rate) Check() error {
	switch {
	case r.Calls == 0 && (r.Per != 0 || r.Burst != 0):
		return errors.New("rate of no calls")
	case r.Per < 0:
		return errors.New("rate with a negative period")
	}
	return nil
}

func (r Rate) per() time.Duration { return cmp.Or(r.Per, time.Second) }

func (r Rate) burst() uint32 { return cmp.Or(r.Burst, r.Calls) }

// interval is how long one call takes to grow again, rounded up.
func (r Rate) interval() time.Duration {
	n := time.Duration(max(r.Calls, 1))
	return (r.per()-1)/n + 1
}

// String says it for people, in ASCII: "5 each 1m, at most 2 at once".
func (r Rate) String() string {
	switch {
	case r.Calls == 0:
		return "as often as they come"
	case r.burst() == r.Calls:
		return fmt.Sprintf("%d each %s", r.Calls, span(r.per()))
	}
	return fmt.Sprintf("%d each %s, at most %d at once", r.Calls, span(r.per()), r.burst())
}

// span writes a duration without zeros at its end.
func span(d time.Duration) string {
	s := strings.Replace(d.String(), "\u00b5s", "us", 1)
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Meter is an allowance that several wrappers can share, in memory or in a database.
type Meter interface {
	// Take asks for n. It does not block; done is called exactly once, maybe before Take returns, with
	// nil if there was as much, or with the reason. [Exhausted] should be among its reasons.
	Take(n int64, done func(error))
}

// Refunder is a Meter that takes back what was not used.
type Refunder interface {
	Meter
	// Give returns n of what Take gave. It is called with locks held and must not block.
	Give(n int64)
}
