package wire

// Detach moves the message to a fresh header, which it returns. Every view made before becomes stale: it reads
// null, and writes to it are ignored and recorded as an error of the old header.
func (mb *MessageBuilder) Detach() *MessageBuilder {
	nb := &MessageBuilder{
		caps: mb.caps, options: mb.options, words: mb.words, capacity: mb.capacity,
		reserve: mb.reserve, reserved: mb.reserved, within: mb.within, pinned: mb.pinned, from: mb,
	}
	if d := mb.err.Load(); d != nil {
		nb.err.Store(d)
	}
	nb.seg0 = mb.seg0
	nb.seg0.msg = nb
	nb.more = make([]*builderSegment, len(mb.more))
	for i, s := range mb.more {
		c := *s
		c.msg = nb
		nb.more[i] = &c
	}
	mb.empty()
	return nb
}

// Renew gives a view made before Detach a new life in the message that Detach returned.
// For any other view the result is null.
func (mb *MessageBuilder) Renew(b StructBuilder) StructBuilder {
	if b.seg == nil || mb.from == nil || b.seg.msg != mb.from {
		return StructBuilder{}
	}
	return StructBuilder{mb.segment(b.seg.id), b.off, b.meta}
}

// Seal makes the memory a message without copying it. Views of the builder become stale as with Detach.
// The message is verified: we built it.
func (mb *MessageBuilder) Seal() *Message {
	m := mb.asMessage()
	if d := mb.err.Load(); d != nil {
		m.err.Store(d)
	}
	mb.empty()
	return m
}

// asMessage is a message over the memory as allocated now.
func (mb *MessageBuilder) asMessage() *Message {
	m := &Message{}
	m.init(Limits{})
	m.left.Store(unlimited)
	m.caps = mb.caps
	m.seg0 = segment{mb.seg0.base, mb.seg0.n, m}
	if len(mb.more) > 0 {
		m.more = make([]segment, len(mb.more))
		for i, s := range mb.more {
			m.more[i] = segment{s.base, s.n, m}
		}
	}
	return m
}

// empty gives up the memory. Bases stay, so that a racing stale write cannot mix old and new.
func (mb *MessageBuilder) empty() {
	mb.seg0.n = 0
	for _, s := range mb.more {
		s.n = 0
	}
	mb.snapshot = nil
}

// reader is a message that reads what has been built so far. It keeps up with changes inside objects, and is
// replaced once more memory was allocated.
func (mb *MessageBuilder) reader() *Message {
	mb.pinned = true
	if mb.snapshot == nil || mb.snapshotWords != mb.words {
		mb.snapshot, mb.snapshotWords = mb.asMessage(), mb.words
	}
	return mb.snapshot
}
