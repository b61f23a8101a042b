package narrow

import (
	"errors"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow/internal/desk"
	"lanyard.dev/rpc"
)

// Over a connection, narrowed at either end, arguments are judged as they arrive, and the codes of
// refusals reach the holder.
func TestOverConnection(t *testing.T) {
	reg := registry(t)
	steps := []Step{
		Call(*pathCall(t, "drawer", "", sets{"id": "top"})),
		By(Narrowing{Interface: deskID, Where: []string{`send.text.size < 10`, `send.sink == null`, `send.to.size < 3`}, Uses: 4}),
	}
	for _, atObject := range []bool{true, false} {
		c, sums := newDesk(t, reg)
		env := &Env{Registry: reg, Grantor: "alice"}
		boot := c
		if atObject {
			boot = apply(t, c, steps, env)
		}
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: boot})
		h := rpc.Bootstrap[desk.Desk](t.Context(), near)
		if !atObject {
			h = capnp.As[desk.Desk](apply(t, h.Client, steps, env))
		}
		send := func(fill func(desk.DeskSendParamsBuilder)) error {
			_, err := h.Send(t.Context(), fill).Wait()
			return err
		}
		for _, tt := range []struct {
			name string
			fill func(desk.DeskSendParamsBuilder)
			want error
		}{
			{"fine", func(p desk.DeskSendParamsBuilder) { p.SetText("hello") }, nil},
			{"long", func(p desk.DeskSendParamsBuilder) { p.SetText(strings.Repeat("x", 100000)) }, ocap.Denied},
			{"with a capability", func(p desk.DeskSendParamsBuilder) { p.SetSink(h.Client) }, ocap.Denied},
			{"many", func(p desk.DeskSendParamsBuilder) { p.SetTo([]string{"a", "b", "c"}) }, ocap.Denied},
			{"a few", func(p desk.DeskSendParamsBuilder) { p.SetTo([]string{"a", "b"}) }, nil},
			{"empty", nil, nil},
			{"the last", nil, nil},
			{"one too many", nil, ocap.Exhausted},
		} {
			err := send(tt.fill)
			if !errors.Is(err, tt.want) {
				t.Errorf("at the object %v: %s: got %v, want %v", atObject, tt.name, err, tt.want)
			}
			if err != nil && !strings.HasSuffix(err.Error(), "; alice can give more") {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if s := sums.all(); s["send"] != 4 || s["drawer"] != 1 {
			t.Errorf("ran %v", s)
		}
		h.Release()
		near.Close()
		far.Close()
		<-near.Done()
		<-far.Done()
	}
}
