package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/wire"
)

// This file is the text form of messages in transcripts: describe prints one, parseMessage reads
// it back.

var (
	contextNames    = []string{"senderLoopback", "receiverLoopback", "accept", "invalid"}
	descriptorNames = []string{"none", "senderHosted", "senderPromise", "receiverHosted", "receiverAnswer", "thirdPartyHosted", "invalid"}
)

func describe(m *Message) string {
	var b strings.Builder
	flag := func(set bool, name string) {
		if set {
			b.WriteString(" " + name)
		}
	}
	b.WriteString(m.Type.String())
	switch m.Type {
	case Bootstrap:
		fmt.Fprintf(&b, " q%d", m.ID)
	case Call:
		fmt.Fprintf(&b, " q%d on %s", m.ID, targetString(m.Target))
		flag(m.SendResultsTo == ToYourself, "toYourself")
		flag(m.SendResultsTo == ToThirdParty, "toThirdParty")
		flag(m.NoPipelining, "noPromisePipelining")
		flag(m.OnlyPipeline, "onlyPromisePipeline")
	case Return:
		fmt.Fprintf(&b, " q%d %s", m.ID, m.Outcome)
		if m.Outcome == TakeFromOtherQuestion {
			fmt.Fprintf(&b, " q%d", m.Other)
		}
		flag(m.ReleaseParamCaps, "releaseParamCaps")
		flag(m.NoFinishNeeded, "noFinishNeeded")
	case Finish:
		fmt.Fprintf(&b, " q%d", m.ID)
		flag(m.ReleaseResultCaps, "releaseResultCaps")
		flag(m.EarlyCancelBug, "requireEarlyCancellationWorkaround")
	case Resolve:
		fmt.Fprintf(&b, " promise %d", m.ID)
	case Release:
		fmt.Fprintf(&b, " export %d by %d", m.ID, m.Count)
	case Disembargo:
		fmt.Fprintf(&b, " %s %d on %s", contextNames[m.Context], m.ID, targetString(m.Target))
	case Unimplemented:
		if m.Inner != nil {
			fmt.Fprintf(&b, " ( %s )", describe(m.Inner))
		}
	}
	for _, c := range m.Caps {
		fmt.Fprintf(&b, " %s", capString(c))
	}
	if m.Exception != nil {
		fmt.Fprintf(&b, " %s: %s", m.Exception.Kind, m.Exception.Reason)
	}
	return b.String()
}

func targetString(t Target) string {
	if t.Kind == PromisedAnswer {
		return fmt.Sprintf("q%d%s", t.ID, pathString(t.Path))
	}
	if t.Kind == InvalidTarget {
		return "invalid"
	}
	return fmt.Sprintf("export %d", t.ID)
}

func capString(d Descriptor) string {
	switch d.Kind {
	case None, InvalidDescriptor:
		return "[" + descriptorNames[d.Kind] + "]"
	case ReceiverAnswer:
		return fmt.Sprintf("[receiverAnswer q%d%s]", d.ID, pathString(d.Path))
	}
	return fmt.Sprintf("[%s %d]", descriptorNames[d.Kind], d.ID)
}

// words reads a message word by word; a malformed one panics, the test catches it.
type words struct{ s []string }

func (w *words) next() string {
	if len(w.s) == 0 {
		panic("the message ends too early")
	}
	x := w.s[0]
	w.s = w.s[1:]
	return x
}

func (w *words) peek() string {
	if len(w.s) == 0 {
		return ""
	}
	return w.s[0]
}

func (w *words) flag(name string) bool {
	if w.peek() != name {
		return false
	}
	w.next()
	return true
}

