// Package shelf has objects that count what is done to them, for the tests of package grant. It is for
// nothing else.
package shelf

//go:generate go run lanyard.dev/cmd/lanyard schema gen .

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// A Store has a shelf, "shelf", and boxes, by their names after "box ". A box whose name begins with
// "ordered" starts a call when the one before has returned.
type Store struct {
	mu    sync.Mutex
	shelf Shelf
	boxes map[string]*box
	gone  map[string]bool
}

// Objects is for grant.New.
func (s *Store) Objects(_ context.Context, name string) (capnp.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "shelf" {
		if s.shelf.IsNull() {
			s.shelf = NewShelf(&server{s: s})
		}
		return capnp.AddRef(s.shelf).Client, nil
	}
	if len(name) > 4 && name[:4] == "box " {
		b, err := s.box(name[4:])
		if err != nil {
			return capnp.Client{}, err
		}
		return capnp.AddRef(b.self).Client, nil
	}
	return capnp.Client{}, errors.New("no such object")
}

// Root is for grant.Options.
func Root(object string) uint64 {
	if object == "shelf" {
		return ShelfBoxMethod.InterfaceID()
	}
	return BoxAddMethod.InterfaceID()
}

func (s *Store) box(name string) (*box, error) {
	if s.gone[name] {
		return nil, errors.New("the box was thrown away")
	}
	b := s.boxes[name]
	if b == nil {
		b = &box{s: s, name: name, free: make(chan struct{})}
		b.self = NewBox(b)
		if b.ordered() {
			b.self = capnp.Serial(b.self)
		}
		if s.boxes == nil {
			s.boxes = map[string]*box{}
		}
		s.boxes[name] = b
	}
	return b, nil
}

// Sum is what is in a box.
func (s *Store) Sum(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.box(name)
	if err != nil {
		return -1
	}
	return b.sum.Load()
}

// LetGo ends calls of a box's Hold.
func (s *Store) LetGo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, err := s.box(name); err == nil {
		close(b.free)
	}
}

// ThrowAway removes a box.
func (s *Store) ThrowAway(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = map[string]bool{}
	}
	s.gone[name] = true
}

type server struct {
	UnimplementedShelf
	s *Store
}

// Box implements ShelfServer.
func (h *server) Box(_ context.Context, call ShelfBoxCall) error {
	h.s.mu.Lock()
	b, err := h.s.box(call.Params().Name())
	h.s.mu.Unlock()
	if err != nil {
		return err
	}
	call.Results().SetBox(b.self)
	return nil
}

// Itself implements ShelfServer.
func (h *server) Itself(_ context.Context, call ShelfItselfCall) error {
	call.Results().SetShelf(Shelf{Client: call.Self()})
	return nil
}

type box struct {
	UnimplementedBox
	s    *Store
	name string
	self Box
	sum  atomic.Int64
	free chan struct{}
}

func (b *box) ordered() bool { return strings.HasPrefix(b.name, "ordered") }

// ObjectName implements grant.Named.
func (b *box) ObjectName() string { return "box " + b.name }

// Add implements BoxServer.
func (b *box) Add(_ context.Context, call BoxAddCall) error {
	call.Results().SetSum(b.sum.Add(call.Params().N()))
	return nil
}

// Sum implements BoxServer.
func (b *box) Sum(_ context.Context, call BoxSumCall) error {
	call.Results().SetSum(b.sum.Load())
	return nil
}

// Hold implements BoxServer.
func (b *box) Hold(ctx context.Context, call BoxHoldCall) error {
	b.sum.Add(1)
	if !b.ordered() {
		call.Unblock()
	}
	select {
	case <-b.free:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Take implements BoxServer.
func (b *box) Take(_ context.Context, call BoxTakeCall) error {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	call.Results().SetSame(capnp.Same(call.Params().Thing().Client, b.s.shelf.Client))
	return nil
}
