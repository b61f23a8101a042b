// Package frame puts messages into byte streams and takes them out: a table of segment sizes, then the segments
// (encoding.md, "Serialization Over a Stream"). For packed streams put a reader or writer of package capnp/packed
// underneath. Do not use it for canonical messages, which have no frame.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"lanyard.dev/capnp"
)

// Limits bounds what a reader accepts. The zero value, or nil, means the defaults.
type Limits struct {
	// Bytes is the largest message, without its table; default 64 MiB.
	Bytes int64
	// Segments is the largest number of segments; default 512.
	Segments int
	// Message goes to every message that is read.
	Message capnp.Limits

	_ struct{}
}

const (
	defaultBytes    = 64 << 20
	defaultSegments = 512
	maxSegmentWords = 1<<29 - 1
)

func (l *Limits) bytes() int64 {
	if l == nil || l.Bytes <= 0 {
		return defaultBytes
	}
	return min(l.Bytes, math.MaxInt)
}

func (l *Limits) segments() uint64 {
	if l == nil || l.Segments <= 0 {
		return defaultSegments
	}
	return uint64(min(l.Segments, math.MaxInt/4-4)) // their table has a size
}

func (l *Limits) message() *capnp.Limits {
	if l == nil {
		return nil
	}
	return &l.Message
}

// Errors of this package. Truncated input is io.ErrUnexpectedEOF.
var (
	ErrTooLarge = errors.New("frame: message too large")
	ErrSegments = errors.New("frame: too many segments")
)

// Source is what can be framed: a *capnp.Message or a *capnp.MessageBuilder.
type Source interface{ Segments() [][]byte }

// tableBytes is the size of the table of n segments.
func tableBytes(n int) int { return (4 + 4*n + 7) &^ 7 }

// AppendTable appends the table that stands in front of segs.
func AppendTable(dst []byte, segs [][]byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(segs)-1))
	for _, s := range segs {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)/8))
	}
	if len(segs)%2 == 0 {
		dst = append(dst, 0, 0, 0, 0)
	}
	return dst
}

// Append appends a framed message.
func Append(dst []byte, m Source) []byte {
	segs := m.Segments()
	dst = AppendTable(dst, segs)
	for _, s := range segs {
		dst = append(dst, s...)
	}
	return dst
}

// Marshal returns a framed message.
func Marshal(m Source) []byte {
	n := Size(m)
	return Append(make([]byte, 0, n), m)
}

// Size returns the size of a framed message.
func Size(m Source) int {
	segs := m.Segments()
	n := tableBytes(len(segs))
	for _, s := range segs {
		n += len(s)
	}
	return n
}

// Buffers returns a framed message in pieces, for writev: its table, then its segments.
func Buffers(m Source) [][]byte {
	segs := m.Segments()
	return append([][]byte{AppendTable(make([]byte, 0, tableBytes(len(segs))), segs)}, segs...)
}

// Unmarshal takes the first message from b and returns what comes after it. The message keeps the memory, which must
// not be changed.
func Unmarshal(b []byte, limits *Limits) (m *capnp.Message, rest []byte, err error) {
	t, err := parseTable(b, limits)
	if err != nil {
		return nil, b, err
	}
	if int64(len(b)) < int64(t.size)+t.total {
		return nil, b, short(int64(len(b)), int64(t.size)+t.total)
	}
	body := b[t.size:]
	return capnp.OpenMessage(t.cut(b, body), limits.message()), body[t.total:], nil
}

// table is a parsed segment table. Its numbers are within the limits.
type table struct {
	count int
	size  int   // of the table itself
	total int64 // bytes of all segments
}

// tableSize returns the size of the table at the start of b, or 8 as long as b is shorter than that.
func tableSize(b []byte, limits *Limits) (int, error) {
	if len(b) < 4 {
		return 8, nil
	}
	n := uint64(binary.LittleEndian.Uint32(b)) + 1
	if n > limits.segments() {
		return 0, fmt.Errorf("%w: %d, limit %d", ErrSegments, n, limits.segments())
	}
	return tableBytes(int(n)), nil
}

// parseTable reads the table at the start of b, which may be longer or too short.
func parseTable(b []byte, limits *Limits) (table, error) {
	size, err := tableSize(b, limits)
	if err != nil {
		return table{}, err
	}
	if len(b) < size {
		return table{}, short(int64(len(b)), int64(size))
	}
	t := table{count: int(binary.LittleEndian.Uint32(b)) + 1, size: size}
	for i := range t.count {
		words := binary.LittleEndian.Uint32(b[4+4*i:])
		if words > maxSegmentWords {
			return t, fmt.Errorf("%w: segment of %d words", ErrTooLarge, words)
		}
		if t.total += int64(words) * 8; t.total > limits.bytes() {
			return t, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, limits.bytes())
		}
	}
	return t, nil
}

// cut divides body into the segments that head, the table, tells.
func (t table) cut(head, body []byte) [][]byte {
	segs := make([][]byte, t.count)
	for i := range segs {
		n := int(binary.LittleEndian.Uint32(head[4+4*i:])) * 8
		segs[i], body = body[:n:n], body[n:]
	}
	return segs
}
