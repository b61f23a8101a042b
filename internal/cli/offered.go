package cli

import (
	"log/slog"
	"sync"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/reflection"
)

// offered is what a server tells holders about the interfaces of what they hold: of each its own, and what that refers
// to; nothing of what else is served.
type offered struct {
	reg *schema.Registry
	log *slog.Logger

	mu     sync.Mutex
	byKind map[uint64]capnp.Client // null if it cannot be described; as many as the registry has
}

// also is for grant.Options.
func (o *offered) also(kind, interfaceID uint64) (capnp.Client, bool) {
	if interfaceID != reflection.ReflectionInterfacesMethod.InterfaceID() {
		return capnp.Client{}, false
	}
	if _, ok := o.reg.Node(kind); !ok {
		return capnp.Client{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c, ok := o.byKind[kind]
	if !ok {
		r, err := reflection.Offer(o.reg, kind)
		if err != nil {
			o.log.Warn("describe an interface", "err", err)
		}
		if o.byKind == nil {
			o.byKind = map[uint64]capnp.Client{}
		}
		c = r.Client
		o.byKind[kind] = c
	}
	return c, !c.IsNull()
}
