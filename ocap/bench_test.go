package ocap_test

import (
	"context"
	"testing"
	"time"

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

// BenchmarkAdded reports what a layer adds to a local call: the least of many batches with it less the
// least of as many without, by turns. That holds on a busy machine, too, where averages do not.
func BenchmarkAdded(b *testing.B) {
	for _, l := range []wrapping{
		single("facet"), single("revocable"), single("membrane"), stackOf("revocable", "facet"), stackOf("membrane", "facet"),
	} {
		b.Run(l.name, func(b *testing.B) {
			c := T{capnp.NewClient(&instant{})}
			h, _ := l.wrap(c)
			const calls = 200
			batch := func(c T) time.Duration {
				start := time.Now()
				for range calls {
					if _, err := send(context.Background(), c.Client, ping, 1).Wait(); err != nil {
						b.Fatal(err)
					}
				}
				return time.Since(start)
			}
			least := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				least[0] = min(least[0], batch(c))
				least[1] = min(least[1], batch(h))
			}
			b.ReportMetric(float64(least[0])/calls, "ns/bare")
			b.ReportMetric(float64(least[1]-least[0])/calls, "ns/layer")
			b.ReportMetric(0, "ns/op")
		})
	}
}
