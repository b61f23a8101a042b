// Package wiretap stands between two ends of a connection and counts what they
// say. It is how the demo and tests know how many round trips something took;
// it delays every message, so it is not for serious traffic.
package wiretap

import "sync"

// Counts is what crossed the wire since Reset.
type Counts struct {
	Calls      int // made by the client, bootstraps not included
	CallsBack  int // made by the server
	Messages   int // of every kind, in both directions
	Bytes      int
	RoundTrips int
}

// A counter follows causes, not times. Every message belongs to a round: what
// the client sends belongs to one round more than what it had received, what
// the server sends to the round of what it had received. So many rounds as were
// needed before the last message arrived are so many round trips.
//
// It sees both ends of the wire: when a message leaves one, and when, delay
// later, it arrives at the other.
type counter struct {
	mu     sync.Mutex
	counts Counts
	client int // the highest round among what arrived at the client
	server int // and at the server
	epoch  int // counts resets: messages from before one are of round 0
}

// A stamp is what a message carries across the wire.
type stamp struct{ round, epoch int }

// A side is an end of the wire.
type side int

const (
	client side = iota
	server
)

// leaves notes a message of n bytes that from sends.
func (c *counter) leaves(from side, isCall bool, n int) stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Messages++
	c.counts.Bytes += n
	if from == client {
		if isCall {
			c.counts.Calls++
		}
		return stamp{c.client + 1, c.epoch}
	}
	if isCall {
		c.counts.CallsBack++
	}
	return stamp{c.server, c.epoch}
}

// arrives notes that a message reached the other side.
func (c *counter) arrives(at side, s stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.epoch != c.epoch {
		return
	}
	if at == server {
		c.server = max(c.server, s.round)
		return
	}
	c.client = max(c.client, s.round)
	c.counts.RoundTrips = c.client
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.client, c.server = Counts{}, 0, 0
	c.epoch++
}

func (c *counter) read() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}
