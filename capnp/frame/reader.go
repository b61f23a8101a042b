package frame

import (
	"bufio"
	"errors"
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
	r      *bufio.Reader
	limits *Limits
	table  []byte
	err    error
}

const (
	readBuffer = 8 << 10

	smallMessage = 1 << 10 // up to here a message comes with its memory in one piece
)

// NewReader returns a reader with a buffer of its own. Nil limits mean the defaults.
func NewReader(r io.Reader, limits *Limits) *Reader {
	return NewReaderSize(r, limits, readBuffer)
}

// NewReaderSize is NewReader with a buffer of the given size.
func NewReaderSize(r io.Reader, limits *Limits, size int) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, max(size, 16)), limits: limits}
}

// Buffered returns how many bytes can be read without asking the stream.
func (r *Reader) Buffered() int { return r.r.Buffered() }

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

func (r *Reader) read() (*capnp.Message, error) {
	head, err := r.r.Peek(8)
	if err != nil {
		if len(head) == 0 {
			return nil, err
		}
		return nil, cut(err, int64(len(head)), 8)
	}
	t, err := parseTable(head, r.limits)
	if err != nil && (!errors.Is(err, io.ErrUnexpectedEOF) || t.size <= 8) {
		return nil, err
	}
	if r.table, err = r.fill(r.table, int64(t.size)); err != nil {
		return nil, err
	}
	if t, err = parseTable(r.table, r.limits); err != nil {
		return nil, err
	}
	if t.count == 1 && t.total <= smallMessage {
		m, b := capnp.ReceiveMessage(int(t.total), r.limits.message())
		if n, err := io.ReadFull(r.r, b); err != nil {
			return nil, cut(err, int64(n), t.total)
		}
		return m, nil
	}
	body, err := r.fill(nil, t.total)
	if err != nil {
		return nil, err
	}
	return capnp.OpenMessage(t.cut(r.table, body), r.limits.message()), nil
}

// fill reads total bytes, into b if that is large enough, else into memory of that size. What is not small is
// allocated once as much as fits into the reader's own buffer has come, and at first no more than three times that;
// beyond, it doubles as it fills.
func (r *Reader) fill(b []byte, total int64) ([]byte, error) {
	if int64(cap(b)) < total {
		come := min(total, int64(r.r.Size()))
		if total > smallMessage {
			if have, err := r.r.Peek(int(come)); err != nil {
				return nil, cut(err, int64(len(have)), total)
			}
		}
		b = make([]byte, min(total, 3*come))
	}
	b = b[:min(total, int64(cap(b)))]
	for have := 0; ; {
		n, err := io.ReadFull(r.r, b[have:])
		have += n
		if err != nil {
			return nil, cut(err, int64(have), total)
		}
		if int64(have) == total {
			return b, nil
		}
		more := make([]byte, min(total, int64(have)*2))
		copy(more, b)
		b = more
	}
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
