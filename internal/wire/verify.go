package wire

// Verify walks everything the root leads to, counts it against the traversal limit once, and makes every later
// reader of the message free of counting. It finds broken structure, not wrong types: what kind of object an
// accessor expects it cannot know. The result is the message's first defect.
func (m *Message) Verify() error {
	if m.left.Load() >= unlimited {
		return m.Err()
	}
	m.verifyPtr(m.Root())
	if err := m.Err(); err != nil {
		return err
	}
	m.left.Store(unlimited)
	return nil
}

// Verified tells whether Verify succeeded, or the message was built here.
func (m *Message) Verified() bool { return m.left.Load() >= unlimited && m.err.Load() == nil }

// verifyPtr returns at the first defect. The recursion ends with the depth limit.
func (m *Message) verifyPtr(p Ptr) {
	w := p.word()
	if w == 0 {
		return
	}
	if w&3 == kindOtherPtr {
		if !isCap(w) {
			m.fail(errPointerKind)
		}
		return
	}
	o, ok := follow(p.slot(), p.seg, w)
	if !ok {
		return
	}
	if o.tag&3 == kindStructPtr {
		m.verifyPtrs(structAt(o.tag, o.seg, o.pos, p.meta))
		return
	}
	l := listAt(o, p.meta)
	if l.meta.ptrs() == 0 {
		return
	}
	for i := range l.Len() {
		if m.verifyPtrs(l.Struct(i)); m.err.Load() != nil {
			return
		}
	}
}

func (m *Message) verifyPtrs(s Struct) {
	for i := range s.meta.ptrs() {
		if m.verifyPtr(s.Ptr(i)); m.err.Load() != nil {
			return
		}
	}
}
