// Package flow decides how many bytes of a stream may be on their way before the sender waits for
// the receiver. It is told the time and does no waiting itself.
//
// It is not a congestion control: the transport below has one. It keeps the queue in front of the
// receiver short without leaving the path idle.
package flow

import "time"

// What a window may be, in bytes.
const (
	Initial = 256 << 10
	Min     = 64 << 10
	Max     = 16 << 20
)

// plateau is how many round trips must pass without growth before a window grows slowly.
const plateau = 3

// Window is the number of bytes that may be unacknowledged, fitted to the path: the rate at which
// acknowledgements come back times the shortest time one took. At first it may double with every
// round trip; from when it stops growing it follows the measured product within 5/4 up and 7/8
// down in a round trip. These figures, and that a sender who does not use the window up must not
// shrink it, are those of the adaptive controller in the C++ implementation.
//
// A message larger than the window must not stall the stream, so the largest one so far is added
// to what may be sent. The zero Window is as New returns it. It is not safe for concurrent use.
type Window struct {
	size     int // 0 means Initial
	inFlight int
	largest  int // message so far

	acked     int64 // bytes, ever
	ackedAt   time.Duration
	anyAcked  bool
	first     time.Duration // when the first acknowledgement came, and
	firstSize int64         // what had been acknowledged then

	rtt    time.Duration // the shortest so far; 0 is none
	steady bool

	rounds     int // without growth
	roundSize  int
	roundStart time.Duration
	anyRound   bool
}

// Sent is what Ack must be told about a message that was sent.
type Sent struct {
	n       int
	at      time.Duration
	acked   int64
	ackedAt time.Duration
	known   bool // acked and ackedAt say something
	size    int
	full    bool
}

// New returns a window of the given size in bytes.
func New(size int) Window { return Window{size: min(max(size, Min), Max)} }

// Size returns the window in bytes.
func (w *Window) Size() int {
	if w.size == 0 {
		return Initial
	}
	return w.size
}

// InFlight returns how many bytes are not acknowledged.
func (w *Window) InFlight() int { return w.inFlight }

// Open reports whether more may be sent.
func (w *Window) Open() bool { return w.inFlight < w.Size()+w.largest }

// Send notes that n bytes are sent now, the time since whatever moment. They are sent even if the
// window is not open.
func (w *Window) Send(now time.Duration, n int) Sent {
	w.inFlight += n
	w.largest = max(w.largest, n)
	return Sent{n: n, at: now, acked: w.acked, ackedAt: w.ackedAt, known: w.anyAcked, size: w.Size(), full: !w.Open()}
}

// Ack notes that what s describes has been acknowledged.
func (w *Window) Ack(now time.Duration, s Sent) {
	w.inFlight -= s.n
	w.acked += int64(s.n)
	w.ackedAt = now
	if took := max(now-s.at, 1); w.rtt == 0 || took < w.rtt {
		w.rtt = took
	}
	if !w.anyAcked { // one acknowledgement tells no rate
		w.anyAcked, w.first, w.firstSize = true, now, w.acked
		return
	}
	since, before := w.first, w.firstSize
	if s.known {
		since, before = s.ackedAt, s.acked
	}
	if now <= since {
		return
	}
	w.fit(float64(w.acked-before)/float64(now-since)*float64(w.rtt), s)
	if !w.steady && (!w.anyRound || s.at >= w.roundStart) {
		w.round(now)
	}
}

// fit moves the window towards what the path holds at a time.
func (w *Window) fit(product float64, s Sent) {
	size := int(min(w.grown(product), w.grown(float64(s.size)), Max))
	if s.full {
		size = max(size, s.size/8*7)
	} else {
		size = max(size, w.Size())
	}
	w.size = min(max(size, Min), Max)
}

func (w *Window) grown(n float64) float64 {
	if w.steady {
		return n * 5 / 4
	}
	return n * 2
}

// round ends a round trip of the first phase.
func (w *Window) round(now time.Duration) {
	if w.size > w.roundSize/4*5 {
		w.rounds = 0
	} else if w.rounds++; w.rounds >= plateau {
		w.steady = true
	}
	w.anyRound, w.roundStart, w.roundSize = true, now, w.size
}
