package conform_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/internal/conform"
)

// TestVerdicts: servers that do everything wrong are told so.
func TestVerdicts(t *testing.T) {
	abort := func(reason string) func(rpc.Message) func(rpc.MessageBuilder) {
		return func(rpc.Message) func(rpc.MessageBuilder) {
			return func(b rpc.MessageBuilder) { b.NewAbort().SetReason(reason) }
		}
	}
	for _, c := range []struct {
		name     string
		answer   func(rpc.Message) func(rpc.MessageBuilder) // nil: none; after an Abort it hangs up
		serves   int                                        // so many connections; 0: all
		id, want string
		verdict  conform.Verdict
	}{
		{"deaf", func(rpc.Message) func(rpc.MessageBuilder) { return nil }, 0, "R03/unknown", "the connection goes on", conform.Differs},
		{"deaf and not asked", func(rpc.Message) func(rpc.MessageBuilder) { return nil }, 0, "R07/unknown", "quiet", conform.OK},
		{"silent where it must answer", func(rpc.Message) func(rpc.MessageBuilder) { return nil }, 0, "R18/interface", "nothing", conform.Differs},
		{"echoes for ever", func(rpc.Message) func(rpc.MessageBuilder) {
			return func(b rpc.MessageBuilder) { b.NewUnimplemented() }
		}, 0, "R02/echo", "unimplemented unimplemented", conform.Differs},
		{"tells its addresses", abort("expected 558572d66fc8 == 55857c89b140"), 0, "R03/unknown", "abort: expected … == …, which tells more than the peer may know", conform.Differs},
		{"tells its paths", abort("rpc.c++:123: bad"), 0, "R03/unknown", "abort: rpc.c++:123: bad, which tells more than the peer may know", conform.Differs},
		{"drives the terminal", abort("\x1b[2J"), 0, "R03/unknown", "abort: \ufffd[2J", conform.OK},
		{"too strict", abort("no"), 0, "R07/unknown", "abort: no", conform.Differs},
		{"dies", abort("dying"), 4, "R03/unknown", "abort: dying; then nobody is served: ", conform.Gone},
		{"has no probe", func(rpc.Message) func(rpc.MessageBuilder) { return nil }, 0, "R03/twice", "", conform.NotApplicable},
	} {
		t.Run(c.name, func(t *testing.T) {
			served := 0
			dial := func(context.Context) (net.Conn, error) {
				if served++; c.serves > 0 && served > c.serves {
					return nil, errors.New("refused")
				}
				attacker, server := net.Pipe()
				go fake(server, c.answer)
				return attacker, nil
			}
			s, err := conform.New(t.Context(), dial, 200*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(t.Context(), find(t, c.id))
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.verdict || !strings.HasPrefix(r.Got, c.want) || c.want == "" && r.Got != "" {
				t.Errorf("%s: %q, want %s: %q", r.Verdict, r.Got, c.verdict, c.want)
			}
		})
	}
}

// TestNoServer: what does not answer is not attacked.
func TestNoServer(t *testing.T) {
	for name, dial := range map[string]func(context.Context) (net.Conn, error){
		"refuses": func(context.Context) (net.Conn, error) { return nil, errors.New("refused") },
		"is silent": func(context.Context) (net.Conn, error) {
			attacker, server := net.Pipe()
			go frame.NewReader(server, nil).Read()
			return attacker, nil
		},
		"speaks something else": func(context.Context) (net.Conn, error) {
			attacker, server := net.Pipe()
			go func() {
				frame.NewReader(server, nil).Read()
				server.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				server.Close()
			}()
			return attacker, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := conform.New(t.Context(), dial, 200*time.Millisecond); err == nil {
				t.Error("is taken for a server")
			}
		})
	}
}

// fake is a server that answers Bootstrap, and everything else as it likes.
func fake(c net.Conn, answer func(rpc.Message) func(rpc.MessageBuilder)) {
	defer c.Close()
	r, w := frame.NewReader(c, nil), frame.NewWriter(c)
	for {
		m, err := r.Read()
		if err != nil {
			return
		}
		root := capnp.Root[rpc.Message](m)
		var fill func(rpc.MessageBuilder)
		switch root.Which() {
		case rpc.MessageWhichFinish:
			// A ping's; the cases here that send others expect no answer.
			if root.Finish().QuestionId() > 1<<16 {
				continue
			}
			fill = answer(root)
		case rpc.MessageWhichBootstrap:
			fill = func(b rpc.MessageBuilder) {
				ret := b.NewReturn()
				ret.SetAnswerId(root.Bootstrap().QuestionId())
				p := ret.NewResults()
				p.NewContent().SetCap(0)
				p.NewCapTable(1).At(0).SetSenderHosted(0)
			}
		default:
			fill = answer(root)
		}
		if fill == nil {
			continue
		}
		mb := capnp.NewMessage(nil)
		b := rpc.NewRootMessage(mb)
		fill(b)
		if w.Write(mb) != nil || b.Which() == rpc.MessageWhichAbort {
			return
		}
	}
}

func find(t *testing.T, id string) *conform.Case {
	t.Helper()
	cases, err := conform.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if c.ID+"/"+c.Name == id {
			return &cases[i]
		}
	}
	t.Fatalf("no case %s", id)
	return nil
}
