package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Kind says what a record is about.
type Kind uint8

const (
	// Opened: a connection; the data is its name.
	Opened Kind = 1
	// Received: a message from the peer.
	Received Kind = 2
	// Sent: a message to the peer.
	Sent Kind = 3
	// ReceivedRest and SentRest: bytes that are no message, or one that was cut off; from then on
	// nothing of that direction is recorded. The data is empty without Options.Contents.
	ReceivedRest Kind = 4
	SentRest     Kind = 5
	// Closed: the connection, from this side; the data says why, if it was an error.
	Closed Kind = 6
	// Cut: Options.Bytes was reached; nothing was recorded after it.
	Cut Kind = 7
)

var kindNames = [...]string{"unknown", "opened", "received", "sent", "receivedRest", "sentRest", "closed", "cut"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// Record is one entry of a recording.
type Record struct {
	At      time.Duration // since the start
	Conn    int           // from 1
	Kind    Kind
	LeftOut bool // contents were left out of Data
	Size    int  // bytes on the wire
	Data    []byte
	_       struct{}
}

const (
	version    = 1
	fileHeader = 16
	header     = 24
	flagOut    = 1
	// maxData is what a reader believes: more than a Recorder writes.
	maxData = 1 << 30
)

var magic = [8]byte{'L', 'A', 'N', 'Y', 'R', 'E', 'C', version}

// ErrFormat: the file is no recording, or of a version that is not known here.
var ErrFormat = errors.New("record: not a recording of version 1")

func appendFileHeader(b []byte, start time.Time) []byte {
	b = append(b, magic[:]...)
	return binary.LittleEndian.AppendUint64(b, uint64(start.UnixNano()))
}

func appendRecord(b []byte, r *Record) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Conn))
	flags := byte(0)
	if r.LeftOut {
		flags = flagOut
	}
	b = append(b, byte(r.Kind), flags, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(min(r.Size, maxData)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Data)))
	return append(b, r.Data...)
}

// Reader reads a recording.
type Reader struct {
	r     io.Reader
	start time.Time
	err   error
}

// NewReader reads the start of a recording. It fails with ErrFormat, or as r does.
func NewReader(r io.Reader) (*Reader, error) {
	var b [fileHeader]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrFormat
		}
		return nil, err
	}
	if [8]byte(b[:8]) != magic {
		return nil, ErrFormat
	}
	return &Reader{r: r, start: time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:])))}, nil
}

// Start is when the recording started.
func (r *Reader) Start() time.Time { return r.start }

// All yields the records, in the order in which they were written. One that was cut off ends it with
// io.ErrUnexpectedEOF.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for r.err == nil {
			rec, err := r.next()
			if r.err = err; err == io.EOF {
				return
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (r *Reader) next() (Record, error) {
	var h [header]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return Record{}, err
	}
	rec := Record{
		At:      time.Duration(binary.LittleEndian.Uint64(h[0:])),
		Conn:    int(binary.LittleEndian.Uint32(h[8:])),
		Kind:    Kind(h[12]),
		LeftOut: h[13]&flagOut != 0,
		Size:    int(binary.LittleEndian.Uint32(h[16:])),
	}
	n := int64(binary.LittleEndian.Uint32(h[20:]))
	if n > maxData {
		return Record{}, fmt.Errorf("record: %d bytes of data", n)
	}
	data, err := io.ReadAll(io.LimitReader(r.r, n)) // what a length promises is not allocated before it is there
	if err != nil {
		return Record{}, err
	}
	if rec.Data = data; int64(len(data)) < n {
		return Record{}, io.ErrUnexpectedEOF
	}
	return rec, nil
}
