package tape

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// A view is a struct inside a frame. The zero view is the null struct: all its
// fields read as zero.
type view struct {
	f        *frame
	seg      int
	data     int // offset of the data section in the segment, in bytes
	dataSize int // bytes
	ptrs     int // number of pointers, right behind the data
}

// A frame is a message cut into its segments. They alias the bytes it was made
// from, so writing through a slot changes the message.
type frame struct{ segs [][]byte }

func parseFrame(b []byte) (*frame, error) {
	n := int(binary.LittleEndian.Uint32(b)) + 1
	f := &frame{}
	at := (n*4 + 4 + 7) &^ 7
	for i := range n {
		size := int(binary.LittleEndian.Uint32(b[4+4*i:])) * 8
		if at+size > len(b) {
			return nil, fmt.Errorf("segment %d is cut off", i)
		}
		f.segs = append(f.segs, b[at:at+size])
		at += size
	}
	return f, nil
}

func (f *frame) root() view { return f.structAt(0, 0) }

// word reads the word at a byte offset; zero beyond the end.
func (f *frame) word(seg, at int) uint64 {
	if seg >= len(f.segs) || at < 0 || at+8 > len(f.segs[seg]) {
		return 0
	}
	return binary.LittleEndian.Uint64(f.segs[seg][at:])
}

// resolve follows far pointers: it returns the pointer word and the place its
// offset counts from.
func (f *frame) resolve(seg, at int) (word uint64, toSeg, base int) {
	w := f.word(seg, at)
	if w&3 != 2 {
		return w, seg, at + 8
	}
	padSeg, pad := int(w>>32), int(w>>3&(1<<29-1))*8
	first := f.word(padSeg, pad)
	if w&4 == 0 {
		return first, padSeg, pad + 8
	}
	// Double far: the second word is the pointer, its offset that of the first.
	return f.word(padSeg, pad+8) &^ 0xfffffffc, int(first >> 32), int(first>>3&(1<<29-1)) * 8
}

func (f *frame) structAt(seg, at int) view {
	w, seg, base := f.resolve(seg, at)
	if w == 0 || w&3 != 0 {
		return view{}
	}
	v := view{f, seg, base + int(int32(w)>>2)*8, int(w>>32&0xffff) * 8, int(w >> 48)}
	if seg >= len(f.segs) || v.data < 0 || v.data+v.dataSize+8*v.ptrs > len(f.segs[seg]) {
		return view{}
	}
	return v
}

// A slot is the place of a 32-bit number in a frame; nil reads as zero.
type slot []byte

func (s slot) get() uint32 {
	if s == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(s)
}

func (s slot) set(n uint32) { binary.LittleEndian.PutUint32(s, n) }

func (v view) slot(at int) slot {
	if at+4 > v.dataSize {
		return nil
	}
	return slot(v.f.segs[v.seg][v.data+at:][:4])
}

func (v view) u32(at int) uint32 { return v.slot(at).get() }
func (v view) u16(at int) uint16 { return uint16(v.u32(at&^3) >> (8 * (at & 2))) }
func (v view) u64(at int) uint64 { return uint64(v.u32(at)) | uint64(v.u32(at+4))<<32 }
func (v view) bit(at int) bool   { return v.u32(at/32*4)>>(at%32)&1 != 0 }

// at is where pointer i stands; ok is false beyond the last.
func (v view) at(i int) (seg, at int, ok bool) {
	return v.seg, v.data + v.dataSize + 8*i, i < v.ptrs
}

func (v view) child(i int) view {
	seg, at, ok := v.at(i)
	if !ok {
		return view{}
	}
	return v.f.structAt(seg, at)
}

