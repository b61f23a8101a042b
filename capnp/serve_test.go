package capnp

import (
	"context"
	"testing"
	"testing/synctest"
)

// methods of the objects that tests are made of.
var (
	testMethod = NewMethod(MethodSpec{InterfaceID: 1, MethodID: 0, InterfaceName: "test", MethodName: "do",
		Params: StructSize{DataWords: 1, Pointers: 4}, Results: StructSize{DataWords: 1, Pointers: 4}, ResultsHaveCaps: true})
	testStream = NewMethod(MethodSpec{InterfaceID: 1, MethodID: 1, InterfaceName: "test", MethodName: "write",
		Params: StructSize{DataWords: 1, Pointers: 1}, Streaming: true})
	testOther = NewMethod(MethodSpec{InterfaceID: 1, MethodID: 9, InterfaceName: "test", MethodName: "other"})
)

// testServer is an object whose methods are one function.
type testServer func(ctx context.Context, c *Call) error

func (testServer) FindMethod(interfaceID uint64, methodID uint16) *Method {
	for _, m := range []*Method{testMethod, testStream} {
		if m.InterfaceID() == interfaceID && m.MethodID() == methodID {
			return m
		}
	}
	return nil
}
func (s testServer) Invoke(ctx context.Context, c *Call) error { return s(ctx, c) }
func (s testServer) Impl() any                                 { return s }

func serve(f func(ctx context.Context, c *Call) error) Client { return NewServer(testServer(f)) }

// call calls testMethod with a number and capabilities.
func call(ctx context.Context, c Client, n uint64, caps ...Client) Promise[Struct] {
	return Send[Struct](ctx, c, testMethod, func(b StructBuilder) {
		b.SetUint64(0, n)
		for i, p := range caps {
			b.SetClient(uint16(i), p)
		}
	})
}

func number(c *Call) uint64 { return c.ParamsStruct().Uint64(0) }

// counted is a hook that only counts its references.
type counted struct {
	brokenHook
	refs int
	name string
}

func newCounted(name string) *counted {
	return &counted{brokenHook: brokenHook{err: NewError(Failed, name)}, name: name}
}
func (c *counted) Broken() error            { return nil }
func (c *counted) Retain()                  { c.refs++ }
func (c *counted) Release(*Turn)            { c.refs-- }
func (c *counted) Deliver(k *Call, t *Turn) { k.Refuse(c.err, t) }

func (c *counted) want(t *testing.T, n int) {
	t.Helper()
	if c.refs != n {
		t.Errorf("%s has %d references, want %d", c.name, c.refs, n)
	}
}

// bubble runs f in a synctest bubble: it fails if goroutines are left blocked behind.
func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }
