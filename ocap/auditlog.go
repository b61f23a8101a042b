package ocap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
)

// A FileSink writes records as lines of JSON to a file that only its owner may read. Every line begins
// with a hash of itself and of the hash before, so a line that is changed, left out or moved breaks the
// chain; that the end is missing shows who keeps the Head elsewhere. It is for one process at a time.
type FileSink struct {
	// NoSync leaves it to the system when lines reach the disk: faster, and a crash of the computer may
	// lose the last ones.
	NoSync bool

	mu   sync.Mutex
	f    *os.File
	head Head
	size int64
	bad  error // the file could not be cut back after a failure
}

// Head says how far an audit log goes.
type Head struct {
	Lines uint64
	Hash  [sha256.Size]byte
}

// String is short enough to be kept in another place: "12:ab01…".
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Lines, hex.EncodeToString(h.Hash[:])) }

// OpenAudit opens an audit log, or begins one. It verifies what is there. A last line without its end,
// which a crash has left, is removed: it was acknowledged to nobody.
func OpenAudit(name string) (*FileSink, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &FileSink{f: f}
	if s.head, s.size, err = verify(f); err == nil {
		err = f.Truncate(s.size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// Record implements [Sink].
func (s *FileSink) Record(batch []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad != nil {
		return s.bad
	}
	var out []byte
	head := s.head
	for _, r := range batch {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		head = head.next(body)
		out = append(out, line(head, body)...)
	}
	_, err := s.f.Write(out)
	if err == nil && !s.NoSync {
		err = s.f.Sync()
	}
	if err != nil {
		if cut := s.f.Truncate(s.size); cut != nil {
			s.bad = errors.Join(err, cut)
		}
		return err
	}
	s.head, s.size = head, s.size+int64(len(out))
	return nil
}

// Head returns how far the log goes.
func (s *FileSink) Head() Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// Close closes the file.
func (s *FileSink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Close()
}

func (h Head) next(body []byte) Head {
	d := sha256.New()
	d.Write(h.Hash[:])
	d.Write(body)
	return Head{h.Lines + 1, [sha256.Size]byte(d.Sum(nil))}
}

const (
	lineStart = `{"hash":"`
	lineMid   = `","record":`
	bodyAt    = len(lineStart) + 2*sha256.Size + len(lineMid)
	maxLine   = 1 << 20
)

func line(h Head, body []byte) []byte {
	return fmt.Appendf(nil, "%s%x%s%s}\n", lineStart, h.Hash, lineMid, body)
}

// VerifyAudit reads an audit log and returns how far it goes. It fails at the first line that is not
// what was written there, and, unless want is zero, if the log does not reach or pass want.
func VerifyAudit(r io.Reader, want Head) (Head, error) {
	var head Head
	passed := want == Head{}
	head, _, err := verifyEach(r, func(h Head) { passed = passed || h == want })
	switch {
	case err != nil:
		return head, err
	case !passed:
		return head, fmt.Errorf("audit log: its %d lines do not lead to line %d as it was", head.Lines, want.Lines)
	}
	return head, nil
}

func verify(r io.Reader) (Head, int64, error) { return verifyEach(r, func(Head) {}) }

// verifyEach also returns how many bytes the whole lines take.
func verifyEach(r io.Reader, each func(Head)) (head Head, size int64, err error) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		l, err := br.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return head, size, nil // without its newline a line is none
		case err != nil:
			return head, size, fmt.Errorf("audit log: line %d: %w", head.Lines+1, err)
		}
		if len(l) < bodyAt+2 {
			return head, size, fmt.Errorf("audit log: line %d is no record", head.Lines+1)
		}
		body := l[bodyAt : len(l)-2]
		next := head.next(body)
		if !bytes.Equal(l, line(next, body)) {
			return head, size, fmt.Errorf("audit log: line %d is not what was written after the line before it", head.Lines+1)
		}
		head, size = next, size+int64(len(l))
		each(head)
	}
}

// LogSink returns a Sink that writes records to a log at level Info. It never fails.
func LogSink(l *slog.Logger) Sink { return logSink{l} }

type logSink struct{ l *slog.Logger }

// Record implements [Sink].
func (s logSink) Record(batch []Record) error {
	for _, r := range batch {
		attrs := []slog.Attr{slog.String("label", r.Label), slog.Uint64("call", r.Call)}
		if r.Lost > 0 {
			attrs = append(attrs, slog.Uint64("lost", r.Lost))
		}
		if r.Event == Begin {
			attrs = append(attrs, slog.String("method", r.Method), slog.Int64("bytes", r.Bytes), slog.String("params", string(r.Params)))
		} else {
			attrs = append(attrs, slog.String("outcome", r.Outcome), slog.String("error", r.Error))
		}
		s.l.LogAttrs(context.Background(), slog.LevelInfo, "call "+string(r.Event), attrs...)
	}
	return nil
}
