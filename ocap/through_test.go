package ocap_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

func cancellationCrosses(t testing.TB, p place, wr wrapping) {
	o, c := newThing()
	h, _ := p.setup(t, c, wr.wrap)
	ctx, cancel := context.WithCancel(context.Background())
	call := send(ctx, h.Client, block, 0)
	eventually(t, "the method runs", func() bool { return o.pings.Load() == 1 })
	cancel()
	<-call.Done()
	eventually(t, "the method's context ends", func() bool { return o.ended.Load() == 1 })
	must(t, h.Client, self, 0)
}

func streamsCross(t testing.TB, p place, wr wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, wr.wrap)
	stream := func() error {
		return capnp.SendStream(t.Context(), h.Client, write, func(b capnp.StructBuilder) { b.NewData(1, 4<<10) })
	}
	for range 100 {
		if err := stream(); err != nil {
			t.Fatal(err)
		}
	}
	must(t, h.Client, ping, 0)
	if n := o.writes.Load(); n != 100 {
		t.Fatalf("%d chunks arrived", n)
	}
	if revoke == nil {
		return
	}
	revoke()
	// What the window takes before the first answer is back fails unseen, so how
	// many chunks that is depends on the window and on how fast answers come.
	var err error
	eventually(t, "the stream fails", func() bool { err = stream(); return err != nil })
	wantErr(t, "the stream", err, ocap.Revoked)
	must(t, c.Client, ping, 0) // one holder's stream that ends does not break the object
}

// counted is a target that counts its references.
type counted struct {
	naive
	refs, released atomic.Int64
	inner          capnp.Hook
}

func (h *counted) Deliver(c *capnp.Call, t *capnp.Turn) { h.inner.Deliver(c, t) }
func (h *counted) Retain()                              { h.refs.Add(1) }
func (h *counted) Release(*capnp.Turn) {
	if h.refs.Add(-1) == 0 {
		h.released.Add(1)
	}
}

// Releasing what was got, or revoking, gives everything back, exactly once.
func targetIsReleasedOnce(t testing.TB, p place, wr wrapping) {
	for _, revoked := range []bool{false, true} {
		_, c := newThing()
		k := &counted{inner: capnp.HookOf(c.Client)}
		target := T{capnp.NewClient(k)}
		h, revoke := wr.wrap(target)
		if revoked && revoke == nil {
			continue
		}
		second := capnp.AddRef(h)
		mine := &counted{inner: capnp.HookOf(c.Client)}
		mc := capnp.NewClient(mine)
		for range 3 {
			call := send(context.Background(), h.Client, echo, 0, mc, h.Client)
			if _, err := call.Wait(); err != nil {
				t.Fatal(err)
			}
			call.Release()
		}
		ctx, cancel := context.WithCancel(context.Background())
		send(ctx, h.Client, hang, 0, mc)
		target.Release()
		if k.refs.Load() == 0 {
			t.Errorf("%s: the target was released too early", wr.name)
		}
		once := func() bool { return k.refs.Load() == 0 && k.released.Load() == 1 }
		if revoked {
			revoke()
			eventually(t, wr.name+": revoke releases the target", once)
		}
		h.Release()
		second.Release()
		second.Release()
		mc.Release()
		cancel()
		eventually(t, wr.name+": the target is released once", once)
		eventually(t, wr.name+": so is the parameter", func() bool { return mine.refs.Load() == 0 })
	}
}

// When everything is given back both vats' tables are empty.
func nothingLeaks(t testing.TB, p place, wr wrapping) {
	for _, atObject := range []bool{false, true} {
		for _, revoked := range []bool{false, true} {
			_, c := newThing()
			offered := c
			var revoke func(...error)
			if atObject {
				offered, revoke = wr.wrap(c)
			}
			near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: offered.Client})
			boot := rpc.Bootstrap[T](t.Context(), near)
			h := boot
			if !atObject {
				h, revoke = wr.wrap(boot)
			}
			s, mine := newSink()
			for range 5 {
				for _, m := range []*capnp.Method{self, echo, bear, callBack, keep, kept, tail, early, secret, hang} {
					ctx, cancel := context.WithCancel(t.Context())
					call := send(ctx, h.Client, m, 0, mine)
					if m == hang {
						cancel()
						<-call.Done()
						continue
					}
					out := capnp.PipelineClient(call, 0)
					on := send(t.Context(), out, ping, 0)
					again := piped(out, self)
					two := send(t.Context(), again, secret, 0)
					call.WaitContext(t.Context())
					on.Wait()
					two.Wait()
					again.Release()
					out.Release()
					call.Release()
					cancel()
				}
				receive(t, s.got).Release()
			}
			must(t, h.Client, keep, 0)
			if revoked && revoke != nil {
				revoke()
			}
			h.Release()
			boot.Release()
			for name, conn := range map[string]*rpc.Conn{"holder": near, "object": far} {
				eventuallyEmpty(t, wr.name+": "+name, conn)
			}
			near.Close()
			<-near.Done()
			<-far.Done()
		}
	}
}

func eventuallyEmpty(t testing.TB, who string, c *rpc.Conn) {
	t.Helper()
	var s rpc.Stats
	defer func() {
		if t.Failed() {
			t.Logf("%s: %+v", who, s)
		}
	}()
	eventually(t, who+" holds nothing", func() bool {
		runtime.GC() // what is left in results that nobody released
		s = c.Stats()
		return s.Questions == 0 && s.Answers == 0 && s.Exports == 0 && s.Imports == 0
	})
}

// The error that crosses says what the holder needs to know, and no more.
func TestRevokedCrossesTheWire(t *testing.T) {
	_, c := newThing()
	h, revoke := places[1].setup(t, c, revocable)
	revoke()
	_, err := do(t, h.Client, ping, 0)
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok || !x.Remote || x.Kind != capnp.Failed || x.Reason != "the capability was revoked" {
		t.Errorf("%#v", err)
	}
	if !errors.Is(err, ocap.Revoked) || errors.Is(err, capnp.Disconnected) || errors.Is(err, ocap.Code("another")) {
		t.Errorf("%v: not told apart", err)
	}
}
