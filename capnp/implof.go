package capnp

// ImplOf is LocalImpl for wrappers, which have hooks: it may be called with locks held.
func ImplOf(h Hook) (impl any, ok bool) {
	o, ok := ShortenAll(h).(*object)
	if !ok {
		return nil, false
	}
	return o.d.Impl(), true
}
