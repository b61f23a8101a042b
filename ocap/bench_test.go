package ocap_test

import (
	"context"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

// The cost of a layer is the difference to "none". At once returns within Deliver, so that no
// goroutine has to be woken; local is an object in this process, remote one at the other end of a
// pipe with the wrapper at the caller.
func BenchmarkLayer(b *testing.B) {
	layers := []wrapping{
		{name: "none", wrap: func(c T) (T, func(...error)) { return capnp.AddRef(c), nil }},
		single("facet"),
		{name: "ten facets", wrap: func(c T) (T, func(...error)) {
			for range 10 {
				c = ocap.Facet(c, open...)
			}
			return c, nil
		}},
		single("revocable"),
		stackOf("revocable", "facet"),
		single("membrane"),
	}
	for _, where := range []string{"at once", "local", "remote"} {
		for _, l := range layers {
			b.Run(where+"/"+l.name, func(b *testing.B) {
				_, c := newThing()
				if where == "at once" {
					c = T{capnp.NewClient(&instant{})}
				}
				if where == "remote" {
					near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: c.Client})
					defer far.Close()
					defer near.Close()
					c = rpc.Bootstrap[T](context.Background(), near)
					if err := c.Resolve(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
				h, _ := l.wrap(c)
				_, mine := newSink()
				ctx := context.Background()
				b.Run("plain", func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if _, err := send(ctx, h.Client, ping, 1).Wait(); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run("capability", func(b *testing.B) { // one passed in, and back
					b.ReportAllocs()
					for b.Loop() {
						p := send(ctx, h.Client, echo, 1, mine)
						if _, err := p.Wait(); err != nil {
							b.Fatal(err)
						}
						p.Release()
					}
				})
			})
		}
	}
}

// instant is a target that ends calls within Deliver, with their parameters as results.
type instant struct{ naive }

func (*instant) Deliver(c *capnp.Call, t *capnp.Turn) {
	c.Return(capnp.Result{Payload: c.Payload().Map(func(h capnp.Hook) capnp.Hook { return h })}, t)
}

// What a call costs that is denied, and a wrapper.
func BenchmarkDenied(b *testing.B) {
	_, c := newThing()
	h, _ := facet(c)
	b.ReportAllocs()
	for b.Loop() {
		send(context.Background(), h.Client, secret, 1).Wait()
	}
}

func BenchmarkFacet(b *testing.B) {
	_, c := newThing()
	b.ReportAllocs()
	for b.Loop() {
		ocap.Facet(c, ping).Release()
	}
}
