package packed

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/bits"
)

// Reader unpacks a stream. It holds one word and a run, however long the runs are.
//
// It reads ahead: what follows the packed data in the stream is lost to others unless it was given a *bufio.Reader.
type Reader struct {
	r    *bufio.Reader
	word [8]byte
	have int // bytes of word, at its end, that were not delivered
	zero int // bytes of zeros to come after word
	copy int // bytes to copy after word
	err  error
}

// NewReader returns a reader of what r holds packed.
func NewReader(r io.Reader) *Reader {
	b, ok := r.(*bufio.Reader)
	if !ok {
		b = bufio.NewReader(r)
	}
	return &Reader{r: b}
}

// Read implements io.Reader. The error at the end of the stream is io.EOF after a whole word and
// io.ErrUnexpectedEOF otherwise.
func (r *Reader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && r.err == nil {
		switch {
		case r.have > 0:
			k := copy(p[n:], r.word[8-r.have:])
			r.have -= k
			n += k
		case r.zero > 0:
			k := min(r.zero, len(p)-n)
			clear(p[n : n+k])
			r.zero -= k
			n += k
		case r.copy > 0:
			k, err := r.r.Read(p[n:min(len(p), n+r.copy)])
			r.copy -= k
			n += k
			r.fail(err, r.copy > 0)
		default:
			if n > 0 && r.r.Buffered() == 0 {
				return n, nil // rather than wait for more
			}
			r.next()
		}
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}

// next reads a tag and what belongs to it.
func (r *Reader) next() {
	tag, err := r.r.ReadByte()
	if err != nil {
		r.fail(err, false)
		return
	}
	size := bits.OnesCount8(tag)
	run := tag == 0 || tag == 0xff
	if run {
		size++
	}
	b, err := r.r.Peek(size)
	if err != nil {
		r.fail(err, true)
		return
	}
	binary.LittleEndian.PutUint64(r.word[:], spread(tag, b))
	r.have = 8
	if run {
		n := 8 * int(b[size-1])
		if tag == 0 {
			r.zero = n
		} else {
			r.copy = n
		}
	}
	r.r.Discard(size)
}

// fail keeps an error; within a word or run the end of the stream is unexpected.
func (r *Reader) fail(err error, within bool) {
	if err == io.EOF && within {
		err = truncated()
	}
	r.err = err
}
