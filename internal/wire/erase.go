package wire

import "unsafe"

// erase zeroes what pointer word w, which stood at byte slot of seg, leads to, with everything below. Zeros hide what
// the builder's owner took back, and pack to nothing. A pointer is cleared before it is followed, so shared objects
// and cycles (see PointTo) end the walk.
func (mb *MessageBuilder) erase(seg *builderSegment, slot uint32, w uint64) {
	if w&3 == kindOtherPtr {
		return
	}
	tag, s, pos, ok := mb.resolve(seg, slot, w)
	mb.erasePad(w)
	if !ok {
		return
	}
	switch tag & 3 {
	case kindStructPtr:
		mb.eraseStructs(s, pos, 1, structData(tag), structPtrs(tag))
	case kindListPtr:
		elem, count := listElem(tag), listCount(tag)
		switch elem {
		case elemComposite:
			if !s.holds(pos, wordBytes) {
				return
			}
			t := load64(s.at(uint32(pos)))
			store64(s.at(uint32(pos)), 0)
			mb.eraseStructs(s, pos+wordBytes, tagCount(t), structData(t), structPtrs(t))
		case elemPointer:
			mb.eraseStructs(s, pos, count, 0, 1)
		default:
			s.zero(pos, listBytes(elem, count))
		}
	}
}

// eraseStructs zeroes count structs in a row.
func (mb *MessageBuilder) eraseStructs(s *builderSegment, pos int64, count, data, ptrs uint32) {
	step := int64(data) + int64(ptrs)*wordBytes
	if step == 0 || !s.holds(pos, int64(count)*step) {
		return
	}
	if ptrs != 0 {
		for i := range int64(count) {
			for j := range int64(ptrs) {
				slot := uint32(pos + i*step + int64(data) + j*wordBytes)
				if w := load64(s.at(slot)); w != 0 {
					store64(s.at(slot), 0)
					mb.erase(s, slot, w)
				}
			}
		}
	}
	s.zero(pos, int64(count)*step)
}

// erasePad zeroes the landing pad of w, if that is a far pointer.
func (mb *MessageBuilder) erasePad(w uint64) {
	if w&3 != kindFarPtr {
		return
	}
	size := int64(wordBytes)
	if farDouble(w) {
		size = 2 * wordBytes
	}
	if s := mb.segment(farSegment(w)); s != nil {
		s.zero(farPos(w), size)
	}
}

func (s *builderSegment) zero(pos, size int64) {
	if size > 0 && s.holds(pos, size) {
		clear(unsafe.Slice((*byte)(s.at(uint32(pos))), size))
	}
}
