package wiretap

import (
	"context"
	"net"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// A peer says and hears messages by name.
type peer struct {
	t *testing.T
	r *frame.Reader
	w *frame.Writer
}

func newPeer(t *testing.T, c net.Conn) peer {
	return peer{t, frame.NewReader(c, nil), frame.NewWriter(c)}
}

func (p peer) say(whats ...string) {
	p.t.Helper()
	for _, what := range whats {
		m := capnp.NewMessage(nil)
		root := rpc.NewRootMessage(m)
		switch what {
		case "bootstrap":
			root.NewBootstrap()
		case "call":
			root.NewCall()
		case "return":
			root.NewReturn()
		case "finish":
			root.NewFinish()
		}
		if err := p.w.Write(m); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p peer) hear(whats ...string) {
	p.t.Helper()
	for _, want := range whats {
		m, err := p.r.Read()
		if err != nil {
			p.t.Fatal(err)
		}
		if got := capnp.Root[rpc.Message](m).Which().String(); got != want {
			p.t.Fatalf("heard %s, want %s", got, want)
		}
	}
}

// TestTapCounts plays conversations in which who waits for what is known.
func TestTapCounts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tap, err := Start(ctx, "tcp", l.Addr().String(), 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	near, err := net.Dial("tcp", tap.Addr())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, s := newPeer(t, near), newPeer(t, far)

	for _, step := range []struct {
		name string
		play func()
		want Counts
	}{
		{"nothing", func() {}, Counts{}},
		{"three calls pipelined", func() {
			c.say("bootstrap", "call", "call", "call")
			s.hear("bootstrap", "call", "call", "call")
			s.say("return", "return", "return", "return")
			c.hear("return", "return", "return", "return")
		}, Counts{Calls: 3, Messages: 8, RoundTrips: 1}},
		{"finishes of the step before, then a call", func() {
			c.say("finish", "finish", "call")
			s.hear("finish", "finish", "call")
			s.say("return")
			c.hear("return")
		}, Counts{Calls: 1, Messages: 4, RoundTrips: 1}},
		{"two calls, one after the other", func() {
			for range 2 {
				c.say("call")
				s.hear("call")
				s.say("return")
				c.hear("return")
			}
		}, Counts{Calls: 2, Messages: 4, RoundTrips: 2}},
		{"a call back", func() {
			c.say("call")
			s.hear("call")
			s.say("call")
			c.hear("call")
			c.say("return")
			s.hear("return")
			s.say("return")
			c.hear("return")
		}, Counts{Calls: 1, CallsBack: 1, Messages: 4, RoundTrips: 2}},
		{"a finish between two returns costs nothing", func() {
			c.say("call", "call")
			s.hear("call", "call")
			s.say("return")
			c.hear("return")
			c.say("finish")
			s.say("return")
			c.hear("return")
			s.hear("finish")
		}, Counts{Calls: 2, Messages: 5, RoundTrips: 1}},
	} {
		tap.Reset()
		step.play()
		got := tap.Counts()
		if (got.Bytes > 0) != (got.Messages > 0) {
			t.Errorf("%s: %d bytes in %d messages", step.name, got.Bytes, got.Messages)
		}
		got.Bytes = 0
		if got != step.want {
			t.Errorf("%s: got %+v, want %+v", step.name, got, step.want)
		}
	}
	near.Close()
	tap.Wait()
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Error("the server's side is still open")
	}
}

// TestTapEnds: a tap that nobody connects to ends with its context.
func TestTapEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tap, err := Start(ctx, "tcp", "127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	tap.Wait()
}
