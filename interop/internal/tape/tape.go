// Package tape records connections between a client and a server, message by
// message, and plays the client's part again to another server. It reads the
// wire format on its own, apart from the code under test, and knows no more of
// it than that takes: it is no use for making messages.
package tape

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Tape is what passed over one connection, in an order in which it could have
// been seen from the middle of the wire: a message stands after everything its
// sender had received when it was sent.
type Tape []Message

// A Message is one frame, with its segment table, and which way it went.
type Message struct {
	FromServer bool
	Frame      []byte
}

// Load reads the tape stored under a name: NAME.c2s.bin and NAME.s2c.bin hold
// the bytes of both directions as they were, NAME.order one character for each
// message, > to the server and < to the client.
func Load(fsys fs.FS, name string) (Tape, error) {
	order, err := fs.ReadFile(fsys, name+".order")
	if err != nil {
		return nil, err
	}
	var streams [2]*bytes.Reader
	for i, suffix := range []string{".c2s.bin", ".s2c.bin"} {
		b, err := fs.ReadFile(fsys, name+suffix)
		if err != nil {
			return nil, err
		}
		streams[i] = bytes.NewReader(b)
	}
	var t Tape
	for _, c := range strings.Join(strings.Fields(string(order)), "") {
		m := Message{FromServer: c == '<'}
		from := streams[0]
		if m.FromServer {
			from = streams[1]
		}
		if m.Frame, err = readFrame(from); err != nil {
			return nil, fmt.Errorf("tape %s, message %d: %w", name, len(t), err)
		}
		t = append(t, m)
	}
	if streams[0].Len()+streams[1].Len() > 0 {
		return nil, fmt.Errorf("tape %s: bytes beyond the last message", name)
	}
	return t, nil
}

// Save stores the tape so that Load finds it.
func (t Tape) Save(dir, name string) error {
	var streams [2]bytes.Buffer
	var order strings.Builder
	for i, m := range t {
		if i > 0 && i%72 == 0 {
			order.WriteByte('\n')
		}
		if m.FromServer {
			order.WriteByte('<')
			streams[1].Write(m.Frame)
		} else {
			order.WriteByte('>')
			streams[0].Write(m.Frame)
		}
	}
	order.WriteByte('\n')
	path := filepath.Join(dir, name)
	return errors.Join(
		os.WriteFile(path+".c2s.bin", streams[0].Bytes(), 0o644),
		os.WriteFile(path+".s2c.bin", streams[1].Bytes(), 0o644),
		os.WriteFile(path+".order", []byte(order.String()), 0o644),
	)
}

// What a frame may hold: more than any sample client sends.
const (
	maxSegments = 512
	maxWords    = 8 << 20
)

// readFrame reads one message with its segment table: io.EOF before the first
// byte, io.ErrUnexpectedEOF inside.
func readFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	segments := int64(binary.LittleEndian.Uint32(head)) + 1
	if segments > maxSegments {
		return nil, fmt.Errorf("frame of %d segments", segments)
	}
	rest := (segments*4 + 4 + 7) &^ 7
	frame, err := grow(r, head, rest-4)
	if err != nil {
		return nil, err
	}
	var words int64
	for i := range segments {
		words += int64(binary.LittleEndian.Uint32(frame[4+4*i:]))
	}
	if words > maxWords {
		return nil, fmt.Errorf("frame of %d words", words)
	}
	return grow(r, frame, words*8)
}

// grow appends n bytes of r to b.
func grow(r io.Reader, b []byte, n int64) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	if _, err := io.CopyN(buf, r, n); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