// structs is pointer i as a list of structs.
func (v view) structs(i int) []view {
	seg, at, ok := v.at(i)
	if !ok {
		return nil
	}
	w, seg, base := v.f.resolve(seg, at)
	start := base + int(int32(w)>>2)*8
	if w&3 != 1 || w>>32&7 != 7 || seg >= len(v.f.segs) || start < 0 {
		return nil
	}
	tag := v.f.word(seg, start)
	elem := view{f: v.f, seg: seg, data: start + 8, dataSize: int(tag>>32&0xffff) * 8, ptrs: int(tag >> 48)}
	var out []view
	for range uint32(tag) >> 2 {
		size := elem.dataSize + 8*elem.ptrs
		if elem.data+size > len(v.f.segs[seg]) {
			return nil
		}
		out = append(out, elem)
		elem.data += size
	}
	return out
}

// text is pointer i as text.
func (v view) text(i int) string {
	seg, at, ok := v.at(i)
	if !ok {
		return ""
	}
	w, seg, base := v.f.resolve(seg, at)
	start, n := base+int(int32(w)>>2)*8, int(w>>35)
	if w&3 != 1 || w>>32&7 != 2 || n == 0 || seg >= len(v.f.segs) || start < 0 || start+n > len(v.f.segs[seg]) {
		return ""
	}
	return string(v.f.segs[seg][start : start+n-1])
}

// dump writes what pointer i leads to, the same for every encoding of the same
// value. Capabilities are all alike: their ids are the sender's affair.
func (v view) dump(i int) string {
	var b strings.Builder
	if seg, at, ok := v.at(i); ok {
		v.f.dump(&b, seg, at, 0)
	}
	return b.String()
}

func (f *frame) dump(b *strings.Builder, seg, at, depth int) {
	w, seg, base := f.resolve(seg, at)
	switch {
	case w == 0:
		b.WriteByte('0')
	case depth > 32:
		b.WriteString("…")
	case w&3 == 3:
		b.WriteString("cap")
	case w&3 == 0:
		f.structAtBase(w, seg, base).dumpBody(b, depth)
	case w>>32&7 == 7:
		start := base + int(int32(w)>>2)*8
		tag := f.word(seg, start)
		elem := view{f: f, seg: seg, data: start + 8, dataSize: int(tag>>32&0xffff) * 8, ptrs: int(tag >> 48)}
		b.WriteByte('[')
		for range uint32(tag) >> 2 {
			elem.dumpBody(b, depth)
			elem.data += elem.dataSize + 8*elem.ptrs
		}
		b.WriteByte(']')
	case w>>32&7 == 6:
		start := base + int(int32(w)>>2)*8
		b.WriteByte('[')
		for i := range int(w >> 35) {
			f.dump(b, seg, start+8*i, depth+1)
		}
		b.WriteByte(']')
	default:
		bits := [...]int{0, 1, 8, 16, 32, 64}[w>>32&7] * int(w>>35)
		start := base + int(int32(w)>>2)*8
		end := start + (bits+7)/8
		if seg >= len(f.segs) || start < 0 || end > len(f.segs[seg]) {
			b.WriteString("[out of bounds]")
			return
		}
		fmt.Fprintf(b, "[%d:%x]", w>>35, f.segs[seg][start:end])
	}
}

func (f *frame) structAtBase(w uint64, seg, base int) view {
	return view{f, seg, base + int(int32(w)>>2)*8, int(w>>32&0xffff) * 8, int(w >> 48)}
}

func (v view) dumpBody(b *strings.Builder, depth int) {
	b.WriteByte('{')
	var words []string
	for at := 0; at < v.dataSize; at += 8 {
		words = append(words, fmt.Sprintf("%x", v.f.word(v.seg, v.data+at)))
	}
	b.WriteString(strings.Join(trimZeros(words), ","))
	var children []string
	for i := range v.ptrs {
		var child strings.Builder
		v.f.dump(&child, v.seg, v.data+v.dataSize+8*i, depth+1)
		children = append(children, child.String())
	}
	for _, c := range trimZeros(children) {
		b.WriteByte(' ')
		b.WriteString(c)
	}
	b.WriteByte('}')
}

// trimZeros cuts what an older or newer schema would leave out.
func trimZeros(s []string) []string {
	for len(s) > 0 && s[len(s)-1] == "0" {
		s = s[:len(s)-1]
	}
	return s
}
