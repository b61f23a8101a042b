package rpc

import (
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/rpc/internal/codec"
	"lanyard.dev/rpc/internal/engine"
)

// What is done for observers on a connection that has none is a nil check: no message that comes
// in, goes out or ends a call costs an allocation for it.
func TestNoObserverNoAllocation(t *testing.T) {
	mb, err := codec.Encode(&engine.Message{Type: engine.Bootstrap, ID: 1}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	in, _, err := frame.Unmarshal(frame.Marshal(mb), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{}
	m := &engine.Message{Type: engine.Bootstrap}
	turn := capnp.BeginTurn()
	defer turn.End()
	if n := testing.AllocsPerRun(100, func() {
		c.arrived(m, in)
		c.watching.limited("")
		c.Drain(turn)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if m.Note != nil || m.Base != nil {
		t.Error("the message was taken note of")
	}
}
