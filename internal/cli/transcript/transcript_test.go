package transcript_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/internal/cli/transcript"
	"lanyard.dev/rpc/record"
)

// A tape is what goes over a connection that is recorded.
type tape struct {
	file bytes.Buffer
	in   bytes.Buffer
	wire io.ReadWriteCloser
}

type wire struct {
	io.Reader
	io.Writer
}

func (wire) Close() error { return nil }

func newTape(name string) *tape {
	t := &tape{}
	now := time.Unix(0, 0)
	rec, err := record.New(&t.file, &record.Options{Now: func() time.Time { now = now.Add(time.Millisecond); return now }})
	if err != nil {
		panic(err)
	}
	t.wire = rec.Wrap(name, wire{&t.in, io.Discard})
	return t
}

func message(fill func(rpc.MessageBuilder)) []byte {
	mb := capnp.NewMessage(nil)
	fill(rpc.NewRootMessage(mb))
	return frame.Marshal(mb)
}

func (t *tape) send(fill func(rpc.MessageBuilder)) { t.wire.Write(message(fill)) }

func (t *tape) receive(fill func(rpc.MessageBuilder)) {
	b := message(fill)
	t.in.Write(b)
	io.ReadFull(t.wire, make([]byte, len(b)))
}

func print(t testing.TB, file []byte, o *transcript.Options) string {
	t.Helper()
	r, err := record.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := transcript.Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// everything is a tape with every kind of message.
func everything() *tape {
	t := newTape("somebody")
	t.send(func(m rpc.MessageBuilder) { m.NewBootstrap().SetQuestionId(0) })
	t.send(func(m rpc.MessageBuilder) {
		c := m.NewCall()
		c.SetQuestionId(1)
		c.SetInterfaceId(0xabc)
		c.SetMethodId(2)
		p := c.NewTarget().NewPromisedAnswer()
		ops := p.NewTransform(3)
		ops.At(0).SetGetPointerField(0)
		ops.At(1).SetNoop()
		ops.At(2).SetGetPointerField(4)
		caps := c.NewParams().NewCapTable(6)
		caps.At(1).SetSenderHosted(7)
		caps.At(2).SetSenderPromise(8)
		caps.At(3).SetReceiverHosted(9)
		caps.At(4).NewReceiverAnswer().SetQuestionId(3)
		caps.At(5).NewThirdPartyHosted().SetVineId(5)
		c.EditSendResultsTo().SetYourself()
		c.SetNoPromisePipelining(true)
		c.SetOnlyPromisePipeline(true)
	})
	t.receive(func(m rpc.MessageBuilder) {
		r := m.NewReturn()
		r.NewResults().NewCapTable(1).At(0).SetSenderHosted(0)
		r.SetNoFinishNeeded(true)
	})
	t.receive(func(m rpc.MessageBuilder) {
		r := m.NewReturn()
		r.SetAnswerId(1)
		r.SetReleaseParamCaps(false)
		r.SetResultsSentElsewhere()
	})
	t.receive(func(m rpc.MessageBuilder) {
		c := m.NewCall()
		c.SetQuestionId(0)
		c.SetInterfaceId(0xdef)
		c.NewTarget().SetImportedCap(7)
	})
	t.send(func(m rpc.MessageBuilder) {
		x := m.NewReturn().NewException()
		x.SetReason("\x1b]52;c;evil\x07\u009b31m\u202e")
		x.SetType(rpc.ExceptionTypeOverloaded)
	})
	t.receive(func(m rpc.MessageBuilder) { m.NewReturn().SetTakeFromOtherQuestion(4) })
	t.receive(func(m rpc.MessageBuilder) { m.NewReturn().SetCanceled() })
	t.send(func(m rpc.MessageBuilder) { m.NewFinish().SetReleaseResultCaps(false) })
	t.send(func(m rpc.MessageBuilder) { m.NewFinish().SetQuestionId(1) })
	t.receive(func(m rpc.MessageBuilder) { m.NewResolve().NewCap().SetSenderHosted(3) })
	t.receive(func(m rpc.MessageBuilder) { m.NewResolve().NewException().SetReason("gone") })
	t.send(func(m rpc.MessageBuilder) {
		r := m.NewRelease()
		r.SetId(3)
		r.SetReferenceCount(2)
	})
	t.send(func(m rpc.MessageBuilder) {
		d := m.NewDisembargo()
		d.NewTarget().SetImportedCap(3)
		d.EditContext().SetSenderLoopback(1)
	})
	t.receive(func(m rpc.MessageBuilder) { m.NewUnimplemented().NewJoin() })
	t.receive(func(m rpc.MessageBuilder) { m.NewProvide() })
	t.receive(func(m rpc.MessageBuilder) { m.NewAbort().SetReason("enough") })
	t.send(func(m rpc.MessageBuilder) { m.NewBootstrap().SetQuestionId(9) })
	t.in.WriteString("GET / HTTP/1.1")
	io.ReadFull(t.wire, make([]byte, 14))
	t.wire.Close()
	return t
}

func TestWrite(t *testing.T) {
	got := print(t, everything().file.Bytes(), &transcript.Options{Method: func(i uint64, m uint16) string {
		if i == 0xdef {
			return "x.capnp:X.y\x1b[2J"
		}
		return ""
	}})
	const want = `recorded from 1970-01-01T00:00:00Z on; → sent, ← received
   0.001000  1   opened "somebody"
   0.002000  1 → bootstrap q0  48 B
   0.003000  1 → call q1 on q0.0.4 @0xabc.@2 [none, senderHosted 7, senderPromise 8, receiverHosted 9, receiverAnswer q3, thirdPartyHosted (vine 5)], results to yourself, no pipelining, only pipelining  296 B
   0.004000  1 ← return q0 results [senderHosted 0], no finish needed  96 B  2ms
   0.005000  1 ← return q1 @0xabc.@2 resultsSentElsewhere, keeps the params' capabilities  56 B  2ms
   0.006000  1 ← call q0 on export 7 x.capnp:X.y\x1b[2J  96 B
   0.007000  1 → return q0 x.capnp:X.y\x1b[2J overloaded "\x1b]52;c;evil\a\u009b31m\u202e"  112 B  1ms
   0.008000  1 ← return q0 takeFromOtherQuestion q4  56 B
   0.009000  1 ← return q0 canceled  56 B
   0.010000  1 → finish q0, keeps the results' capabilities  40 B
   0.011000  1 → finish q1  40 B
   0.012000  1 ← resolve promise 0 [senderHosted 3]  64 B
   0.013000  1 ← resolve promise 0 failed "gone"  88 B
   0.014000  1 → release export 3 ×2  40 B
   0.015000  1 → disembargo embargo 1 on export 3 senderLoopback  72 B
   0.016000  1 ← unimplemented join  72 B
   0.017000  1 ← provide  56 B
   0.018000  1 ← abort failed "enough"  72 B
   0.019000  1 → bootstrap q9  48 B
   0.020000  1 ← rest, no message  14 B
   0.021000  1   closed
no return: connection 1 out q9 bootstrap, asked at 0.019000
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The JSON form is one object a line, and drives no terminal either.
func TestWriteJSON(t *testing.T) {
	got := print(t, everything().file.Bytes(), &transcript.Options{JSON: true})
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 21 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		var e transcript.Entry
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		if e.Error == "overloaded" && e.Reason != "\x1b]52;c;evil\x07\u009b31m\u202e" {
			t.Errorf("reason %q", e.Reason)
		}
	}
	if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); i >= 0 {
		t.Errorf("a control character in %q", got[i:])
	}
}

// Any prefix of a recording prints, and so does one with nonsense in it.
func TestWriteTolerates(t *testing.T) {
	file := everything().file.Bytes()
	for n := 16; n < len(file); n++ {
		print(t, file[:n], &transcript.Options{})
	}
	if got := print(t, file[:len(file)-1], &transcript.Options{}); !strings.Contains(got, "truncated") {
		t.Errorf("does not say that it is truncated:\n%s", got)
	}
	for i := 16; i < len(file); i++ {
		b := bytes.Clone(file)
		b[i] ^= 0xff
		r, err := record.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		transcript.Write(io.Discard, r, &transcript.Options{})
	}
}

// FuzzWrite: no recording makes it panic or print a control character.
func FuzzWrite(f *testing.F) {
	f.Add(everything().file.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := record.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, o := range []*transcript.Options{{}, {JSON: true}} {
			var out strings.Builder
			transcript.Write(&out, r, o)
			if i := strings.IndexFunc(out.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); i >= 0 {
				t.Errorf("a control character in %q", out.String()[i:])
			}
		}
	})
}
