package rpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// thrower is an object whose every method throws.
type thrower struct{ throw func() error }

func (s *thrower) Impl() any                                       { return s }
func (s *thrower) FindMethod(i uint64, m uint16) *capnp.Method     { return failMethod }
func (s *thrower) Invoke(ctx context.Context, c *capnp.Call) error { return s.throw() }

// thrown returns the exception that arrives when a method throws at the end of a chain of
// connections with the given options at their ends.
func thrown(t *testing.T, throw func() error, hops ...*rpc.Options) *capnp.Exception {
	t.Helper()
	c := T{capnp.NewServer(&thrower{throw})}
	for _, o := range hops {
		served := rpc.Options{Traces: o.Traces, Bootstrap: c.Client}
		a, b := rpc.Pipe(o, &served)
		c.Release()
		t.Cleanup(func() { a.Close(); b.Close() })
		c = rpc.Bootstrap[T](t.Context(), a)
	}
	defer c.Release()
	_, err := add(t.Context(), c, 1).Wait()
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok {
		t.Fatalf("got %v, want an exception", err)
	}
	return x
}

func plainHops(n int) (out []*rpc.Options) {
	for range n {
		out = append(out, &rpc.Options{})
	}
	return out
}

func tracedHops(n int) (out []*rpc.Options) {
	for range n {
		out = append(out, &rpc.Options{Traces: &rpc.Traces{}})
	}
	return out
}

// C++: "method throws exception", "method throws exception won't redundantly add remote exception
// prefix".
func TestMethodThrowsException(t *testing.T) {
	for _, c := range []struct {
		name  string
		throw func() error
		hops  int
		want  string
	}{
		{"plain", func() error { return errors.New("test exception") }, 1, "remote exception: test exception"},
		{"already prefixed", func() error { return errors.New("remote exception: test exception") }, 1, "remote exception: test exception"},
		{"over three connections", func() error { return errors.New("test exception") }, 3, "remote exception: test exception"},
	} {
		x := thrown(t, c.throw, plainHops(c.hops)...)
		if x.Error() != c.want || x.Kind != capnp.Failed || x.Trace != "" || !x.Remote {
			t.Errorf("%s: got %v, %+v, want %s", c.name, x, x, c.want)
		}
	}
}

func panics() error { panic("at 0xc000123456 in /usr/secret") }

func tracedError() error { return capnp.NewError(capnp.Overloaded, "no").Traced() }

// C++: "method throws exception with trace encoder".
func TestMethodThrowsExceptionWithTrace(t *testing.T) {
	shout := &rpc.Options{Traces: &rpc.Traces{Redact: func(s string) string { return "redacted" }}}
	for _, c := range []struct {
		name  string
		throw func() error
		hops  []*rpc.Options
		want  string // prefix
	}{
		{"panic, off", panics, plainHops(1), ""},
		{"panic", panics, tracedHops(1), "lanyard.dev/rpc_test.panics observetraces_test.go:"},
		{"panic, two connections", panics, tracedHops(2), "lanyard.dev/rpc_test.panics observetraces_test.go:"},
		{"panic, kept from the second", panics, append(tracedHops(1), plainHops(1)...), ""},
		{"known place", tracedError, tracedHops(1), "lanyard.dev/rpc_test.tracedError observetraces_test.go:"},
		{"known place, off", tracedError, plainHops(1), ""},
		{"unknown place", func() error { return errors.New("x") }, tracedHops(1), ""},
		{"own redaction", panics, []*rpc.Options{shout}, "redacted"},
		{"redaction that panics", panics, []*rpc.Options{{Traces: &rpc.Traces{Redact: func(string) string { panic("no") }}}}, ""},
	} {
		x := thrown(t, c.throw, c.hops...)
		if !strings.HasPrefix(x.Trace, c.want) || c.want == "" && x.Trace != "" {
			t.Errorf("%s: trace %q, want prefix %q", c.name, x.Trace, c.want)
		}
		if strings.Contains(x.Trace, "/usr/") || strings.Contains(x.Trace, "0x") || strings.Contains(x.Trace, "debug.Stack") || strings.Contains(x.Trace, "object).") {
			t.Errorf("%s: trace says too much: %q", c.name, x.Trace)
		}
	}
}

// A trace is bounded where it is sent.
func TestTraceIsBounded(t *testing.T) {
	long := &rpc.Options{Traces: &rpc.Traces{Redact: func(string) string { return strings.Repeat("ä", 10<<10) }}}
	if x := thrown(t, panics, long); len(x.Trace) != 8<<10 {
		t.Errorf("trace of %d bytes", len(x.Trace))
	}
}

