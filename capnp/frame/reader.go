package frame

import (
	"fmt"
	"io"

	"lanyard.dev/capnp"
)

// Reader takes messages from a stream. Each gets memory of its own and, but for rounding, of its size, so that a view
// that is kept keeps nothing but its message; and that memory grows with the bytes that have come, not with those that were
// announced.
//
// After an error other than io.EOF every further Read returns the same error: there is no way back into the stream.
type Reader struct {
	src    io.Reader
	limits *Limits
	err    error // of Read, for ever
	late   error // of the stream, for when the buffer is empty

	buf        []byte
	start, end int // of what is in buf
	most       int // that buf may grow to
	large      int // messages ago there was one that did not fit: then the buffer stays small

	table []byte // scratch
}

const (
	readBuffer  = 8 << 10
	firstBuffer = 4 << 10

	smallMessage = 1 << 10 // up to here a message comes with its memory in one piece

	largeRun = 8 // small messages, tables too, before the buffer grows again

	announced = 64 << 10 // so much memory is made for a message of which nothing has come
)

// NewReader returns a reader with a buffer of its own. Nil limits mean the defaults.
func NewReader(r io.Reader, limits *Limits) *Reader {
	return NewReaderSize(r, limits, readBuffer)
}

// NewReaderSize is NewReader with a buffer that may grow, with what the stream brings at a time, to the given size.
func NewReaderSize(r io.Reader, limits *Limits, size int) *Reader {
	return &Reader{src: r, limits: limits, most: max(size, 16)}
}

// Buffered returns how many bytes can be read without asking the stream.
func (r *Reader) Buffered() int { return r.end - r.start }

// Ready reports whether Read has all that it needs in the buffer: a whole message, or an error.
func (r *Reader) Ready() bool {
	if r.err != nil {
		return true
	}
	size, known, err := r.next()
	return err != nil || known && int64(r.Buffered()) >= size
}

// Fits reports whether the next message has room in the buffer, so that Fill can be called until Ready. It does as long as
// nobody knows.
func (r *Reader) Fits() bool {
	size, _, err := r.next()
	return err != nil || size <= int64(r.most)
}

// next returns the size of the next message with its table, once known; before that, how much is needed to know.
func (r *Reader) next() (size int64, known bool, err error) {
	b := r.buf[r.start:r.end]
	n, err := tableSize(b, r.limits)
	if err != nil || len(b) < n {
		return int64(n), false, err
	}
	t, err := parseTable(b, r.limits)
	return int64(t.size) + t.total, true, err
}

// Fill asks the stream once for more bytes. An error of the stream, a passed deadline for example, loses nothing that came
// before. At most one goroutine may read at a time.
func (r *Reader) Fill() error {
	if err := r.late; err != nil {
		r.late = nil
		return err
	}
	r.makeRoom()
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			r.late = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom makes room for a Fill. The buffer doubles when what came at a time has filled it.
func (r *Reader) makeRoom() {
	size := len(r.buf)
	switch {
	case size == 0, r.large > 0 && r.start == r.end:
		size = min(firstBuffer, r.most)
	case r.end < size && r.start < r.end:
		return
	case r.end == size && r.large == 0:
		size = min(2*size, r.most)
	}
	if want, _, _ := r.next(); want > int64(size) {
		size = int(min(want, int64(r.most)))
	}
	b := r.buf
	if size != len(b) {
		b = make([]byte, size)
	}
	r.end = copy(b, r.buf[r.start:r.end])
	r.buf, r.start = b, 0
}

// Read returns the next message. At the end of the stream, between messages, the error is io.EOF.
func (r *Reader) Read() (*capnp.Message, error) {
	if r.err != nil {
		return nil, r.err
	}
	m, err := r.read()
	if err != nil {
		r.err = err
	}
	return m, err
}

// await makes the buffer hold at least n bytes.
func (r *Reader) await(n int) error {
	for r.Buffered() < n {
		if err := r.Fill(); err != nil {
			if r.Buffered() == 0 && r.err == nil {
				return err
			}
			return cut(err, int64(r.Buffered()), int64(n))
		}
	}
	return nil
}

func (r *Reader) read() (*capnp.Message, error) {
	if err := r.await(8); err != nil {
		return nil, err
	}
	n, err := tableSize(r.buf[r.start:r.end], r.limits)
	if err != nil {
		return nil, err
	}
	if r.table, err = r.take(r.table[:0], int64(n)); err != nil {
		return nil, err
	}
	t, err := parseTable(r.table, r.limits)
	if err != nil {
		return nil, err
	}
	if t.count == 1 && t.total <= smallMessage {
		if t.total > 0 && int(t.total) <= r.most {
			if err := r.await(int(t.total)); err != nil {
				return nil, cut(err, int64(r.Buffered()), t.total)
			}
		}
		m, b := capnp.ReceiveMessage(int(t.total), r.limits.message())
		_, err := r.take(b[:0], t.total)
		return m, err
	}
	body, err := r.take(nil, t.total)
	if err != nil {
		return nil, err
	}
	return capnp.OpenMessage(t.cut(r.table, body), r.limits.message()), nil
}

// take appends total bytes of the stream to b, which is empty. Memory is made for what has come and some more at first;
// beyond, it becomes four times as much as it fills.
func (r *Reader) take(b []byte, total int64) ([]byte, error) {
	have := r.buf[r.start:r.end]
	if int64(len(have)) >= total {
		r.large -= min(r.large, 1)
		r.start += int(total)
		return append(b, have[:total]...), nil // memory that is not cleared first
	}
	if int64(cap(b)) < total {
		b = make([]byte, 0, min(total, int64(2*len(have)+announced)))
	}
	// What comes next is likely to be as large and should not be copied through the buffer.
	r.large = largeRun
	b = append(b, have...)
	r.start = r.end
	for int64(len(b)) < total {
		if len(b) == cap(b) {
			more := make([]byte, len(b), min(total, 4*int64(len(b))))
			copy(more, b)
			b = more
		}
		n, err := r.fetch(b[len(b):min(total, int64(cap(b)))])
		b = b[:len(b)+n]
		if err != nil {
			return nil, cut(err, int64(len(b)), total)
		}
	}
	return b, nil
}

// fetch fills b from the stream, past the buffer, which is empty.
func (r *Reader) fetch(b []byte) (int, error) {
	if r.late != nil {
		return 0, r.late
	}
	return io.ReadFull(r.src, b)
}

// short tells that input ends within a message.
func short(have, want int64) error {
	return fmt.Errorf("frame: message truncated at byte %d of %d: %w", have, want, io.ErrUnexpectedEOF)
}

// cut is short for an error from a stream, of which only the end is the message's fault.
func cut(err error, have, want int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return short(have, want)
	}
	return err
}
