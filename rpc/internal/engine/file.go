package engine

import "lanyard.dev/capnp"

// This file is about the open files that come with capabilities (CapDescriptor.attachedFd). The
// engine passes them from a descriptor to an import and back; what a file is only the host knows.

// attach gives an import the file of a descriptor, unless it has one: when the same capability
// comes again, the first file that came stays (C++ does the same).
func (r *remote) attach(d *Descriptor) {
	if d.File == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		r.file, d.File = d.File, nil
	}
}

// detach closes the import's file.
func (r *remote) detach() {
	r.mu.Lock()
	f := r.file
	r.file = nil
	r.mu.Unlock()
	if f != nil {
		f.Close()
	}
}

// AttachedFile implements capnp.FileHook.
func (r *remote) AttachedFile() capnp.AttachedFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil || r.target.Load() != nil {
		return nil
	}
	return r.file
}

// fileOf is the file that a descriptor for h says comes with it.
func (e *Engine) fileOf(h capnp.Hook) capnp.AttachedFile {
	if !e.limits.Files {
		return nil
	}
	return capnp.FileOfHook(h)
}
