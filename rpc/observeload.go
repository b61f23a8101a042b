package rpc

import (
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/wire"
)

// outload is what Stats tells of an outbox. Its lock guards it. The clock is read only when a message
// is queued behind others, so a caller that waits for each answer pays nothing.
type outload struct {
	queued, flying int // messages
	written        int64
	since          time.Time // no write has ended since then; zero if not known
}

func (l *outload) add(behind bool) {
	l.queued++
	if behind && l.since.IsZero() {
		l.since = time.Now()
	}
}

func (l *outload) take() { l.flying, l.queued = l.queued, 0 }

func (l *outload) wrote(n int64) {
	l.written += n
	if n > 0 && !l.since.IsZero() {
		l.since = time.Time{}
	}
}

// putBack notes that the writer gives back what it has not written. A message of which a part was
// written counts as waiting.
func (l *outload) putBack() {
	l.queued += l.flying
	l.flying = 0
}

type queueStats struct {
	messages       int
	bytes, written int64
	wait           time.Duration
}

func (o *outbox) stats() queueStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := &o.load
	s := queueStats{messages: l.queued + l.flying, bytes: o.size.Load(), written: l.written}
	switch {
	case s.bytes == 0:
	case l.since.IsZero():
		l.since = time.Now()
	default:
		s.wait = time.Since(l.since)
	}
	return s
}

// sizeOf returns the bytes of a message without its segment table.
func sizeOf(m *capnp.Message) (n int64) {
	w := (*wire.Message)(m)
	for i := range w.NumSegments() {
		n += int64(len(w.Segment(i)))
	}
	return n
}
