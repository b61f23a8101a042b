package frame

import (
	"io"

	"lanyard.dev/capnp"
)

// Writer puts messages into a stream. It does not buffer: wrap the stream in a bufio.Writer to collect small ones.
// The table and every segment are separate writes, which a packed.Writer underneath packs as C++ does.
type Writer struct {
	w     io.Writer
	table []byte
}

// NewWriter returns a writer.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one message. A builder with an error is refused.
func (w *Writer) Write(m Source) error {
	if b, ok := m.(*capnp.MessageBuilder); ok && b.Err() != nil {
		return b.Err()
	}
	segs := m.Segments()
	w.table = AppendTable(w.table[:0], segs)
	if _, err := w.w.Write(w.table); err != nil {
		return err
	}
	for _, s := range segs {
		if _, err := w.w.Write(s); err != nil {
			return err
		}
	}
	return nil
}
