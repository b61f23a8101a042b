package capnp

import (
	"context"
	"os"
	"runtime"
)

// A FileServer is an object that comes with an open file: a pipe, a socket, a shared memory. Who
// has a capability of it can get a duplicate of the file with FileOf, in this process or, over a
// connection that carries files (rpc.Options.Files), on this machine.
//
// The file is what can be done to it, whatever the object's methods allow: a file opened for
// writing can be written. Wrappers of package ocap do not pass it on.
type FileServer interface {
	// File returns the file. It is called once, when the capability is made. The file stays the
	// object's. Once that has closed it nobody gets it any more: neither FileOf, nor a peer that
	// is sent the capability, be it with a call that was made before and has not been written.
	File() *os.File
}

// An AttachedFile is the open file of a capability, for transports.
type AttachedFile interface {
	// Dup returns a duplicate, which the caller closes, or ErrNoFile.
	Dup() (*os.File, error)
	// Close gives the file up. It is safe to call twice.
	Close() error
}

// A FileHook is a Hook that may have an open file.
type FileHook interface {
	// AttachedFile returns the file, which stays the hook's, or nil.
	AttachedFile() AttachedFile
}

// ErrNoFile is the error of FileOf if the capability has no file, or none that came here.
const ErrNoFile = fileError("the capability has no file")

type fileError string

// Error returns the text.
func (e fileError) Error() string { return string(e) }

// FileOf returns a duplicate of the open file that comes with a capability: see FileServer. It
// waits until the capability is no promise any more. The caller closes the file.
func FileOf(ctx context.Context, c Client) (*os.File, error) {
	defer runtime.KeepAlive(c.c)
	if err := c.Resolve(ctx); err != nil {
		return nil, err
	}
	if f := FileOfHook(c.hook()); f != nil {
		return f.Dup()
	}
	return nil, ErrNoFile
}

// FileOfHook returns the open file of a hook, or nil.
func FileOfHook(h Hook) AttachedFile {
	for n := 0; h != nil && n < maxForwards; n++ {
		if x, ok := h.(FileHook); ok {
			if f := x.AttachedFile(); f != nil {
				return f
			}
		}
		h = h.Next()
	}
	return nil
}

// serverFile is an object's own file.
type serverFile struct{ f *os.File }

// fileOf returns what d's object offers.
func fileOf(d Dispatcher) AttachedFile {
	if s, ok := d.Impl().(FileServer); ok {
		if f := s.File(); f != nil {
			return serverFile{f}
		}
	}
	return nil
}

// Dup implements AttachedFile.
func (s serverFile) Dup() (*os.File, error) {
	f, err := DupFile(s.f)
	if err != nil {
		return nil, ErrNoFile
	}
	return f, nil
}

// Close implements AttachedFile: the file is the object's.
func (serverFile) Close() error { return nil }

// AttachedFile implements FileHook.
func (o *object) AttachedFile() AttachedFile { return o.file }
