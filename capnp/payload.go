package capnp

import "lanyard.dev/internal/wire"

// Payload is a struct, or whatever pointer, on its way from one vat to another with the
// capabilities in it: parameters or results. It is either still a builder, made here, or the
// content of a message that was received. Copies of a Payload are one payload.
//
// A payload made here keeps its content behind a frame of two pointers, as Payload in rpc.capnp
// has them: the content, and room for a connection's own table. The frame stands in the message's
// reserve, where a connection adds the rest of its envelope, so that nothing is copied.
type Payload struct {
	b       *wire.MessageBuilder
	frame   wire.StructBuilder
	content wire.Ptr
}

// What is reserved for the envelope, in words: root pointer and frame; then in rpc.capnp Message,
// Call and MessageTarget, or Message and Return.
const (
	paramsReserve  = 1 + 2 + 2 + 6 + 2
	resultsReserve = 1 + 2 + 2 + 3
)

var frameSize = wire.Size{Pointers: 2}

// assembly is what a payload made here consists of, in one allocation: the builder, its first
// segment, its capability table.
type assembly struct {
	builder wire.MessageBuilder
	table   capTable
	memory  [48 * 8]byte
}

func newFrame(reserve int) Payload {
	a := &assembly{}
	b := &a.builder
	wire.InitBuilder(b, wire.BuilderOptions{Reserve: reserve}, a.memory[:])
	a.table.refs = &a.table.own
	b.SetCaps(&a.table)
	b.BeginReserve()
	f := b.Root().NewStruct(frameSize)
	b.EndReserve()
	return Payload{b: b, frame: f}
}

// newPayload starts a payload whose content is a struct of the given size.
func newPayload(size StructSize, reserve int) (Payload, StructBuilder) {
	p := newFrame(reserve)
	return p, StructBuilder(p.frame.Ptr(0).NewStruct(wire.Size(size)))
}

// NewPayload starts a payload and returns the struct to fill.
func NewPayload(size StructSize) (Payload, StructBuilder) { return newPayload(size, paramsReserve) }

// CapPayload makes a payload whose content is one capability, as a bootstrap result is. It takes
// over the reference.
func CapPayload(h Hook) Payload {
	p := newFrame(resultsReserve)
	p.frame.Ptr(0).SetCap(p.table().add(h))
	return p
}

// ReceivedPayload makes a payload of content within a received message.
func ReceivedPayload(content Ptr) Payload { return Payload{content: wire.Ptr(content)} }

// SetHooks gives a received payload its capabilities; it takes over the references.
func (p *Payload) SetHooks(hooks []Hook) {
	if len(hooks) == 0 || p.b != nil {
		return
	}
	if p.content.Message() == nil { // no content, but capabilities beside it: they need an owner
		p.content = wire.NewMessageBuilder(wire.BuilderOptions{}).Seal().Root()
	}
	p.content.Message().SetCaps(newCapTable(hooks))
}

// Frame returns the builder and the frame of a payload made here, for a connection to send; nil
// if the payload was received. A payload that was sent can still be read.
func (p *Payload) Frame() (*wire.MessageBuilder, wire.StructBuilder) { return p.b, p.frame }

// Content returns the content to read. The first call seals a payload that was made here: its
// builders then write nowhere.
func (p *Payload) Content() Ptr {
	if p.b != nil {
		if t := p.table(); t != nil {
			t.arm()
		}
		b := p.b
		p.b = nil
		p.content = b.Seal().Root().Struct().Ptr(0)
	}
	return Ptr(p.content)
}

// Peek returns the content as it is now, without sealing a payload that is being built.
func (p *Payload) Peek() Ptr { return Ptr(p.peek()) }

func (p *Payload) peek() wire.Ptr {
	if p.b != nil {
		return p.frame.Reader().Ptr(0)
	}
	return p.content
}

