package capnp

import (
	"runtime"

	"lanyard.dev/internal/wire"
)

// Client takes out the capability in pointer field i; the same field always gives the same
// Client. A capability that no accessor takes out is released with the message.
func (s Struct) Client(i uint16) Client { return s.Ptr(i).Client() }

// Client takes out the capability that the pointer is; null if it is none.
func (p Ptr) Client() Client {
	i, ok := p.CapIndex()
	if !ok {
		return Client{}
	}
	t, _ := wire.Ptr(p).Message().Caps().(*capTable)
	if t == nil || int(i) >= t.len() {
		return Client{}
	}
	return t.claim(int(i))
}

// SetClient puts a capability into pointer field i. The message gets a reference of its own; c
// stays the caller's.
func (b StructBuilder) SetClient(i uint16, c Client) {
	PtrBuilder(wire.StructBuilder(b).Ptr(i)).SetClient(c)
}

// SetClient puts a capability into the pointer. The message gets a reference of its own.
func (p PtrBuilder) SetClient(c Client) {
	w := wire.PtrBuilder(p)
	mb := w.Message()
	h := c.hook()
	if mb == nil || IsNullHook(h) {
		w.Clear()
		return
	}
	t, ok := mb.Caps().(*capTable)
	if !ok {
		t = newCapTable(nil)
		mb.SetCaps(t)
	}
	h.Retain()
	if i, ok := t.tryAdd(h); ok {
		w.SetCap(i)
	} else { // the message has gone where nobody may add to it
		giveUp(h)
		w.Clear()
	}
	runtime.KeepAlive(c.c)
}

// Client returns the capability that the pointer was set to.
func (p PtrBuilder) Client() Client {
	w := wire.PtrBuilder(p)
	i, ok := w.CapIndex()
	if !ok {
		return Client{}
	}
	t, _ := w.Message().Caps().(*capTable)
	if t == nil || int(i) >= t.len() {
		return Client{}
	}
	return t.claim(int(i))
}
