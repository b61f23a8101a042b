package ocap

import "lanyard.dev/capnp"

// Stripped returns what h wraps, whoever's wrapper it is.
func Stripped(h capnp.Hook) capnp.Hook {
	if w, ok := capnp.ShortenAll(h).(*wrapper); ok {
		return w.inner()
	}
	return h
}

// Layers returns how many wrappers are around the object.
func Layers(h capnp.Hook) int {
	if w, ok := capnp.ShortenAll(h).(*wrapper); ok {
		return 1 + Layers(w.inner())
	}
	return 0
}
