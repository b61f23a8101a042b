package narrow

import (
	"context"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap/narrow/internal/desk"
)

// One condition on the parameters of one call.
func BenchmarkCondition(b *testing.B) {
	w, err := bindWhere(registry(b), deskID, []string{`send.text.size < 1000 and send.text ^= "he" and not send.urgent`})
	if err != nil {
		b.Fatal(err)
	}
	m := deskMethod(b, "send")
	p := params(b, m, sets{"text": "hello"})
	for b.Loop() {
		if err := judge(w.checks[methodOf(m)], p); err != nil {
			b.Fatal(err)
		}
	}
}

// stopper has one method, which does nothing.
type stopper struct{ desk.UnimplementedDesk }

func (stopper) Stop(context.Context, desk.DeskStopCall) error { return nil }

// A local call, as it is and through narrowings in one layer.
func BenchmarkCall(b *testing.B) {
	reg := registry(b)
	c := desk.NewDesk(stopper{}).Client
	m := deskMethod(b, "stop").Descriptor()
	for _, bb := range []struct {
		name  string
		steps []Step
	}{
		{"bare", nil},
		{"methods", []Step{By(Narrowing{Methods: []Method{{deskID, 7}}})}},
		{"ten steps", []Step{
			By(Narrowing{Methods: []Method{{deskID, 7}}}), By(Narrowing{Methods: []Method{{deskID, 7}}}),
			By(Narrowing{Where: []string{"send.urgent"}}), By(Narrowing{Where: []string{"send.urgent"}}),
			By(Narrowing{Where: []string{"send.urgent"}}), By(Narrowing{Where: []string{"send.urgent"}}),
			By(Narrowing{Where: []string{"send.urgent"}}), By(Narrowing{Where: []string{"send.urgent"}}),
			By(Narrowing{Methods: []Method{{deskID, 7}}}), By(Narrowing{Methods: []Method{{deskID, 7}}}),
		}},
		{"limits", []Step{By(Narrowing{NotAfter: noon.AddDate(100, 0, 0), Uses: 1 << 60, Concurrency: 1 << 20})}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			got := apply(b, c, bb.steps, &Env{Registry: reg, Root: deskID})
			for b.Loop() {
				if _, err := capnp.Send[capnp.Struct, capnp.StructBuilder](b.Context(), got, m, nil).Wait(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
