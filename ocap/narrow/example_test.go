package narrow_test

import (
	"context"
	"fmt"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/ocap/narrow/internal/desk"
)

// sender counts what it is asked to send.
type sender struct {
	desk.UnimplementedDesk
	n uint32
}

func (s *sender) Send(_ context.Context, call desk.DeskSendCall) error {
	s.n++
	call.Results().SetN(s.n)
	return nil
}

// A capability is narrowed by a description that can be stored, shown to people, and applied again.
func Example() {
	ctx := context.Background()
	reg, _ := schema.Load(desk.DeskSchema())
	whole := desk.NewDesk(&sender{})

	steps := []narrow.Step{narrow.By(narrow.Narrowing{
		Interface: desk.DeskSendMethod.InterfaceID(),
		Where:     []string{`send.text.size < 10 and not send.urgent`},
		NotAfter:  time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		Uses:      2,
	})}
	stored, _ := narrow.Encode(steps)
	steps, _ = narrow.Decode(stored)
	fmt.Print(narrow.Describe(steps, reg))

	weaker, err := narrow.Apply(ctx, whole.Client, steps, &narrow.Env{Registry: reg, Grantor: "alice"})
	if err != nil {
		fmt.Println(err)
		return
	}
	guest := capnp.As[desk.Desk](weaker)
	for _, text := range []string{"hello", "hello, world", "bye", "again"} {
		res, err := guest.Send(ctx, func(p desk.DeskSendParamsBuilder) { p.SetText(text) }).Wait()
		fmt.Println(res.N(), err)
	}
	_, err = narrow.Apply(ctx, whole.Client, []narrow.Step{narrow.By(narrow.Narrowing{Where: []string{`sned.text == ""`}})},
		&narrow.Env{Registry: reg, Root: desk.DeskSendMethod.InterfaceID()})
	fmt.Println(err)
	// Output:
	// where send.text.size < 10 and not send.urgent
	// until 2100-01-01T00:00:00Z
	// 2 uses
	// 1 <nil>
	// 0 the call is denied because of its parameter text.size; alice can give more
	// 2 <nil>
	// 0 the capability is used up: all of 2 uses; alice can give more
	// step 1: where "sned.text == \"\"": column 1: Desk has no method sned, and none of its methods has such a field; did you mean send?
}
