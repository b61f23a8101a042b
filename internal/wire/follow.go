package wire

import "unsafe"

// object is where a pointer leads: the word that describes it, and its place, which is not yet checked.
type object struct {
	tag uint64
	seg *segment
	pos int64
}

// follow resolves pointer word w, stored at p, across far pointers. The tag it returns is a struct or list pointer,
// or whatever w was if that is not a far pointer.
func follow(p unsafe.Pointer, seg *segment, w uint64) (object, bool) {
	if w&3 != kindFarPtr {
		return object{w, seg, seg.pos(p) + wordBytes + ptrOffset(w)}, true
	}
	return followFar(seg, w)
}

//go:noinline
func followFar(seg *segment, w uint64) (object, bool) {
	m := seg.msg
	pad := m.segment(farSegment(w))
	if pad == nil {
		m.fail(errFarSegment)
		return object{}, false
	}
	size := int64(wordBytes)
	if farDouble(w) {
		size = 2 * wordBytes
	}
	pos := farPos(w)
	if !pad.holds(pos, size) {
		m.fail(errFarBounds)
		return object{}, false
	}
	p := unsafe.Add(pad.base, pos)
	tag := load64(p)
	o := object{tag, pad, pos + wordBytes + ptrOffset(tag)}
	if farDouble(w) {
		// The pad is a far pointer to the content, then a tag without an offset.
		if tag&7 != kindFarPtr {
			m.fail(errFarPad)
			return object{}, false
		}
		o = object{load64(unsafe.Add(p, wordBytes)), m.segment(farSegment(tag)), farPos(tag)}
		if o.seg == nil {
			m.fail(errFarSegment)
			return object{}, false
		}
	}
	if o.tag&2 != 0 {
		m.fail(errFarPad)
		return object{}, false
	}
	return o, true
}

// readStruct reads the pointer at p as a struct; m carries the depth.
func readStruct(p unsafe.Pointer, seg *segment, m meta) Struct {
	w := load64(p)
	if w == 0 {
		return Struct{}
	}
	if w&3 == kindStructPtr {
		return structAt(w, seg, seg.pos(p)+wordBytes+ptrOffset(w), m)
	}
	o, ok := follow(p, seg, w)
	if !ok {
		return Struct{}
	}
	if o.tag&3 != kindStructPtr {
		seg.msg.fail(errNotStruct)
		return Struct{}
	}
	return structAt(o.tag, o.seg, o.pos, m)
}

// structAt checks the struct that tag describes, at pos of seg.
func structAt(tag uint64, seg *segment, pos int64, m meta) Struct {
	data, ptrs := structData(tag), structPtrs(tag)
	size := int64(data) + int64(ptrs)*wordBytes
	switch {
	case size != 0 && !seg.holds(pos, size):
		seg.msg.fail(errStructBounds)
	case m.depth() == 0:
		seg.msg.fail(errDepth)
	case !seg.msg.charge(size / wordBytes):
		seg.msg.fail(errTraversal)
	default:
		return Struct{seg.at(pos, size), seg, sections(data, ptrs) | m&metaDepth - metaLevel}
	}
	return Struct{}
}

// readList reads the pointer at p as a list of k.
func readList(p unsafe.Pointer, seg *segment, m meta, k Kind) List {
	w := load64(p)
	if w == 0 {
		return List{}
	}
	o, ok := follow(p, seg, w)
	if !ok {
		return List{}
	}
	if o.tag&3 != kindListPtr {
		seg.msg.fail(errNotList)
		return List{}
	}
	l := listAt(o, m)
	if l.seg == nil {
		return List{}
	}
	if d := l.fits(k); d != nil {
		seg.msg.fail(d)
		return List{}
	}
	l.meta |= meta(k) << 56
	return l
}

// listAt checks the list that o describes. The list has no kind yet.
func listAt(o object, m meta) List {
	msg := o.seg.msg
	if m.depth() == 0 {
		msg.fail(errDepth)
		return List{}
	}
	depth := m&metaDepth - metaLevel
	elem, count := listElem(o.tag), listCount(o.tag)
	if elem == elemComposite {
		return compositeAt(o, depth, int64(count)*wordBytes)
	}
	size := listBytes(elem, count)
	if size != 0 && !o.seg.holds(o.pos, size) {
		msg.fail(errListBounds)
		return List{}
	}
	if elem == elemVoid {
		if !msg.charge(int64(count)) {
			msg.fail(errAmplified)
			return List{}
		}
	} else if !msg.charge(size / wordBytes) {
		msg.fail(errTraversal)
		return List{}
	}
	data, ptrs := elemDataBytes(elem), elemPtrs(elem)
	step := uint64(data + ptrs*wordBytes)
	return List{o.seg.at(o.pos, size), o.seg, sections(data, ptrs) | meta(elem)<<20 | depth, uint64(count) | step<<32}
}

// compositeAt checks a composite list of size bytes behind its tag.
func compositeAt(o object, depth meta, size int64) List {
	msg := o.seg.msg
	if !o.seg.holds(o.pos, wordBytes+size) {
		msg.fail(errListBounds)
		return List{}
	}
	tag := load64(unsafe.Add(o.seg.base, o.pos))
	if tag&3 != kindStructPtr {
		msg.fail(errListTag)
		return List{}
	}
	count, data, ptrs := tagCount(tag), structData(tag), structPtrs(tag)
	step := uint64(data + ptrs*wordBytes)
	if uint64(count)*step > uint64(size) {
		msg.fail(errListOverrun)
		return List{}
	}
	words := size/wordBytes + 1
	if step == 0 {
		words += int64(count) // elements that cost the sender nothing cost a word each
	}
	if !msg.charge(words) {
		if step == 0 {
			msg.fail(errAmplified)
		} else {
			msg.fail(errTraversal)
		}
		return List{}
	}
	at := o.seg.at(o.pos+wordBytes, size)
	return List{at, o.seg, sections(data, ptrs) | elemComposite<<20 | depth, uint64(count) | step<<32}
}

// readBytes reads the pointer at p as a list of bytes. Without ok it is null or bad.
func readBytes(p unsafe.Pointer, seg *segment) (b []byte, ok bool) {
	w := load64(p)
	if w == 0 {
		return nil, false
	}
	o, ok := follow(p, seg, w)
	if !ok {
		return nil, false
	}
	if o.tag&3 != kindListPtr || listElem(o.tag) != elemByte {
		seg.msg.fail(errNotBytes)
		return nil, false
	}
	n := listCount(o.tag)
	size := listBytes(elemByte, n)
	switch {
	case size != 0 && !o.seg.holds(o.pos, size):
		seg.msg.fail(errListBounds)
		return nil, false
	case !seg.msg.charge(size / wordBytes):
		seg.msg.fail(errTraversal)
		return nil, false
	}
	return o.seg.bytes(uint32(max(o.pos, 0)), n), true
}

// readText is readBytes without the final NUL.
func readText(p unsafe.Pointer, seg *segment) ([]byte, bool) {
	b, ok := readBytes(p, seg)
	if !ok {
		return nil, false
	}
	n := len(b)
	if n == 0 || b[n-1] != 0 {
		seg.msg.fail(errNoNUL)
		return nil, false
	}
	return b[: n-1 : n-1], true
}
