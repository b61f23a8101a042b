package capnp

import "testing"

// box is an inbox whose first draining drops a reference, which feeds it again.
type box struct {
	brokenHook
	drained int
}

func (b *box) Drain(t *Turn) {
	if b.drained++; b.drained == 1 {
		t.Drop(b)
	}
}

func (b *box) Release(t *Turn) { t.Kick(b) }

// An inbox that was drained in a turn and is fed again by what the turn drops is drained again.
func TestTurnDrainsWhatADropFeeds(t *testing.T) {
	b := &box{}
	turn := BeginTurn()
	turn.Kick(b)
	turn.Kick(b) // once is enough while it waits
	turn.End()
	if b.drained != 2 {
		t.Errorf("drained %d times, want 2: in its place, and for the drop", b.drained)
	}
}
