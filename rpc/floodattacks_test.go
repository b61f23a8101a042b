package rpc_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"lanyard.dev/capnp"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// template is a message in which one number changes, its question's.
type template struct {
	b   []byte
	off []int
}

const placeholder = 0x5eed1d00

// templateOf makes a template of a message with placeholder in it.
func templateOf(b []byte) *template {
	t := &template{b: b}
	for i := 0; i+4 <= len(b); i += 4 {
		if binary.LittleEndian.Uint32(b[i:]) == placeholder {
			t.off = append(t.off, i)
		}
	}
	return t
}

func (t *template) with(id uint32) []byte {
	for _, off := range t.off {
		binary.LittleEndian.PutUint32(t.b[off:], id)
	}
	return t.b
}

// repeat sends messages that only differ in a number, once the bootstrap has been asked for.
func repeat(id func(n uint32) uint32, messages ...[]byte) func(a *attacker) {
	var all []func() *template
	for _, m := range messages {
		all = append(all, func() *template { return templateOf(bytes.Clone(m)) })
	}
	return func(a *attacker) {
		var ts []*template
		for _, f := range all {
			ts = append(ts, f())
		}
		if !a.send(bootstrapMessage(0)) {
			return
		}
		for n := uint32(1); ; n++ {
			for _, t := range ts {
				if !a.add(t.with(id(n))) {
					return
				}
			}
		}
	}
}

func upwards(n uint32) uint32 { return n }
func sparse(n uint32) uint32  { return n*0x9e3779b1 | 1 }

// given makes callMessage pass a capability.
func withCap(set func(d wire.CapDescriptorBuilder)) func(c wire.CallBuilder, p capnp.StructBuilder) {
	return func(c wire.CallBuilder, p capnp.StructBuilder) {
		set(c.EditParams().NewCapTable(1).At(0))
		p.SetCap(0, 0)
	}
}

func withData(n int) func(c wire.CallBuilder, p capnp.StructBuilder) {
	return func(_ wire.CallBuilder, p capnp.StructBuilder) { p.NewData(0, n) }
}

