package testcap

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	"lanyard.dev/capnp"
)

// CallFoo calls a worker's foo and checks the answer.
func CallFoo(ctx context.Context, c Worker) error {
	r, err := c.Foo(ctx, func(p WorkerFooParamsBuilder) {
		p.SetI(123)
		p.SetJ(true)
	}).Wait()
	if err != nil {
		return err
	}
	if r.X() != "foo" {
		return capnp.Errorf(capnp.Failed, "foo returned %q", r.X())
	}
	return nil
}

// FillRecord writes the record that CheckRecord expects.
func FillRecord(r RecordBuilder) {
	for range 2 {
		r.SetFlag(true)
		r.SetNumber(-1234567890123)
		r.SetText("some text")
		r.SetData([]byte{0, 1, 0xff})
		r.SetNumbers([]uint16{1, 2, 65535})
		if r.HasInner() {
			break
		}
		r = r.NewInner()
	}
}

// CheckRecord says what is wrong with a record.
func CheckRecord(r Record) error {
	for depth := range 2 {
		switch {
		case !r.Flag(), r.Number() != -1234567890123, r.Text() != "some text",
			!bytes.Equal(r.Data(), []byte{0, 1, 0xff}), !slices.Equal(capnp.Slice(r.Numbers()), []uint16{1, 2, 65535}):
			return capnp.Errorf(capnp.Failed, "bad record at depth %d", depth)
		}
		r = r.Inner()
	}
	return nil
}

// Counted returns a capability of c's object, which it takes over, and counts in live whether
// anybody refers to it.
func Counted[C capnp.ClientKind](c C, live *atomic.Int64) C {
	live.Add(1)
	keep := capnp.ClientOf(c)
	return capnp.As[C](capnp.NewClient(&counted{Hook: capnp.HookOf(keep), keep: keep, live: live}))
}

// counted is a hook that knows when its last reference goes.
type counted struct {
	capnp.Hook
	keep capnp.Client
	refs atomic.Int64
	live *atomic.Int64
}

// Retain implements capnp.Hook.
func (h *counted) Retain() { h.refs.Add(1) }

// Release implements capnp.Hook.
func (h *counted) Release(*capnp.Turn) {
	switch n := h.refs.Add(-1); {
	case n == 0:
		h.live.Add(-1)
	case n < 0:
		panic("testcap: released more often than retained")
	}
}