// Err returns what went wrong while the payload was built.
func (p *Payload) Err() error {
	if p.b != nil {
		return p.b.Err()
	}
	return nil
}

func (p *Payload) table() *capTable {
	if p.b != nil {
		t, _ := p.b.Caps().(*capTable)
		return t
	}
	if m := p.content.Message(); m != nil {
		t, _ := m.Caps().(*capTable)
		return t
	}
	return nil
}

// Hooks returns the capabilities that the payload carries, by table index. They are not retained
// for the caller.
func (p *Payload) Hooks() []Hook {
	if t := p.table(); t != nil {
		return t.list()
	}
	return nil
}

// HookAt returns the capability at a path of pointer fields, not retained.
func (p *Payload) HookAt(path []uint16) Hook {
	if t, i, ok := p.entryAt(path); ok {
		return t.hook(i)
	}
	return nullHook
}

// IndexAt returns the table index of the capability at a path.
func (p *Payload) IndexAt(path []uint16) (int, bool) {
	_, i, ok := p.entryAt(path)
	return i, ok
}

func (p *Payload) entryAt(path []uint16) (*capTable, int, bool) {
	ptr := p.peek()
	for _, i := range path {
		ptr = ptr.Struct().Ptr(i)
	}
	i, ok := ptr.CapIndex()
	t := p.table()
	if !ok || t == nil || int(i) >= t.len() {
		return nil, 0, false
	}
	return t, int(i), true
}

// WithHooks returns a payload with the same content and other capabilities in it, whose
// references it takes over. p's own stay p's.
func (p *Payload) WithHooks(hooks []Hook) Payload {
	p.Content()
	return Payload{content: p.content.WithCaps(newCapTable(hooks))}
}

// Map moves the content to another payload, in which f(h) stands for each capability h. f takes
// over one reference to h and returns one. p is empty afterwards: views of what it was made with
// read null, and what was taken out of it stays as it was; only where there are no capabilities
// do they live on, but none can be added. Nothing is copied, and what could be sent as it lies still can.
func (p *Payload) Map(f func(Hook) Hook) Payload {
	if p.b != nil {
		if t := p.table(); t != nil && t.closeEmpty() {
			old := *p
			*p = Payload{}
			return old
		}
	}
	var hooks []Hook
	if t := p.table(); t != nil {
		hooks = t.take()
		for i, h := range hooks {
			hooks[i] = f(h)
		}
	}
	old := *p
	*p = Payload{}
	switch {
	case old.b != nil:
		b := old.b.Detach()
		b.SetCaps(nil) // nobody can add capabilities any more
		if len(hooks) > 0 {
			b.SetCaps(newCapTable(hooks))
		}
		return Payload{b: b, frame: b.Renew(old.frame)}
	case len(hooks) > 0:
		return Payload{content: old.content.WithCaps(newCapTable(hooks))}
	}
	return old
}

// share returns the result for one more owner.
func (r *Result) share() Result {
	if r.Err != nil {
		return *r
	}
	hooks := r.Payload.Hooks()
	for _, h := range hooks {
		h.Retain()
	}
	return Result{Payload: r.Payload.WithHooks(hooks)}
}

// Size returns the bytes of the message that a received payload came in; 0 for others.
func (p *Payload) Size() int64 {
	if p.b != nil {
		return 0
	}
	m := p.content.Message()
	if m == nil {
		return 0
	}
	n := int64(0)
	for i := range m.NumSegments() {
		n += int64(len(m.Segment(i)))
	}
	return n
}

// Release gives back the capabilities that nobody has taken out.
func (p *Payload) Release(t *Turn) {
	if tab := p.table(); tab != nil {
		tab.releaseUnclaimed(t)
	}
}

// Drop is Release for those who may hold locks: see Turn.Drop.
func (p *Payload) Drop(t *Turn) {
	if tab := p.table(); tab != nil {
		t.drops = append(t.drops, tab.unclaimed()...)
	}
}
