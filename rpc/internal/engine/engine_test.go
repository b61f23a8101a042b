package engine

import (
	"context"
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

func TestBootstrapCallReturn(t *testing.T) {
	p := newPair(t)
	o := &object{name: "o"}
	p.b.boot = o
	boot := p.a.bootstrap()
	pr := send(context.Background(), boot, 7) // pipelined on the bootstrap
	p.run()
	c := o.take(t)
	if got := c.ParamsStruct().Uint64(0); got != 7 {
		t.Errorf("param = %d, want 7", got)
	}
	returns(c)
	p.run()
	if _, err := pr.Wait(); err != nil {
		t.Fatal(err)
	}
	boot.Release()
	p.run()
	p.empty()
	if o.refs != 0 {
		t.Errorf("the object has %d references left", o.refs)
	}
	t.Log("\n" + p.trace.String())
}

// The same promised result used many times, deep.
func TestPipelineDeep(t *testing.T) {
	p := newPair(t)
	o := &object{name: "o"}
	p.b.boot = o
	boot := p.a.bootstrap()
	c := boot
	var all []capnp.Client
	for range 5 {
		c = capnp.PipelineClient(send(context.Background(), c, 1), 0)
		all = append(all, c)
	}
	last := send(context.Background(), c, 2)
	again := send(context.Background(), c, 3)
	p.run()
	for range 5 {
		returns(o.take(t), o)
		p.run()
	}
	returns(o.take(t))
	returns(o.take(t))
	p.run()
	if _, err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		c.Release()
	}
	boot.Release()
	p.run()
	p.empty()
	if o.refs != 0 {
		t.Errorf("the object has %d references left", o.refs)
	}
}

// A local capability comes back: calls sent the long way arrive first.
func TestEmbargo(t *testing.T) {
	p := newPair(t)
	remote, local := &object{name: "remote"}, &object{name: "local"}
	p.b.boot = remote
	boot := p.a.bootstrap()
	lc := capnp.NewClient(local)
	echo := send(context.Background(), boot, 0, lc)
	back := capnp.PipelineClient(echo, 0)
	send(context.Background(), back, 1)
	send(context.Background(), back, 2)
	p.run()
	c := remote.take(t)
	got := c.ParamsStruct().Client(0)
	returns(c, capnp.HookOf(got))
	p.step(p.b, p.a) // Return
	send(context.Background(), back, 3)
	if len(local.calls) != 0 {
		t.Fatal("a call overtook those sent before it")
	}
	p.run()
	for want := uint64(1); want <= 3; want++ {
		c := local.take(t)
		if n := c.ParamsStruct().Uint64(0); n != want {
			t.Errorf("call %d arrived, want %d", n, want)
		}
		returns(c)
	}
	p.run()
	got.Release()
	back.Release()
	lc.Release()
	boot.Release()
	p.run()
	p.empty()
	t.Log("\n" + p.trace.String())
	if local.refs != 0 || remote.refs != 0 {
		t.Errorf("references left: local %d, remote %d", local.refs, remote.refs)
	}
}

func (v *vat) askFor(id string) capnp.Client {
	return capnp.StartCall(context.Background(), func(c *capnp.Call, t *capnp.Turn) { v.Push(AskBootstrap(c, []byte(id)), t) })
}

// A Bootstrap that names an object is a call: the object may take its time, calls made on it
// meanwhile wait there, and who gives it up cancels it.
func TestBootstrapNamesObject(t *testing.T) {
	p := newPair(t)
	finder, found := &object{name: "finder"}, &object{name: "found"}
	p.b.objects = finder
	c := p.a.askFor("thing")
	send(context.Background(), c, 1)
	send(context.Background(), c, 2)
	p.run()
	ask := finder.take(t)
	if got := ask.Payload().Content().Text(); got != "thing" {
		t.Fatalf("asked for %q", got)
	}
	if len(found.calls) > 0 {
		t.Fatal("a call arrived before its target was known")
	}
	found.Retain()
	turn := capnp.BeginTurn()
	ask.Return(capnp.Result{Payload: capnp.CapPayload(found)}, turn)
	turn.End()
	p.run()
	send(context.Background(), c, 3)
	p.run()
	for want := uint64(1); want <= 3; want++ {
		call := found.take(t)
		if n := call.ParamsStruct().Uint64(0); n != want {
			t.Errorf("call %d arrived, want %d", n, want)
		}
		returns(call)
	}
	p.run()
	c.Release()
	ctx, cancel := context.WithCancel(context.Background())
	given := capnp.StartCall(ctx, func(c *capnp.Call, t *capnp.Turn) { p.a.Push(AskBootstrap(c, []byte("x")), t) })
	p.run()
	cancel()
	given.Resolve(context.Background())
	p.run()
	if ask := finder.take(t); ask.Cause() == nil {
		t.Error("a question that was given up goes on")
	}
	given.Release()
	p.run()
	p.empty()
	if found.refs != 0 {
		t.Errorf("%d references left", found.refs)
	}
}

// Who has no such objects says so, instead of giving something else.
func TestBootstrapNamesNothing(t *testing.T) {
	p := newPair(t)
	p.b.boot = &object{name: "boot"}
	c := p.a.askFor("thing")
	p.run()
	if err := c.Resolve(context.Background()); err == nil || !strings.Contains(err.Error(), "by name") {
		t.Errorf("got %v", err)
	}
	c.Release()
	p.run()
	p.empty()
}
