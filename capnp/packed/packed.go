// Package packed compresses the zero bytes of messages (encoding.md, "Packing"). It works on whole words and knows
// nothing of messages; combine it with package capnp/frame. It is no general compression.
package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// ErrLength is the error for input that is not a whole number of words.
var ErrLength = errors.New("packed: not a whole number of words")

// maxRun is the largest number of further words that one tag covers.
const maxRun = 255

// Pack appends the packed form of src, a whole number of words, to dst. The last, incomplete word of any other src is
// left out.
func Pack(dst, src []byte) []byte {
	dst, _ = pack(dst, src, math.MaxInt)
	return dst
}

// pack is Pack until dst is longer than limit; it returns what of src is left.
func pack(dst, src []byte, limit int) (packed, rest []byte) {
	for len(src) >= 8 && len(dst) <= limit {
		w := binary.LittleEndian.Uint64(src)
		src = src[8:]
		tag := tagOf(w)
		dst = append(dst, tag)
		switch tag {
		case 0:
			n := 0
			for n < maxRun && len(src) >= 8*(n+1) && binary.LittleEndian.Uint64(src[8*n:]) == 0 {
				n++
			}
			dst = append(dst, byte(n))
			src = src[8*n:]
		case 0xff:
			dst = binary.LittleEndian.AppendUint64(dst, w)
			n := 0
			for n < maxRun && len(src) >= 8*(n+1) && dense(binary.LittleEndian.Uint64(src[8*n:])) {
				n++
			}
			dst = append(dst, byte(n))
			dst = append(dst, src[:8*n]...)
			src = src[8*n:]
		default:
			for ; w != 0; w >>= 8 {
				if b := byte(w); b != 0 {
					dst = append(dst, b)
				}
			}
		}
	}
	return dst, src
}

// tagOf has bit i set if byte i of w is not zero.
func tagOf(w uint64) byte {
	// Fold each byte onto its lowest bit, then gather the eight bits with one multiplication.
	w |= w >> 4
	w |= w >> 2
	w |= w >> 1
	return byte((w & 0x0101010101010101) * 0x0102040810204080 >> 56)
}

// dense tells a word with at most one zero byte, which is cheaper to copy than to pack.
func dense(w uint64) bool { return bits.OnesCount8(tagOf(w)) >= 7 }

// Unpack appends the unpacked form of src to dst. Two bytes can stand for 2 KiB: to bound the result ask
// UnpackedSize first, or use a Reader.
func Unpack(dst, src []byte) ([]byte, error) {
	for len(src) > 0 {
		tag := src[0]
		n := bits.OnesCount8(tag)
		if len(src) < 1+n {
			return dst, truncated()
		}
		dst = binary.LittleEndian.AppendUint64(dst, spread(tag, src[1:]))
		src = src[1+n:]
		if tag != 0 && tag != 0xff {
			continue
		}
		if len(src) == 0 {
			return dst, truncated()
		}
		run := 8 * int(src[0])
		src = src[1:]
		if tag == 0 {
			dst = append(dst, make([]byte, run)...)
			continue
		}
		if len(src) < run {
			return dst, truncated()
		}
		dst = append(dst, src[:run]...)
		src = src[run:]
	}
	return dst, nil
}

// spread is the word of a tag whose bytes are at the start of b.
func spread(tag byte, b []byte) (w uint64) {
	if tag == 0xff {
		return binary.LittleEndian.Uint64(b)
	}
	for i := 0; tag != 0; tag &= tag - 1 {
		w |= uint64(b[i]) << (8 * bits.TrailingZeros8(tag))
		i++
	}
	return w
}

// UnpackedSize returns how many bytes Unpack would append.
func UnpackedSize(src []byte) (int64, error) {
	size := int64(0)
	for len(src) > 0 {
		tag := src[0]
		skip := 1 + bits.OnesCount8(tag)
		size += 8
		if tag == 0 || tag == 0xff {
			if len(src) <= skip {
				return size, truncated()
			}
			run := 8 * int(src[skip])
			size += int64(run)
			if skip++; tag == 0xff {
				skip += run
			}
		}
		if len(src) < skip {
			return size, truncated()
		}
		src = src[skip:]
	}
	return size, nil
}

func truncated() error { return fmt.Errorf("packed: truncated: %w", io.ErrUnexpectedEOF) }
