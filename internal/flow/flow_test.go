package flow_test

import (
	"testing"
	"time"

	"lanyard.dev/internal/flow"
)

// path simulates a link of one rate and one delay under a stream.
type path struct {
	w     flow.Window
	now   time.Duration
	rtt   time.Duration
	rate  float64 // bytes a millisecond
	busy  time.Duration
	queue []message
	next  int
}

type message struct {
	sent flow.Sent
	ack  time.Duration
}

// newPath has a product of 1000 KiB.
func newPath() *path {
	return &path{w: flow.New(flow.Initial), rtt: 100 * time.Millisecond, rate: 10 << 10}
}

func (p *path) product() int { return int(p.rate * float64(p.rtt/time.Millisecond)) }

func (p *path) send(n int) {
	p.busy = max(p.busy, p.now) + time.Duration(float64(n)/p.rate*float64(time.Millisecond))
	p.queue = append(p.queue, message{p.w.Send(p.now, n), p.busy + p.rtt})
}

func (p *path) ack() {
	m := p.queue[0]
	p.queue = p.queue[1:]
	p.now = max(p.now, m.ack)
	p.w.Ack(p.now, m.sent)
}

func (p *path) drain() {
	for len(p.queue) > 0 {
		p.ack()
	}
}

// fill sends messages of n bytes while it may and returns how many.
func (p *path) fill(n int) int {
	count := 0
	for p.w.Open() {
		p.send(n)
		count++
	}
	return count
}

// saturate sends whatever it may for a while.
func (p *path) saturate(d time.Duration) {
	sizes := []int{32 << 10, 4 << 10, 16000, 12345, 16, 9999, 4321, 8}
	for end := p.now + d; p.now < end; {
		if !p.w.Open() {
			p.ack()
			continue
		}
		p.send(sizes[p.next%len(sizes)])
		p.next++
	}
	p.drain()
}

func TestBlocksWhenFull(t *testing.T) {
	p := newPath()
	if n := p.fill(64 << 10); n != 5 { // the window and one message more
		t.Errorf("%d messages, want 5", n)
	}
	p.ack()
	if !p.w.Open() {
		t.Error("still closed after an acknowledgement")
	}
}

func TestGrowsAtFirst(t *testing.T) {
	p := newPath()
	p.saturate(5 * p.rtt)
	if p.w.Size() < 2*flow.Initial {
		t.Errorf("window of %d bytes after five round trips", p.w.Size())
	}
}

func TestSettlesNearTheProduct(t *testing.T) {
	p := newPath()
	p.saturate(50 * p.rtt)
	before := p.w.Size()
	if before < p.product() || before > 2*p.product() {
		t.Errorf("window of %d bytes, the path holds %d", before, p.product())
	}
	p.saturate(10 * p.rtt)
	if after := p.w.Size(); after > before*5/4 {
		t.Errorf("grew from %d to %d on a steady path", before, after)
	}
}

func TestDoesNotShrinkWhenUnused(t *testing.T) {
	p := newPath()
	p.saturate(100 * p.rtt)
	before := p.w.Size()
	for range 100 {
		p.send(1 << 10)
		p.ack()
	}
	if p.w.Size() < before {
		t.Errorf("shrank from %d to %d without being used", before, p.w.Size())
	}
}

func TestShrinksWithTheRate(t *testing.T) {
	p := newPath()
	p.saturate(50 * p.rtt)
	before := p.w.Size()
	p.rate /= 4
	p.saturate(200 * p.rtt)
	if p.w.Size() > before*3/4 {
		t.Errorf("window of %d bytes at a quarter of the rate, %d before", p.w.Size(), before)
	}
}

func TestBounds(t *testing.T) {
	p := newPath()
	p.rtt, p.rate = time.Millisecond, 1
	p.saturate(10_000 * time.Second)
	if p.w.Size() != flow.Min {
		t.Errorf("window of %d bytes on a path that holds one", p.w.Size())
	}
	p = newPath()
	p.rate *= 1000
	p.saturate(20 * p.rtt)
	if p.w.Size() != flow.Max {
		t.Errorf("window of %d bytes on a path that holds %d", p.w.Size(), p.product())
	}
	if p.w.InFlight() != 0 {
		t.Errorf("%d bytes in flight when all are acknowledged", p.w.InFlight())
	}
}

func TestZeroWindow(t *testing.T) {
	var w flow.Window
	if w.Size() != flow.Initial || !w.Open() {
		t.Error("the zero window is not the initial one")
	}
	s := w.Send(0, flow.Max)
	if w.Open() != true { // a message larger than the window leaves room for the next
		t.Error("closed by one large message")
	}
	w.Ack(0, s) // no time passed
	if w.InFlight() != 0 {
		t.Error("not acknowledged")
	}
}