func (w *words) num() uint32 {
	s := strings.TrimLeft(w.next(), "q")
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

func (w *words) target() Target {
	switch s := w.next(); {
	case s == "export":
		return Target{ID: w.num()}
	case s == "invalid":
		return Target{Kind: InvalidTarget}
	default:
		id, path := answerPath(s)
		return Target{Kind: PromisedAnswer, ID: id, Path: path}
	}
}

// answerPath reads q5.0.1.
func answerPath(s string) (id uint32, path []uint16) {
	parts := strings.Split(s, ".")
	w := words{parts[:1]}
	id = w.num()
	for _, p := range parts[1:] {
		n, err := strconv.Atoi(p)
		if err != nil {
			panic(err)
		}
		path = append(path, uint16(n))
	}
	return id, path
}

func (w *words) index(names []string) int {
	s := w.next()
	i := slices.Index(names, s)
	if i < 0 {
		panic("what is " + s + "?")
	}
	return i
}

func (w *words) caps() (out []Descriptor) {
	for strings.HasPrefix(w.peek(), "[") {
		name := strings.Trim(w.next(), "[]")
		d := Descriptor{Kind: DescriptorKind(slices.Index(descriptorNames, name))}
		switch d.Kind {
		case None, InvalidDescriptor:
		case ReceiverAnswer:
			d.ID, d.Path = answerPath(strings.Trim(w.next(), "]"))
		default:
			id, _ := answerPath(strings.Trim(w.next(), "]"))
			d.ID = id
		}
		out = append(out, d)
	}
	return out
}

func (w *words) exception() *capnp.Exception {
	kind := strings.TrimSuffix(w.peek(), ":")
	for k := capnp.Failed; k <= capnp.Unimplemented; k++ {
		if k.Error() == kind && len(w.s) > 0 {
			reason := strings.Join(w.s[1:], " ")
			w.s = nil
			return capnp.NewError(k, reason)
		}
	}
	return nil
}

// parseMessage reads what describe prints.
func parseMessage(s string) *Message {
	w := &words{strings.Fields(s)}
	m := &Message{Type: Type(w.index(typeNames[:]))}
	switch m.Type {
	case Bootstrap:
		m.ID = w.num()
	case Call:
		m.ID = w.num()
		w.next() // on
		m.Target = w.target()
		if w.flag("toYourself") {
			m.SendResultsTo = ToYourself
		}
		if w.flag("toThirdParty") {
			m.SendResultsTo = ToThirdParty
		}
		m.NoPipelining = w.flag("noPromisePipelining")
		m.OnlyPipeline = w.flag("onlyPromisePipeline")
	case Return:
		m.ID = w.num()
		m.Outcome = Outcome(w.index(outcomeNames[:]))
		if m.Outcome == TakeFromOtherQuestion {
			m.Other = w.num()
		}
		m.ReleaseParamCaps = w.flag("releaseParamCaps")
		m.NoFinishNeeded = w.flag("noFinishNeeded")
	case Finish:
		m.ID = w.num()
		m.ReleaseResultCaps = w.flag("releaseResultCaps")
		m.EarlyCancelBug = w.flag("requireEarlyCancellationWorkaround")
	case Resolve:
		w.next() // promise
		m.ID = w.num()
	case Release:
		w.next() // export
		m.ID = w.num()
		w.next() // by
		m.Count = w.num()
	case Disembargo:
		m.Context = DisembargoContext(w.index(contextNames))
		m.ID = w.num()
		w.next() // on
		m.Target = w.target()
	case Unimplemented:
		if _, after, ok := strings.Cut(s, "( "); ok {
			m.Inner = parseMessage(strings.TrimSuffix(after, " )"))
		}
		return m
	}
	m.Caps = w.caps()
	m.Exception = w.exception()
	if m.Type == Resolve && m.Exception != nil {
		m.Outcome = Exception
	}
	if m.Type == Call || m.Type == Return && m.Outcome == Results {
		m.Payload = rawPayload(len(m.Caps))
	}
	return m
}

// rawPayload is received content: a struct whose pointers are the capabilities 0 to n-1.
func rawPayload(n int) capnp.Payload {
	mb := wire.NewMessageBuilder(wire.BuilderOptions{})
	s := mb.Root().NewStruct(wire.Size{DataWords: 1, Pointers: uint16(n)})
	for i := range n {
		s.Ptr(uint16(i)).SetCap(uint32(i))
	}
	return capnp.ReceivedPayload(capnp.Ptr(mb.Seal().Root()))
}
