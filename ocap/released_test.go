package ocap_test

import (
	"context"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// Calls that were pipelined on a promise complete though it was given up, held or not.
func TestHeldCallsOutliveTheirPromise(t *testing.T) {
	for _, p := range places {
		for name, wrap := range map[string]func(T) (T, func(...error)){
			"none":     func(c T) (T, func(...error)) { return capnp.AddRef(c), nil },
			"facet":    func(c T) (T, func(...error)) { return ocap.Facet(c, kept), nil },
			"admitted": single("admitted").wrap,
		} {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				o, c := newThing()
				_, in := newThing()
				o.stored = in.Client
				h, _ := p.setup(t, c, wrap)
				for range 20 {
					got := send(context.Background(), h.Client, kept, 0)
					out := capnp.PipelineClient(got, 0)
					call := send(context.Background(), out, ping, 1)
					out.Release()
					got.Release()
					if _, err := call.Wait(); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// A call whose promise was given up, with everything that was pipelined on it, is cancelled.
func TestGivenUpCallsAreCancelled(t *testing.T) {
	for _, p := range places {
		for _, w := range append(singles, wrapping{name: "none", wrap: func(c T) (T, func(...error)) { return capnp.AddRef(c), nil }}) {
			t.Run(p.name+"/"+w.name, func(t *testing.T) {
				o, c := newThing()
				h, _ := p.setup(t, c, w.wrap)
				call := send(context.Background(), h.Client, hang, 0)
				out := capnp.PipelineClient(call, 0)
				ctx, cancel := context.WithCancel(context.Background())
				on := send(ctx, out, ping, 0)
				on.Done()
				eventually(t, "the method runs", func() bool { return o.pings.Load() == 1 })
				out.Release()
				call.Release()
				cancel()
				<-on.Done()
				eventually(t, "the method's context ends", func() bool { return o.ended.Load() == 1 })
			})
		}
	}
}

// Calls that went to another vat and came home may be held on the way: later ones, which need not go
// there any more, do not overtake them.
func TestHeldCallsThatCameHomeAreNotOvertaken(t *testing.T) {
	for _, p := range places {
		for _, w := range []wrapping{single("admitted"), stackOf("lease", "admitted"), stackOf("admitted", "audit")} {
			t.Run(p.name+"/"+w.name, func(t *testing.T) {
				for range 20 {
					passedBackIsTheOriginal(t, p, w)
				}
			})
		}
	}
}
