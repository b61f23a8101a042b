package grant

import (
	"sync/atomic"
	"time"
)

// lease says how long this vat may believe what it knows of revocations.
//
// Invariant: it begins at an instant before the ledger was asked, and is renewed only when all that
// the ledger said then has been applied and announced. So it ends before the ledger thinks that it
// does, and no call starts later than a revocation plus the lease's length.
type lease struct {
	length time.Duration
	began  atomic.Pointer[time.Time]
}

func (l *lease) renew(began time.Time) { l.began.Store(&began) }

// good reports whether the lease has not run out, by the monotonic clock, which stands still while the
// computer sleeps, and by the other, which people set.
func (l *lease) good(now time.Time) bool {
	began := l.began.Load()
	return began != nil && now.Sub(*began) < l.length && now.Round(0).Sub(began.Round(0)) < l.length
}
