package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

// fuzzLimits are small, so that they are reached.
var fuzzLimits = Limits{Answers: 12, Questions: 12, Exports: 8, Imports: 8, Embargoes: 3, Caps: 4, Ops: 3}

// FuzzReceive feeds an engine with whatever messages a hostile peer could think of, mixed with what
// the application does: it must never panic, hold more than its limits allow, or keep anything
// once it is closed.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x02\x01\x01\x00\x14\x00\x15\x02\x03\x00"))
	f.Add([]byte("\x00\x00\x01\x01\x01\x00\x02\x01\x00\x02\x00\x14\x00\x02\x16\x00\x00\x17\x00\x18"))
	f.Add([]byte("\x10\x02\x00\x00\x01\x01\x00\x16\x01\x11\x03\x00\x02\x03\x04\x05\x06\x07\x08\x09"))
	f.Fuzz(beHostile)
}

// TestReceiveRandom is FuzzReceive with random input.
func TestReceiveRandom(t *testing.T) {
	n := schedules(t, 20000)
	for seed := range n {
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		data := make([]byte, 20+rng.IntN(300))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if beHostile(t, data); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func beHostile(t *testing.T, data []byte) {
	h := &hostile{in: data, v: &vat{name: "a"}}
	h.v.e = New(h.v, fuzzLimits)
	if testing.Verbose() {
		var log strings.Builder
		h.v.trace = &log
		defer func() {
			if t.Failed() {
				t.Log("\n" + log.String())
			}
		}()
	}
	for i := range 3 {
		h.objects = append(h.objects, &object{name: fmt.Sprint("o", i)})
	}
	h.v.boot = h.objects[0]
	for len(h.in) > 0 && h.v.closed == nil {
		h.act()
		h.v.out = nil
		s := h.v.e.Stats()
		if s.Answers > fuzzLimits.Answers || s.Questions > fuzzLimits.Questions || s.Exports > fuzzLimits.Exports ||
			s.Imports > fuzzLimits.Imports || s.Embargoes > fuzzLimits.Embargoes {
			t.Fatalf("the tables are too large: %+v", s)
		}
	}
	h.end(t)
}

// hostile turns bytes into messages and actions.
type hostile struct {
	in       []byte
	v        *vat
	objects  []*object
	clients  []capnp.Client
	promises []capnp.Promise[capnp.Struct]
	resolver []*capnp.Resolver[anyClient]
}

func (h *hostile) byte() byte {
	if len(h.in) == 0 {
		return 0
	}
	b := h.in[0]
	h.in = h.in[1:]
	return b
}

func (h *hostile) id() uint32 {
	switch b := h.byte(); {
	case b < 0xf0:
		return uint32(b % 8)
	case b < 0xf8:
		return 1<<31 + uint32(b%8)
	case b < 0xfc:
		return 1<<30 + uint32(b%4)
	default:
		return ^uint32(0) - uint32(b%4)
	}
}

func (h *hostile) path() (out []uint16) {
	for range h.byte() % 5 {
		out = append(out, uint16(h.byte()%3))
	}
	return out
}

// one of the given ids, or now and then any: a peer that is always wrong does not get far.
func (h *hostile) one(ids ...uint32) uint32 {
	if b := h.byte(); len(ids) > 0 && b < 0xf8 {
		return ids[int(b)%len(ids)]
	}
	return h.id()
}

// sensible reports whether there is something that a message of this type could be about.
func (h *hostile) sensible(t Type) bool {
	switch t {
	case Return:
		return len(h.questions()) > 0
	case Release, Call:
		return len(h.exports()) > 0
	case Disembargo:
		return h.v.e.embargoes.len() > 0 || h.byte() < 0x20
	}
	return true
}

func (h *hostile) questions() (ids []uint32) {
	for _, q := range h.v.e.questions.all() {
		ids = append(ids, q.id)
	}
	return append(ids, slices.Sorted(maps.Keys(h.v.e.high))...)
}

func (h *hostile) answers() []uint32 { return slices.Sorted(maps.Keys(h.v.e.answers)) }

func (h *hostile) exports() (ids []uint32) {
	for _, x := range h.v.e.exports.all() {
		ids = append(ids, x.id)
	}
	return ids
}

func (h *hostile) target() Target {
	switch b := h.byte() % 8; {
	case b < 3 || b < 7 && len(h.answers()) == 0:
		return Target{Kind: ImportedCap, ID: h.one(h.exports()...)}
	case b < 7:
		return Target{Kind: PromisedAnswer, ID: h.one(h.answers()...), Path: h.path()}
	}
	return Target{Kind: TargetKind(h.byte() % 3), ID: h.id(), Path: h.path()}
}

func (h *hostile) caps() (out []Descriptor) {
	for range h.byte() % 5 {
		d := Descriptor{Kind: DescriptorKind(h.byte() % 7)}
		switch d.Kind {
		case ReceiverHosted:
			d.ID = h.one(h.exports()...)
		case ReceiverAnswer:
			d.ID, d.Path = h.one(h.answers()...), h.path()
		default:
			d.ID = h.id()
		}
		out = append(out, d)
	}
	return out
}

func (h *hostile) exception() *capnp.Exception {
	if h.byte()%4 == 0 {
		return nil
	}
	return capnp.NewError(capnp.Kind(h.byte()), "hostile")
}

func (h *hostile) message() *Message {
	b := h.byte()
	m := &Message{Type: Type(h.byte() % 14)}
	switch m.Type {
	case Abort: // the end, too soon
		if h.byte() < 0xf0 {
			m.Type = Call
		}
	case Provide, Accept, Join, Unknown:
		if h.byte() < 0xe0 {
			m.Type = Return
		}
	}
	if h.byte() < 0xf0 && !h.sensible(m.Type) {
		m.Type = Bootstrap
		if len(h.exports()) > 0 {
			m.Type = Call
		}
	}
	switch m.Type {
	case Return:
		m.ID = h.one(h.questions()...)
	case Finish:
		m.ID = h.one(h.answers()...)
	case Release:
		m.ID = h.one(h.exports()...)
	case Resolve:
		m.ID = h.one(slices.Sorted(maps.Keys(h.v.e.imports))...)
	case Call, Bootstrap:
		used := h.v.e.answers
		for m.ID = h.id(); used[m.ID] != nil && h.byte() > 0x10; {
			m.ID++
		}
	default:
		m.ID = h.id()
	}
	switch m.Type {
	case Call, Disembargo:
		m.Target = h.target()
		m.Context = DisembargoContext(b % 4)
		if h.v.e.embargoes.len() > 0 && m.Type == Disembargo && b < 0xf0 {
			m.Context, m.ID = ReceiverLoopback, h.v.e.embargoes.all()[0].embargoID
		}
		m.SendResultsTo = SendResultsTo(b / 4 % 3)
		m.NoPipelining, m.OnlyPipeline = b&16 != 0, b&32 != 0
	case Return:
		m.Outcome = Outcome(b % 7)
		if q, ok := h.v.e.questions.get(m.ID); ok && q.last.tail() && b > 0x20 {
			m.Outcome = ResultsSentElsewhere
		} else if b > 0x40 && m.Outcome >= Canceled {
			m.Outcome = Results
		}
		m.Other = h.one(h.answers()...)
		m.ReleaseParamCaps, m.NoFinishNeeded = b&16 != 0, b&32 != 0
	case Finish:
		m.ReleaseResultCaps, m.EarlyCancelBug = b&1 != 0, b&2 != 0
	case Resolve:
		m.Outcome = Outcome(b % 3)
	case Release:
		if m.Count = 1; h.byte() > 0xe0 {
			m.Count = h.id()
		}
	case Unimplemented:
		if len(h.in) > 0 && b&1 != 0 {
			m.Inner = h.message()
		}
	}
	switch m.Type {
	case Call, Return, Resolve:
		m.Caps = h.caps()
		if b&64 == 0 {
			m.Payload = rawPayload(min(len(m.Caps), 3))
		}
	}
	// The codec always gives these an exception.
	if m.Type == Abort || m.Type == Return && m.Outcome == Exception {
		m.Exception = capnp.NewError(capnp.Kind(h.byte()), "hostile")
	} else if m.Type == Resolve {
		m.Exception = h.exception()
	}
	return m
}

func choose[T any](h *hostile, s []T) (x T, ok bool) {
	if len(s) == 0 {
		return x, false
	}
	return s[int(h.byte())%len(s)], true
}

func (h *hostile) act() {
	op := h.byte()
	if h.v.trace != nil {
		fmt.Fprintf(h.v.trace, "a: action %d %x\n", op%25, h.in[:min(4, len(h.in))])
	}
	switch op % 25 {
	case 16:
		h.clients = append(h.clients, h.v.bootstrap())
	case 17:
		if c, ok := choose(h, h.clients); ok {
			p, _ := choose(h, h.clients)
			ctx := context.Background()
			var last *capnp.Call
			switch h.byte() % 4 {
			case 0:
				ctx = capnp.PipelineOnly(ctx)
			case 1:
				if o, _ := choose(h, h.objects); len(o.calls) > 0 {
					last = o.calls[0]
					ctx = context.WithoutCancel(last.TailContext())
				}
			}
			promise := send(ctx, c, 1, p)
			h.promises = append(h.promises, promise)
			if last != nil && h.byte()%4 > 0 {
				h.tail(promise)
			}
		}
	case 18:
		if p, ok := choose(h, h.promises); ok {
			h.clients = append(h.clients, capnp.PipelineClient(p, uint16(h.byte()%3)))
		}
	case 19:
		if o, _ := choose(h, h.objects); len(o.calls) > 0 {
			c := o.calls[0].ParamsStruct().Client(uint16(h.byte() % 3))
			h.clients = append(h.clients, c)
		}
	case 20:
		if o, _ := choose(h, h.objects); len(o.calls) > 0 {
			var hooks []capnp.Hook
			for range h.byte() % 3 {
				if c, ok := choose(h, h.clients); ok {
					hooks = append(hooks, capnp.HookOf(c))
				} else {
					hooks = append(hooks, h.objects[1])
				}
			}
			c := o.calls[0]
			o.calls = o.calls[1:]
			returns(c, hooks...)
		}
	case 24:
		if p, ok := choose(h, h.promises); ok {
			h.tail(p)
		}
	case 21:
		c, r := capnp.NewPromise[anyClient]()
		h.clients, h.resolver = append(h.clients, c.Client), append(h.resolver, r)
	case 22:
		if r, ok := choose(h, h.resolver); ok {
			c, _ := choose(h, h.clients)
			r.Resolve(anyClient{c})
		}
	case 23:
		switch b := h.byte(); b % 3 {
		case 0:
			if c, ok := choose(h, h.clients); ok {
				c.Release()
			}
		case 1:
			if p, ok := choose(h, h.promises); ok {
				p.Release()
			}
		case 2:
			h.clients = append(h.clients, capnp.NewClient(h.objects[2]))
		}
	default:
		m := h.message()
		if h.v.trace != nil {
			fmt.Fprintf(h.v.trace, "a receives %s\n", describe(m))
		}
		h.v.do(Receive(m))
	}
}

// tail ends a call as another one, if that is allowed.
func (h *hostile) tail(p capnp.Promise[capnp.Struct]) {
	if o, _ := choose(h, h.objects); len(o.calls) > 0 {
		c := o.calls[0]
		if c.Tail(p) != nil {
			return
		}
		o.calls = o.calls[1:]
		turn(func(t *capnp.Turn) { c.Payload().Release(t) })
	}
}

// end closes the connection and lets everything go.
func (h *hostile) end(t *testing.T) {
	h.v.do(Close(errors.New("the end"), nil))
	for _, r := range h.resolver {
		r.Reject(errors.New("the end"))
	}
	for again := true; again; {
		again = false
		for _, o := range h.objects {
			for len(o.calls) > 0 {
				again = true
				c := o.calls[0]
				o.calls = o.calls[1:]
				returns(c)
			}
		}
	}
	// A call may have become its own target and wait for ever, until it is given up.
	for _, p := range h.promises {
		p.Release()
	}
	for _, c := range h.clients {
		c.Release()
	}
	for _, p := range h.promises {
		select {
		case <-p.Done():
		default:
			t.Error("a call never ended")
		}
	}
	if s := h.v.e.Stats(); s != (Stats{}) {
		t.Errorf("the tables hold %+v", s)
	}
	for _, o := range h.objects {
		if o.refs != 0 {
			t.Errorf("%s has %d references left", o.name, o.refs)
		}
	}
}