// floods are the attacks L01 to L18.
var floods = []flood{
	{name: "L01", what: "bootstraps, never finished", want: "closed", attack: repeat(upwards, bootstrapMessage(placeholder))},
	{name: "L01b", what: "the same, never reading", want: "closed", mute: true, attack: repeat(upwards, bootstrapMessage(placeholder))},
	{name: "L02", what: "calls of a method that blocks", want: "held", limits: slowBreaker, attack: repeat(upwards, callMessage(placeholder, vBlock, 0, nil)), check: methods(256)},
	{name: "L02b", what: "the same when the breaker fires", want: "closed", attack: repeat(upwards, callMessage(placeholder, vBlock, 0, nil)), check: methods(256)},
	{name: "L03", what: "calls cancelled at once, methods that obey", want: "held",
		attack: repeat(upwards, callMessage(placeholder, vBlock, 0, nil), finishMessage(placeholder, true)), check: methods(256)},
	{name: "L04", what: "calls cancelled at once, methods that do not", want: "held", limits: slowBreaker,
		attack: repeat(upwards, callMessage(placeholder, vStubborn, 0, nil), finishMessage(placeholder, true)), check: methods(256)},
	{name: "L04b", what: "the same with 64 KiB each, beyond 1 MiB", want: "refused", limits: func(l *rpc.Limits) { l.CallBytes = 1 << 20 },
		attack: repeat(upwards, callMessage(placeholder, vStubborn, 0, withData(64<<10)), finishMessage(placeholder, true)), check: methods(256)},
	{name: "L05", what: "results that are never read", want: "closed", mute: true, attack: repeat(upwards, callMessage(placeholder, vBig, 100<<10, nil))},
	{name: "L05b", what: "unknown messages, echoes never read", want: "closed", mute: true, attack: repeat(upwards, unknownMessage(200))},
	{name: "L05c", what: "Disembargoes, echoes never read", want: "closed", mute: true, attack: repeat(upwards, disembargoMessage(0))},
	{name: "L05d", what: "calls that give capabilities, Releases never read", want: "closed", mute: true,
		attack: repeat(sparse, callMessage(placeholder, vEcho, 0, withCap(func(d wire.CapDescriptorBuilder) { d.SetSenderHosted(placeholder) })))},
	{name: "L06", what: "8 bytes that announce 8 MiB, 300 connections", want: "closed", conns: 300, attack: func(a *attacker) {
		a.send([]byte{0, 0, 0, 0, 0, 0, 16, 0})
	}},
	{name: "L07", what: "a byte now and then, in header and body", want: "closed", conns: 8, attack: func(a *attacker) {
		b := callMessage(1, vEcho, 0, withData(1000))
		if a.n%2 == 1 { // the header is there
			if !a.send(bootstrapMessage(0)) || !a.send(b[:20]) {
				return
			}
			b = b[20:]
		}
		for _, x := range b {
			if !a.send([]byte{x}) || !a.sleep(50*time.Millisecond) {
				return
			}
		}
	}},
	{name: "L08", what: "messages with 100 000 capabilities", want: "closed", attack: func(a *attacker) {
		a.send(bootstrapMessage(0))
		a.send(callMessage(1, vEcho, 0, func(c wire.CallBuilder, p capnp.StructBuilder) {
			table := c.EditParams().NewCapTable(100_000)
			for i := range 100_000 {
				table.At(i).SetSenderHosted(uint32(i))
			}
		}))
	}},
	{name: "L09", what: "a new capability each call, never released", want: "held",
		attack: repeat(upwards, callMessage(placeholder, vCap, 0, nil), finishMessage(placeholder, false))},
	{name: "L09b", what: "the same beyond the limit of exports", want: "refused", limits: func(l *rpc.Limits) { l.Exports = 100 },
		attack: repeat(upwards, callMessage(placeholder, vCap, 0, nil), finishMessage(placeholder, false))},
	{name: "L10", what: "a stream without flow control", want: "held", attack: repeat(upwards, callMessage(placeholder, vWrite, 0, withData(64<<10)))},
	{name: "L10b", what: "a stream of nothing, never acknowledged", want: "closed", mute: true, attack: repeat(upwards, callMessage(placeholder, vWrite, 0, nil))},
	{name: "L11", what: "calls that call back, never answered", want: "closed", attack: repeat(upwards,
		callMessage(placeholder, vCallBack, 0, withCap(func(d wire.CapDescriptorBuilder) { d.SetSenderHosted(7) }))), check: methods(256)},
	{name: "L12", what: "promises, never resolved", want: "closed", attack: repeat(upwards,
		callMessage(placeholder, vStubborn, 0, withCap(func(d wire.CapDescriptorBuilder) { d.SetSenderPromise(placeholder) })))},
	{name: "L12b", what: "Disembargoes on a promise that is never kept", want: "closed", attack: func(a *attacker) {
		if a.send(bootstrapMessage(0)) && a.send(callMessage(1, vPromise, 0, nil)) {
			for t := templateOf(disembargoMessage(1)); a.add(t.with(9)); {
			}
		}
	}},
	{name: "L12c", what: "paths into the results of one call", want: "refused", attack: func(a *attacker) {
		if !a.send(bootstrapMessage(0)) || !a.send(callMessage(1, vStubborn, 0, nil)) {
			return
		}
		for n := uint32(2); ; n++ {
			b := callMessage(n, vEcho, 0, func(c wire.CallBuilder, _ capnp.StructBuilder) {
				p := c.NewTarget().NewPromisedAnswer()
				p.SetQuestionId(1)
				ops := p.NewTransform(16)
				for i := range 16 {
					ops.At(i).SetGetPointerField(uint16(n >> (i % 4 * 4)))
				}
			})
			if !a.add(b, finishMessage(n, true)) {
				return
			}
		}
	}},
	{name: "L13", what: "errors with 256 KiB of text", want: "held", attack: func(a *attacker) {
		a.mu.Lock()
		a.answer = func(m wire.Message) []byte {
			if m.Which() != wire.MessageWhichCall {
				return nil
			}
			return message(func(b wire.MessageBuilder) {
				r := b.NewReturn()
				r.SetAnswerId(m.Call().QuestionId())
				x := r.NewException()
				x.SetReason(string(bytes.Repeat([]byte("a"), 256<<10)))
				x.SetTrace(string(bytes.Repeat([]byte("b"), 256<<10)))
			})
		}
		a.mu.Unlock()
		a.send(bootstrapMessage(0))
		for n := uint32(1); a.send(callMessage(n, vCallBack, 0, withCap(func(d wire.CapDescriptorBuilder) { d.SetSenderHosted(7) }))) && a.sleep(100*time.Millisecond); n++ {
			a.sent.Add(512 << 10)
		}
	}, check: func(t *testing.T, s *site) {
		s.v.mu.Lock()
		defer s.v.mu.Unlock()
		if n := s.v.longest; n < 8<<10 || n > 8<<10+64 {
			t.Errorf("the longest error has %d bytes, want about 8 KiB", n)
		}
	}},
	{name: "L14", what: "an error each message", want: "held", attack: repeat(upwards, callMessage(placeholder, 99, 0, nil), finishMessage(placeholder, true)),
		check: func(t *testing.T, s *site) {
			if n := s.log.lines.Load(); n > 100 {
				t.Errorf("%d lines were logged for %d errors", n, s.failed.Load())
			}
		}},
	{name: "L15", what: "numbers chosen to be far apart, or to collide", want: "held", attack: repeat(sparse,
		callMessage(placeholder, vEcho, 0, withCap(func(d wire.CapDescriptorBuilder) { d.SetSenderHosted(placeholder) })), finishMessage(placeholder, true))},
	{name: "L16", what: "small messages that look large", want: "closed", attack: func(a *attacker) {
		if !a.send(bootstrapMessage(0)) {
			return
		}
		t := templateOf(callMessage(placeholder, vEcho, 0, func(_ wire.CallBuilder, p capnp.StructBuilder) {
			capnp.NewFieldList[struct{}](p, 0, capnp.KindVoid, 1<<29-1)
		}))
		for n := uint32(1); a.add(t.with(n), finishMessage(n, true)); n++ {
		}
	}},
	{name: "L17", what: "300 connections that do nothing", want: "held", conns: 300, limits: func(l *rpc.Limits) { l.FirstMessage, l.MessageTime = 0, 0 }, attack: func(a *attacker) {
		a.send(bootstrapMessage(0))
		a.send(finishMessage(0, true))
	}, check: func(t *testing.T, s *site) {
		if n := s.closed.Load(); n != 0 {
			t.Errorf("%d were closed", n)
		}
	}},
	{name: "L18", what: "256 KiB in each call, with little memory", want: "closed", conns: 4,
		limits: func(l *rpc.Limits) { l.ServerBytes = 3 << 20; slowBreaker(l) }, memory: 96 << 20,
		attack: repeat(upwards, callMessage(placeholder, vBlock, 0, withData(256<<10)))},
}

func slowBreaker(l *rpc.Limits) { l.BreakAfter = 5 * time.Second }

func methods(most int64) func(t *testing.T, s *site) {
	return func(t *testing.T, s *site) {
		if n := s.v.most.Load(); n > most+1 { // the honest client has one
			t.Errorf("%d methods ran at a time, want at most %d", n, most)
		}
	}
}

// unknownMessage is a message of a kind that nobody knows, with n bytes in it.
func unknownMessage(n int) []byte {
	return message(func(m wire.MessageBuilder) {
		b := capnp.StructBuilder(m)
		b.NewData(0, n)
		b.SetUint16(0, 4711)
	})
}

// disembargoMessage is a Disembargo for the capability in the results of a question.
func disembargoMessage(question uint32) []byte {
	return message(func(m wire.MessageBuilder) {
		d := m.NewDisembargo()
		p := d.NewTarget().NewPromisedAnswer()
		p.SetQuestionId(question)
		if question > 0 {
			p.NewTransform(1).At(0).SetGetPointerField(0)
		}
		d.EditContext().SetSenderLoopback(placeholder)
	})
}
