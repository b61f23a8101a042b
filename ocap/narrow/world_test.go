package narrow

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap/narrow/internal/desk"
)

// counter is a desk that counts what is called. All desks and items that come out of it count here.
type counter struct {
	iface dynamic.Interface
	sums  *sums
}

type sums struct {
	mu  sync.Mutex
	ran map[string]int
}

func (s *sums) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ran)
}

func newDesk(t testing.TB, reg *schema.Registry) (capnp.Client, *sums) {
	t.Helper()
	i, err := dynamic.LookupInterface(reg, deskID)
	if err != nil {
		t.Fatal(err)
	}
	s := &sums{ran: map[string]int{}}
	return capnp.NewServer(&counter{i, s}), s
}

func (c *counter) Impl() any { return c }

func (c *counter) FindMethod(iface uint64, id uint16) *capnp.Method {
	for m := range c.iface.Methods() {
		if methodOf(m) == (Method{iface, id}) {
			return m.Descriptor()
		}
	}
	return nil
}

func (c *counter) Invoke(_ context.Context, call *capnp.Call) error {
	name := call.Method().Spec().MethodName
	c.sums.mu.Lock()
	c.sums.ran[name]++
	c.sums.mu.Unlock()
	switch name {
	case "drawer":
		inner := capnp.NewServer(c)
		desk.DeskDrawerResultsBuilder(call.ResultsStruct()).NewInner().SetDesk(desk.Desk{Client: inner})
	case "get":
		item, _ := c.iface.Method("get")
		i := item.Results()
		f, _ := i.Field("item")
		call.ResultsStruct().SetClient(0, capnp.NewServer(&counter{f.Type().Interface(), c.sums}))
	}
	return nil
}

// call makes a call with parameters that were made before.
func call(t testing.TB, c capnp.Client, m dynamic.Method, p capnp.Struct) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	spec := m.Descriptor().Spec()
	spec.Params = capnp.SizeOf(p)
	r := capnp.Send[capnp.Struct](ctx, c, capnp.NewMethod(spec), func(b capnp.StructBuilder) {
		for w := range uint32(spec.Params.DataWords) {
			b.SetUint64(w*8, p.Uint64(w*8))
		}
		for i := range spec.Params.Pointers {
			b.SetPtr(i, p.Ptr(i))
		}
	})
	defer r.Release()
	_, err := r.Wait()
	if ctx.Err() != nil {
		t.Fatalf("%s hangs", m)
	}
	return err
}

// do makes a call of a desk by name.
func do(t testing.TB, c capnp.Client, method string, set sets) error {
	t.Helper()
	m := deskMethod(t, method)
	return call(t, c, m, params(t, m, set))
}

// apply is Apply where it has to work.
func apply(t testing.TB, c capnp.Client, steps []Step, e *Env) capnp.Client {
	t.Helper()
	got, err := Apply(t.Context(), c, steps, e)
	if err != nil {
		t.Fatalf("%s: %v", Describe(steps, nil), err)
	}
	return got
}

// handClock stands still until it is moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(time.Duration, func()) func() bool { return func() bool { return true } }

func (c *handClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}
