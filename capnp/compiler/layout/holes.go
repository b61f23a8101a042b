package layout

// holes is the free room inside what is already in use: at most one hole of
// each size from one bit to half a word.
//
// Invariant: holes[lg] is the offset of the hole of size 2^lg in units of that
// size, or 0 for none. Offset 0 itself is never free: what is allocated first
// goes there. At most one hole a size suffices because taking room from a
// larger hole leaves one hole of each size in between, and the smallest hole
// that fits was chosen, so there was none of those sizes before.
type holes [EightBytes]uint32

// take removes and returns room of size lg from the smallest hole that has it.
func (h *holes) take(lg Size) (off uint32, ok bool) {
	if lg >= EightBytes {
		return 0, false
	}
	if off := h[lg]; off != 0 {
		h[lg] = 0
		return off, true
	}
	off, ok = h.take(lg + 1)
	if !ok {
		return 0, false
	}
	h[lg] = off*2 + 1
	return off * 2, true
}

// addAfter adds what remains of a room of size limit whose beginning, up to
// off in units of lg, has been allocated: one hole of each size.
func (h *holes) addAfter(lg Size, off uint32, limit Size) {
	for ; lg < limit; lg++ {
		h[lg] = off
		off = (off + 1) / 2
	}
}

// expand consumes the holes directly behind the room at off so that it becomes
// 2^by times as large, or changes nothing.
func (h *holes) expand(lg Size, off uint32, by Size) bool {
	if by == 0 {
		return true
	}
	if lg >= EightBytes || h[lg] != off+1 {
		return false
	}
	if !h.expand(lg+1, off>>1, by-1) {
		return false
	}
	h[lg] = 0
	return true
}

// smallest is the size of the smallest hole that has room for lg.
func (h *holes) smallest(lg Size) (Size, bool) {
	for ; lg < EightBytes; lg++ {
		if h[lg] != 0 {
			return lg, true
		}
	}
	return 0, false
}
