// Package tape records connections between a client and a server, message by
// message, and plays the client's part again to another server. It reads
// messages on its own, apart from the code under test, and knows no more of
// them than that takes: it is no use for making messages.
package tape

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"

	"lanyard.dev/rpc/record"
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

// Load reads the tape stored as NAME.rec: a recording of the client's connection,
// with contents (package rpc/record). Messages that were cut off by the end of the
// connection are left out.
func Load(fsys fs.FS, name string) (Tape, error) {
	f, err := fsys.Open(name + ".rec")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("tape %s: %w", name, err)
	}
	var t Tape
	for rec, err := range r.All() {
		if err != nil {
			return nil, fmt.Errorf("tape %s, message %d: %w", name, len(t), err)
		}
		if rec.Kind != record.Sent && rec.Kind != record.Received {
			continue
		}
		if rec.LeftOut || rec.Conn != 1 {
			return nil, fmt.Errorf("tape %s: not one connection with contents", name)
		}
		frame := bytes.NewReader(rec.Data)
		if _, err := readFrame(frame); err != nil || frame.Len() > 0 {
			return nil, fmt.Errorf("tape %s, message %d: %w, %d bytes left", name, len(t), err, frame.Len())
		}
		t = append(t, Message{rec.Kind == record.Received, rec.Data})
	}
	return t, nil
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
