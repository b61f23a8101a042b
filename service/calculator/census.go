package calculator

import (
	"runtime"
	"sync"
	"time"
	"weak"

	"lanyard.dev/capnp"
)

// A census counts the objects of one type that somebody still holds. Objects
// are garbage collected, so it counts by weak pointers, and looks only when it
// would otherwise refuse.
type census[T any] struct {
	what          string
	limit, weight int // objects, and their weights together
	now           func() time.Time

	mu      sync.Mutex
	objects []counted[T] // dead ones included until the next sweep
	total   int          // of their weights
	vain    time.Time    // the last collection that found most alive
}

type counted[T any] struct {
	object weak.Pointer[T]
	weight int
}

// add counts an object in, or fails when too many are alive.
func (c *census[T]) add(object *T, weight int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fits(weight) {
		c.sweep()
	}
	// The collector may not have run since the objects died. Asking it to is dear:
	// where it found at least half of them dead, each of those paid a little of it;
	// where it did not, the client cannot make us ask again soon.
	if !c.fits(weight) && c.now().Sub(c.vain) >= collectEvery {
		before := len(c.objects)
		runtime.GC()
		c.sweep()
		if len(c.objects) > before/2 {
			c.vain = c.now()
		}
	}
	if !c.fits(weight) {
		return capnp.Errorf(capnp.Overloaded, "too many %s are held: release some", c.what)
	}
	c.objects = append(c.objects, counted[T]{weak.Make(object), weight})
	c.total += weight
	return nil
}

const collectEvery = 100 * time.Millisecond

func (c *census[T]) fits(weight int) bool {
	return len(c.objects) < c.limit && c.total+weight <= c.weight
}

// sweep forgets the dead.
func (c *census[T]) sweep() {
	alive := c.objects[:0]
	c.total = 0
	for _, o := range c.objects {
		if o.object.Value() != nil {
			alive = append(alive, o)
			c.total += o.weight
		}
	}
	clear(c.objects[len(alive):])
	c.objects = alive
}
