package rpc

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/rpc/internal/engine"
)

// A FileTransport is a byte stream that carries open files beside the bytes. Unix sockets are
// made one by this package; who wraps them can implement it.
type FileTransport interface {
	io.ReadWriteCloser

	// ReadFiles is Read. files are those that came with the bytes read, at most max of them; the
	// rest have been closed. They are the caller's to close.
	ReadFiles(b []byte, max int) (n int, files []*os.File, err error)

	// WriteFiles is Write. The files, at least one, come with the first byte, and with no byte
	// of what is written after b. They stay the caller's.
	WriteFiles(b []byte, files []*os.File) (n int, err error)
}

// maxFiles is how many files one message may have, as many as Linux takes at once (SCM_MAX_FD).
const maxFiles = 253

// carrier is a transport that carries files, as the rest of the package sees it: a byte stream
// that knows which message the files belong to.
//
// Reading, it never goes beyond the end of a message, so that what comes with the bytes of a message
// is that message's. Writing, it gives a message with files a write of its own.
type carrier struct {
	t     FileTransport
	most  int          // files in one message
	limit int64        // files held
	held  atomic.Int64 // of those that came

	in frame.Splitter // owned by the reader

	mu      sync.Mutex
	come    []*os.File // with the message that is being read
	out     []outgoing // messages with files that are not written yet
	sent    int64      // bytes that were given to the outbox
	written int64      // of those
	closed  bool
}

// outgoing is a message with files: where it stands in what is written, and how long it is.
type outgoing struct {
	at, n int64
	files []*os.File
}

var errNoFiles = capnp.NewError(capnp.Unimplemented, "open files can be sent over unix sockets only")

// newCarrier makes a transport carry files.
func newCarrier(rwc io.ReadWriteCloser, most int, limit int) (*carrier, error) {
	t, ok := rwc.(FileTransport)
	if !ok {
		if t = fileTransport(rwc); t == nil {
			return nil, errNoFiles
		}
	}
	return &carrier{t: t, most: min(most, maxFiles), limit: int64(limit)}, nil
}

// Read implements io.Reader.
func (c *carrier) Read(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.in.Known())]
	c.mu.Lock()
	have := len(c.come)
	c.mu.Unlock()
	n, files, err := c.t.ReadFiles(p, c.most-have)
	c.in.Cut(p[:n])
	c.mu.Lock()
	if !c.closed {
		c.come = append(c.come, files...)
		files = nil
	}
	c.mu.Unlock()
	closeFiles(files)
	return n, err
}

// attach gives a message that was just read the files that came with it. It may be called on nil.
func (c *carrier) attach(m *engine.Message) {
	if c == nil {
		return
	}
	c.mu.Lock()
	files := c.come
	c.come = nil
	c.mu.Unlock()
	for i := range m.Caps {
		d := &m.Caps[i]
		at := int(d.FileAt) - 1
		if at < 0 || at >= len(files) || files[at] == nil || c.held.Load() >= c.limit {
			continue
		}
		c.held.Add(1)
		d.File = &heldFile{c: c, f: files[at]}
		files[at] = nil
	}
	closeFiles(files)
}

// dropLeft closes the files of a message that the engine has done with. It may be called on nil.
func (c *carrier) dropLeft(m *engine.Message) {
	if c == nil {
		return
	}
	for _, d := range m.Caps {
		if d.File != nil {
			d.File.Close()
		}
	}
}

// collect duplicates the files of a message that is to be sent, and says in its descriptors where
// they are. A file that its owner has closed is left out. It may be called on nil.
func (c *carrier) collect(m *engine.Message) (files []*os.File) {
	if c == nil {
		return nil
	}
	for i := range m.Caps {
		d := &m.Caps[i]
		if d.File == nil || len(files) == maxFiles {
			continue
		}
		if f, err := d.File.Dup(); err == nil {
			files = append(files, f)
			d.FileAt = uint8(len(files))
		}
	}
	return files
}

// goesOut notes a message that is put into the outbox next, and takes over its files.
func (c *carrier) goesOut(table []byte, segs [][]byte, files []*os.File) {
	n := int64(len(table))
	for _, s := range segs {
		n += int64(len(s))
	}
	c.mu.Lock()
	at := c.sent
	c.sent += n
	if len(files) > 0 && !c.closed {
		c.out = append(c.out, outgoing{at, n, files})
		files = nil
	}
	c.mu.Unlock()
	closeFiles(files)
}

// Write implements io.Writer.
func (c *carrier) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		b := p[done:]
		c.mu.Lock()
		var files []*os.File
		if len(c.out) > 0 {
			if o := c.out[0]; o.at > c.written {
				b = b[:min(int64(len(b)), o.at-c.written)]
			} else {
				b, files = b[:min(int64(len(b)), o.n)], o.files
				c.out = c.out[1:]
			}
		}
		c.mu.Unlock()
		var n int
		var err error
		if files == nil {
			n, err = c.t.Write(b)
		} else {
			n, err = c.t.WriteFiles(b, files)
			closeFiles(files)
		}
		c.mu.Lock()
		c.written += int64(n)
		c.mu.Unlock()
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Close implements io.Closer. What was to be sent, and what came and was not taken, is closed.
func (c *carrier) Close() error {
	c.mu.Lock()
	c.closed = true
	files := c.come
	for _, o := range c.out {
		files = append(files, o.files...)
	}
	c.come, c.out = nil, nil
	c.mu.Unlock()
	closeFiles(files)
	return c.t.Close()
}

// CloseWrite ends what is written, if the transport can.
func (c *carrier) CloseWrite() error {
	if t, ok := c.t.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetWriteDeadline is net.Conn's.
func (c *carrier) SetWriteDeadline(at time.Time) error {
	if t, ok := c.t.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return t.SetWriteDeadline(at)
	}
	return errors.ErrUnsupported
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// heldFile is a file that came with an import.
type heldFile struct {
	c *carrier

	mu sync.Mutex
	f  *os.File
}

// Dup implements capnp.AttachedFile.
func (h *heldFile) Dup() (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.f == nil {
		return nil, capnp.ErrNoFile
	}
	return capnp.DupFile(h.f)
}

// Close implements capnp.AttachedFile.
func (h *heldFile) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.f == nil {
		return nil
	}
	f := h.f
	h.f = nil
	h.c.held.Add(-1)
	return f.Close()
}

// FilesOver returns a unix socket as the FileTransport that Options.Files makes of it, or nil where
// there is none, for transports that wrap it.
func FilesOver(rwc io.ReadWriteCloser) FileTransport { return fileTransport(rwc) }
