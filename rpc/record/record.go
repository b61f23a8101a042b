package record

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Options says what a Recorder writes. The zero value, or nil, means the defaults.
type Options struct {
	_ struct{}

	// Contents keeps the contents of parameters and results, with whatever secrets are in them.
	Contents bool

	// Bytes bounds the recording; what goes over is not recorded. Default 64 MiB.
	Bytes int64

	// MessageBytes is the largest message to record; a direction with a larger one is not recorded
	// any further. Default 16 MiB.
	MessageBytes int

	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Recorder writes a recording of any number of connections. Recording never fails a connection: after
// an error of the writer it stops, and Err tells.
type Recorder struct {
	opt Options

	mu    sync.Mutex // guards the fields below, and the writing
	w     io.Writer
	start time.Time
	left  int64 // of Options.Bytes
	conns int
	over  bool
	err   error
	buf   []byte
}

// New starts a recording. It writes at once whatever passes and keeps nothing back.
func New(w io.Writer, o *Options) (*Recorder, error) {
	r := &Recorder{w: w}
	if o != nil {
		r.opt = *o
	}
	if r.opt.Bytes == 0 {
		r.opt.Bytes = 64 << 20
	}
	if r.opt.MessageBytes == 0 {
		r.opt.MessageBytes = 16 << 20
	}
	if r.opt.Now == nil {
		r.opt.Now = time.Now
	}
	r.left = r.opt.Bytes
	r.start = r.opt.Now()
	_, err := w.Write(appendFileHeader(nil, r.start))
	return r, err
}

// Err returns why the recording stopped, or nil. Having reached Options.Bytes is no error.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *Recorder) write(conn int, k Kind, size int, leftOut bool, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	// The start's clock is monotonic, so that no time goes backwards.
	rec := Record{At: r.opt.Now().Sub(r.start), Conn: conn, Kind: k, Size: size, LeftOut: leftOut, Data: data}
	if r.left -= int64(header + len(data)); r.left < 0 {
		r.over = true
		rec = Record{At: rec.At, Conn: conn, Kind: Cut}
	}
	r.buf = appendRecord(r.buf[:0], &rec)
	if _, err := r.w.Write(r.buf); err != nil {
		r.over, r.err = true, err
	}
	if cap(r.buf) > 1<<20 {
		r.buf = nil
	}
}

// Wrap returns a transport that records what goes over rwc: a net.Conn if rwc is one. File
// descriptors cannot be passed over it.
func (r *Recorder) Wrap(name string, rwc io.ReadWriteCloser) io.ReadWriteCloser {
	t := r.transport(name, rwc)
	if c, ok := rwc.(net.Conn); ok {
		return &netConn{c, t}
	}
	return t
}

func (r *Recorder) transport(name string, rwc io.ReadWriteCloser) *transport {
	r.mu.Lock()
	r.conns++
	n := r.conns
	r.mu.Unlock()
	r.write(n, Opened, 0, false, []byte(name))
	return &transport{rwc: rwc, r: r, conn: n, in: direction{kind: Received, rest: ReceivedRest}, out: direction{kind: Sent, rest: SentRest}}
}

// Listener returns a listener whose connections are recorded, under their peers' addresses.
func (r *Recorder) Listener(l net.Listener) net.Listener { return &listener{l, r} }

type listener struct {
	net.Listener
	r *Recorder
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &netConn{c, l.r.transport(c.RemoteAddr().String(), c)}, nil
}

// transport records one connection.
type transport struct {
	rwc  io.ReadWriteCloser
	r    *Recorder
	conn int

	inMu, outMu sync.Mutex // guard in and out
	in, out     direction
	closed      sync.Once
}

// direction puts the bytes of one direction together to messages.
type direction struct {
	kind, rest Kind
	buf        []byte
	lost       bool // what follows is no message
}

// netConn is a transport that is a net.Conn, too.
type netConn struct {
	net.Conn
	t *transport
}

// Read implements net.Conn.
func (c *netConn) Read(b []byte) (int, error) { return c.t.Read(b) }

// Write implements net.Conn.
func (c *netConn) Write(b []byte) (int, error) { return c.t.Write(b) }

// Close implements net.Conn.
func (c *netConn) Close() error { return c.t.Close() }

// Read implements io.Reader.
func (t *transport) Read(b []byte) (int, error) {
	n, err := t.rwc.Read(b)
	t.inMu.Lock()
	defer t.inMu.Unlock()
	t.passed(&t.in, b[:n])
	if err != nil {
		t.end(&t.in)
	}
	return n, err
}

// Write implements io.Writer. What is written is recorded first: nothing that follows from it can
// stand before it.
func (t *transport) Write(b []byte) (int, error) {
	t.outMu.Lock()
	t.passed(&t.out, b)
	t.outMu.Unlock()
	return t.rwc.Write(b)
}

// Close implements io.Closer.
func (t *transport) Close() error {
	err := t.rwc.Close()
	t.closed.Do(func() {
		t.outMu.Lock()
		t.end(&t.out)
		t.outMu.Unlock()
		var why []byte
		if err != nil {
			why = []byte(err.Error())
		}
		t.r.write(t.conn, Closed, 0, false, why)
	})
	return err
}

func (t *transport) passed(d *direction, b []byte) {
	if d.lost {
		return
	}
	d.buf = append(d.buf, b...)
	rest := d.buf
	for {
		n, err := t.messageSize(rest)
		if err != nil {
			d.buf = rest
			t.end(d)
			d.lost = true
			return
		}
		if n == 0 || len(rest) < n {
			break
		}
		t.message(d, rest[:n])
		rest = rest[n:]
	}
	if len(rest) == 0 {
		d.buf = d.buf[:0]
		if cap(d.buf) > 1<<20 {
			d.buf = nil
		}
		return
	}
	d.buf = append(d.buf[:0], rest...)
}

func (t *transport) message(d *direction, b []byte) {
	if t.r.opt.Contents {
		t.r.write(t.conn, d.kind, len(b), false, b)
		return
	}
	t.r.write(t.conn, d.kind, len(b), true, skeleton(b))
}

// end records what has not become a message.
func (t *transport) end(d *direction) {
	if len(d.buf) == 0 || d.lost {
		return
	}
	data := d.buf
	if !t.r.opt.Contents {
		data = nil
	}
	t.r.write(t.conn, d.rest, len(d.buf), !t.r.opt.Contents, data)
	d.buf = nil
}

var errNoMessage = errors.New("record: no message")

// messageSize returns the size of the message at the start of b, table included; 0 if that cannot be
// told yet.
func (t *transport) messageSize(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := int64(binary.LittleEndian.Uint32(b)) + 1
	if n > 512 {
		return 0, errNoMessage
	}
	size := int64(4+4*n+7) &^ 7
	if int64(len(b)) < size {
		return 0, nil
	}
	for i := range n {
		size += int64(binary.LittleEndian.Uint32(b[4+4*i:])) * 8
	}
	if size > int64(t.r.opt.MessageBytes) {
		return 0, errNoMessage
	}
	return int(size), nil
}