// C++: "method throws exception with detail", "disconnection exception retains details".
func TestMethodThrowsExceptionWithDetail(t *testing.T) {
	for _, kind := range []capnp.Kind{capnp.Failed, capnp.Disconnected} {
		x := thrown(t, func() error {
			return &capnp.Exception{Kind: kind, Reason: "with", Details: []capnp.Detail{{ID: 1, Data: []byte("foo")}, {ID: 2, Data: []byte{0, 255}}}}
		}, plainHops(2)...)
		if x.Kind != kind || len(x.Details) != 2 || x.Details[0].ID != 1 || string(x.Details[0].Data) != "foo" || string(x.Details[1].Data) != "\x00\xff" {
			t.Errorf("got %+v", x)
		}
	}
}

func TestRedactStack(t *testing.T) {
	const stack = `goroutine 7 [running]:
runtime/debug.Stack()
	/usr/lib/go/src/runtime/debug/stack.go:26 +0x5e
lanyard.dev/capnp.(*object).invoke.func1()
	/src/capnp/object.go:189 +0x4d
panic({0x1234, 0x5678})
	/usr/lib/go/src/runtime/panic.go:792 +0x132
main.first[...](0xc000123456, {0x1, 0x2})
	C:/secret/main.go:12 +0x1d
main.(*T).Method(...)
	/secret/main.go:20
lanyard.dev/capnp.(*object).invoke(0xc0001)
	/src/capnp/object.go:200 +0x99
created by main.other in goroutine 1
	/secret/x.go:1 +0x1
`
	const want = "main.first[...] main.go:12\nmain.(*T).Method main.go:20"
	got := rpc.RedactStack(stack)
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if again := rpc.RedactStack(got); again != got {
		t.Errorf("what is redacted changes again:\n%s", again)
	}
	const foreign = "server.c++:12: 0x7f001122 /build/src/x.c++:3: called"
	if got, want := rpc.RedactStack(foreign), "server.c++:12:  x.c++:3: called"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range stack {
		rpc.RedactStack(stack[:i])
	}
}

// received is the exception that a caller gets when the peer's Return carries what fill fills in.
func received(t *testing.T, o *rpc.Options, fill func(schema.ExceptionBuilder)) *capnp.Exception {
	t.Helper()
	near, far := net.Pipe()
	c := rpc.NewConn(near, o)
	defer c.Close()
	go func() {
		defer far.Close()
		if _, err := frame.NewReader(far, nil).Read(); err != nil {
			return
		}
		mb := capnp.NewMessage(nil)
		fill(schema.NewRootMessage(mb).NewReturn().NewException())
		far.Write(frame.Marshal(mb))
		io.Copy(io.Discard, far)
	}()
	boot := rpc.Bootstrap[T](t.Context(), c)
	defer boot.Release()
	err := boot.Resolve(t.Context())
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok {
		t.Fatalf("got %v, want an exception", err)
	}
	return x
}

// What a C++ peer sends: a reason that may have the prefix already, because it received the exception
// itself; details; a trace of its own form, as long as it likes.
func TestExceptionFromOtherImplementations(t *testing.T) {
	from := func(o *rpc.Options) *capnp.Exception {
		return received(t, o, func(b schema.ExceptionBuilder) {
			b.SetReason("remote exception: context: x.c++: 12\nremote exception: inner")
			b.SetType(schema.ExceptionTypeDisconnected)
			b.SetTrace(strings.Repeat("x.c++:12: called\n", 1000))
			ds := b.NewDetails(20)
			for i, d := range ds.All() {
				d.SetDetailId(uint64(i))
				d.SetData([]byte{byte(i)})
			}
			ds.At(1).SetData(make([]byte, 5<<10))
		})
	}
	x := from(nil)
	if want := "remote exception: context: x.c++: 12\nremote exception: inner"; x.Error() != want {
		t.Errorf("error %q, want %q", x.Error(), want)
	}
	if x.Kind != capnp.Disconnected || x.Trace != "" || !x.Remote {
		t.Errorf("got %+v", x)
	}
	// At most sixteen details are looked at, and none of more than 4 KiB.
	if len(x.Details) != 15 || x.Details[0].ID != 0 || x.Details[1].ID != 2 || x.Details[14].ID != 15 || x.Details[14].Data[0] != 15 {
		t.Errorf("details %v", x.Details)
	}
	if x := from(&rpc.Options{Traces: &rpc.Traces{}}); len(x.Trace) != 8<<10 || !strings.HasPrefix(x.Trace, "x.c++:12: called\n") {
		t.Errorf("kept %d bytes of trace", len(x.Trace))
	}
}
