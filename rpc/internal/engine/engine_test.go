package engine

import (
	"context"
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
