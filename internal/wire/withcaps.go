package wire

// WithCaps is the same pointer in a message of its own, which shares p's memory and has another capability table.
// What the traversal limit has left is shared out anew: the new message is as verified as p's.
func (p Ptr) WithCaps(t CapTable) Ptr {
	if p.seg == nil {
		return Ptr{}
	}
	old := p.seg.msg
	m := &Message{depth: old.depth, caps: t}
	m.left.Store(old.left.Load())
	m.err.Store(old.err.Load())
	m.seg0 = segment{old.seg0.base, old.seg0.n, m}
	seg := &m.seg0
	if len(old.more) > 0 {
		m.more = make([]segment, len(old.more))
		for i, s := range old.more {
			m.more[i] = segment{s.base, s.n, m}
			if p.seg == &old.more[i] {
				seg = &m.more[i]
			}
		}
	}
	return Ptr{p.p, seg, p.meta}
}
