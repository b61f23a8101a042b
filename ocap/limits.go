package ocap

import (
	"errors"
	"time"
)

// Limits says how much passes a capability that was made with [Limit]. A field that is zero limits
// nothing.
//
// Everything counts that crosses inwards to what is behind the capability: calls of it, and calls of
// what came out of it. All copies share it. Counted is at admission, before the call is
// delivered; what a later limit refuses is given back to the earlier ones, and so is what ends before
// its method could start. Whether the method then fails makes no difference.
type Limits struct {
	Uses        uint64 // how many calls
	Rate        Rate   // how often
	Bytes       uint64 // how many bytes of parameters, as they were sent
	Concurrency uint32 // how many calls that have not returned

	// Clock is what Rate goes by.
	Clock Clock
	// Ask is who can give more, for the words of the error: "alice".
	Ask string

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

// Meter is an allowance that several wrappers can share, in memory or in a database.
type Meter interface {
	// Take asks for n. It does not block; done is called exactly once, maybe before Take returns, with
	// nil if there was as much, or with the reason. [Exhausted] should be among its reasons.
	Take(n int64, done func(error))
}

// Refunder is a Meter that takes back what was not used.
type Refunder interface {
	Meter
	// Give returns n of what Take gave.
	Give(n int64)
}
