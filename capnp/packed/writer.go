package packed

import "io"

// Writer packs a stream. Runs do not cross calls of Write, so the same writes give the same bytes; C++ writes the
// segment table and each segment separately, and so does frame.Writer.
type Writer struct {
	w    io.Writer
	word [8]byte
	have int // bytes of an incomplete word
	buf  []byte
}

// NewWriter returns a writer. It does not buffer beyond an incomplete word.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// chunk is how much is packed before it is written.
const chunk = 32 << 10

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	n := 0
	if w.have > 0 {
		n = copy(w.word[w.have:], p)
		w.have += n
		if w.have < 8 {
			return n, nil
		}
		w.have = 0
		if err := w.pack(w.word[:]); err != nil {
			return n, err
		}
	}
	whole := (len(p) - n) &^ 7
	if err := w.pack(p[n : n+whole]); err != nil {
		return n, err
	}
	n += whole
	w.have = copy(w.word[:], p[n:])
	return len(p), nil
}

func (w *Writer) pack(p []byte) error {
	for len(p) > 0 {
		w.buf, p = pack(w.buf[:0], p, chunk)
		if _, err := w.w.Write(w.buf); err != nil {
			return err
		}
	}
	return nil
}

// Close tells whether everything was written. It does not close the stream.
func (w *Writer) Close() error {
	if w.have > 0 {
		return ErrLength
	}
	return nil
}
