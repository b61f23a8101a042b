// Package transcript turns recordings of connections into lines to read. It knows messages and not
// what they carry: contents are never shown.
package transcript

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc/record"
)

// Options says how to write.
type Options struct {
	_ struct{}

	JSON bool // one object a line
	// Method names a method; "" if it is not known. It may be nil.
	Method func(interfaceID uint64, methodID uint16) string
}

// Write writes a transcript of r: a line for each record, and at the end what is missing. A recording
// that stops in the middle of a record is no error.
func Write(w io.Writer, r *record.Reader, o *Options) error {
	t := &table{method: o.Method, asked: map[question]asked{}}
	put := func(e *Entry) error {
		if o.JSON {
			b, err := json.Marshal(e)
			if err == nil {
				_, err = w.Write(append(harmless(b), '\n'))
			}
			return err
		}
		_, err := fmt.Fprintln(w, e)
		return err
	}
	note := func(format string, args ...any) error {
		if o.JSON {
			return nil
		}
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	}
	if err := note("recorded from %s on; → sent, ← received", r.Start().UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	for rec, err := range r.All() {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			if err := put(&Entry{At: t.last.Seconds(), Kind: "truncated"}); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		if err := put(t.entry(&rec)); err != nil {
			return err
		}
	}
	open := slices.SortedFunc(maps.Keys(t.asked), func(a, b question) int { return int(t.asked[a].n - t.asked[b].n) })
	for _, q := range open {
		a := t.asked[q]
		if err := note("no return: connection %d %s q%d %s, asked at %.6f", q.conn, q.direction, q.id, a.what(), a.at.Seconds()); err != nil {
			return err
		}
	}
	return nil
}

// harmless escapes the control characters that JSON leaves as they are: DEL and those above it.
func harmless(b []byte) []byte {
	var out []byte
	for _, r := range string(b) {
		if r >= 0x7f && r < 0xa0 {
			out = fmt.Appendf(out, "\\u%04x", r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// question is a call or bootstrap by who asked it.
type question struct {
	conn      int
	direction string
	id        uint32
}

type asked struct {
	at   time.Duration
	name string
	n    int
}

func (a asked) what() string {
	if a.name == "" {
		return "bootstrap"
	}
	return a.name
}

// table is what is known while a recording is read.
type table struct {
	method func(uint64, uint16) string
	asked  map[question]asked // without a return
	n      int
	last   time.Duration
}

func (t *table) entry(rec *record.Record) *Entry {
	t.last = rec.At
	e := &Entry{At: rec.At.Seconds(), Conn: rec.Conn, Kind: rec.Kind.String(), Bytes: rec.Size}
	switch rec.Kind {
	case record.Received, record.ReceivedRest:
		e.Direction = "in"
	case record.Sent, record.SentRest:
		e.Direction = "out"
	}
	switch rec.Kind {
	case record.Received, record.Sent:
		t.message(e, rec)
	case record.ReceivedRest, record.SentRest:
		e.Kind = "rest"
		e.Flags = append(e.Flags, "no message")
	case record.Opened, record.Closed:
		e.Text = string(rec.Data)
	}
	return e
}

func (t *table) message(e *Entry, rec *record.Record) {
	m, _, err := frame.Unmarshal(rec.Data, nil)
	if err == nil {
		err = m.Verify()
	}
	if err != nil {
		e.Kind, e.Text = "unreadable", err.Error()
		if len(rec.Data) == 0 {
			e.Text = ""
		}
		return
	}
	root := capnp.Root[rpc.Message](m)
	t.describe(e, root, rec.At, 0)
}

func (t *table) describe(e *Entry, m rpc.Message, at time.Duration, depth int) {
	e.Kind = m.Which().String()
	switch m.Which() {
	case rpc.MessageWhichUnimplemented:
		if depth == 0 {
			inner := &Entry{Direction: e.Direction}
			t.describe(inner, m.Unimplemented(), at, 1)
			inner.Kind = "unimplemented " + inner.Kind
			inner.At, inner.Conn, inner.Bytes = e.At, e.Conn, e.Bytes
			*e = *inner
		}
	case rpc.MessageWhichAbort:
		exception(e, m.Abort())
	case rpc.MessageWhichBootstrap:
		e.Question = new(m.Bootstrap().QuestionId())
		t.ask(e, at, depth)
	case rpc.MessageWhichCall:
		t.call(e, m.Call())
		t.ask(e, at, depth)
	case rpc.MessageWhichReturn:
		t.returned(e, m.Return(), at, depth)
	case rpc.MessageWhichFinish:
		f := m.Finish()
		e.Question = new(f.QuestionId())
		e.flag(!f.ReleaseResultCaps(), "keeps the results' capabilities")
	case rpc.MessageWhichResolve:
		r := m.Resolve()
		e.ID = new(r.PromiseId())
		switch r.Which() {
		case rpc.ResolveWhichCap:
			e.Caps = []string{descriptor(r.Cap())}
		case rpc.ResolveWhichException:
			exception(e, r.Exception())
		}
	case rpc.MessageWhichRelease:
		e.ID, e.Count = new(m.Release().Id()), m.Release().ReferenceCount()
	case rpc.MessageWhichDisembargo:
		d := m.Disembargo()
		e.Target = target(d.Target())
		switch c := d.Context(); c.Which() {
		case rpc.DisembargoContextWhichSenderLoopback:
			e.ID = new(c.SenderLoopback())
		case rpc.DisembargoContextWhichReceiverLoopback:
			e.ID = new(c.ReceiverLoopback())
		}
		e.Outcome = d.Context().Which().String()
	}
}

func (t *table) call(e *Entry, c rpc.Call) {
	e.Question = new(c.QuestionId())
	e.Target = target(c.Target())
	e.Interface = fmt.Sprintf("%#x", c.InterfaceId())
	e.Method = new(c.MethodId())
	if t.method != nil {
		e.Name = t.method(c.InterfaceId(), c.MethodId())
	}
	if e.Name == "" {
		e.Name = fmt.Sprintf("@%#x.@%d", c.InterfaceId(), c.MethodId())
	}
	e.Caps = descriptors(c.Params())
	switch c.SendResultsTo().Which() {
	case rpc.CallSendResultsToWhichCaller:
	case rpc.CallSendResultsToWhichYourself:
		e.flag(true, "results to yourself")
	default:
		e.flag(true, "results to "+c.SendResultsTo().Which().String())
	}
	e.flag(c.NoPromisePipelining(), "no pipelining")
	e.flag(c.OnlyPromisePipeline(), "only pipelining")
}

func (t *table) returned(e *Entry, r rpc.Return, at time.Duration, depth int) {
	e.Question, e.Outcome = new(r.AnswerId()), r.Which().String()
	q := question{e.Conn, other(e.Direction), r.AnswerId()}
	if a, ok := t.asked[q]; ok && depth == 0 {
		delete(t.asked, q)
		e.Name = a.name
		e.Latency = new((at - a.at).Seconds())
	}
	switch r.Which() {
	case rpc.ReturnWhichResults:
		e.Caps = descriptors(r.Results())
	case rpc.ReturnWhichException:
		e.Outcome = ""
		exception(e, r.Exception())
	case rpc.ReturnWhichTakeFromOtherQuestion:
		e.Outcome += fmt.Sprintf(" q%d", r.TakeFromOtherQuestion())
	}
	e.flag(!r.ReleaseParamCaps(), "keeps the params' capabilities")
	e.flag(r.NoFinishNeeded(), "no finish needed")
}

// ask notes a question until its return.
func (t *table) ask(e *Entry, at time.Duration, depth int) {
	if depth > 0 {
		return
	}
	t.n++
	t.asked[question{e.Conn, e.Direction, *e.Question}] = asked{at, e.Name, t.n}
}

func other(direction string) string {
	if direction == "in" {
		return "out"
	}
	return "in"
}

func (e *Entry) flag(is bool, s string) {
	if is {
		e.Flags = append(e.Flags, s)
	}
}

func exception(e *Entry, x rpc.Exception) { e.Error, e.Reason = x.Type().String(), x.Reason() }

// target names what a message is sent to: an export of the receiver's, or a path of pointer fields
// into the answer to a question of the sender's.
func target(t rpc.MessageTarget) string {
	switch t.Which() {
	case rpc.MessageTargetWhichImportedCap:
		return fmt.Sprintf("export %d", t.ImportedCap())
	case rpc.MessageTargetWhichPromisedAnswer:
		return answer(t.PromisedAnswer())
	}
	return t.Which().String()
}

func answer(p rpc.PromisedAnswer) string {
	s := fmt.Sprintf("q%d", p.QuestionId())
	for i, op := range p.Transform().All() {
		if i == 16 {
			return s + "…"
		}
		if op.Which() == rpc.PromisedAnswerOpWhichGetPointerField {
			s += fmt.Sprintf(".%d", op.GetPointerField())
		}
	}
	return s
}

func descriptors(p rpc.Payload) (out []string) {
	for i, d := range p.CapTable().All() {
		if i == 32 {
			return append(out, fmt.Sprintf("%d more", p.CapTable().Len()-i))
		}
		out = append(out, descriptor(d))
	}
	return out
}

func descriptor(d rpc.CapDescriptor) string {
	s := d.Which().String()
	switch d.Which() {
	case rpc.CapDescriptorWhichSenderHosted:
		return fmt.Sprintf("%s %d", s, d.SenderHosted())
	case rpc.CapDescriptorWhichSenderPromise:
		return fmt.Sprintf("%s %d", s, d.SenderPromise())
	case rpc.CapDescriptorWhichReceiverHosted:
		return fmt.Sprintf("%s %d", s, d.ReceiverHosted())
	case rpc.CapDescriptorWhichReceiverAnswer:
		return s + " " + answer(d.ReceiverAnswer())
	case rpc.CapDescriptorWhichThirdPartyHosted:
		return fmt.Sprintf("%s (vine %d)", s, d.ThirdPartyHosted().VineId())
	}
	return s
}
