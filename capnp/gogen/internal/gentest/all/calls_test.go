package all_test

import (
	"context"
	"errors"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/gogen/internal/gentest/all"
	"lanyard.dev/capnp/gogen/internal/gentest/shape"
)

// service implements what the tests call and leaves the rest to Unimplemented.
type service struct {
	all.UnimplementedEmpty
	written []string
}

func (s *service) Name(ctx context.Context, call shape.NamedNameCall) error {
	call.Results().SetName("service")
	return nil
}

func (s *service) Size(ctx context.Context, call shape.SizedSizeCall) error {
	x := call.Params().X()
	call.Results().SetNamed(shape.NewNamed(label(string(rune('a' + x)))))
	return nil
}

func (s *service) Plain(ctx context.Context, call all.ServicePlainCall) error {
	call.Results().SetSum(int64(call.Params().A()) + int64(len(call.Params().B())))
	call.Results().SetNames([]string{call.Params().B()})
	return nil
}

func (s *service) Typed(ctx context.Context, call all.ServiceTypedCall) error {
	call.Results().SetText(call.Params().Suit().String())
	return nil
}

func (s *service) Write(ctx context.Context, call all.ServiceWriteCall) error {
	s.written = append(s.written, string(call.Params().Chunk()))
	return nil
}

func (s *service) Open(ctx context.Context, call all.ServiceOpenCall) error {
	r := call.Results()
	r.SetWriter(all.NewServiceWriter(writer{}))
	r.NewHolder().NewInner().SetNamed(shape.NewNamed(label("inner")))
	r.NewBox().NewValue().SetClient(shape.NewNamed(label("boxed")).Client)
	return nil
}

func (s *service) Reserved(ctx context.Context, call all.ServiceReservedCall) error {
	call.Results().NewPromise().SetNamed(shape.NewNamed(label("promised")))
	call.Results().SetWait(shape.NewNamed(label("waited")))
	call.Results().SetDone(true)
	return nil
}

func (s *service) ReleaseMethod(ctx context.Context, call all.ServiceReleaseCall) error { return nil }

type label string

func (l label) Name(ctx context.Context, call shape.NamedNameCall) error {
	call.Results().SetName(string(l))
	return nil
}

type writer struct{ all.UnimplementedServiceWriter }

func (writer) End(ctx context.Context, call all.ServiceWriterEndCall) error {
	call.Results().SetLength(12)
	return nil
}

func (writer) Get(ctx context.Context, call all.GenericGetCall) error {
	call.Results().NewValue().SetText("got")
	return nil
}

func name(t *testing.T, n shape.Named) string {
	t.Helper()
	res, err := n.Name(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return res.Name()
}

func TestCalls(t *testing.T) {
	s := all.NewService(&service{})
	ctx := t.Context()
	sum, err := s.Plain(ctx, func(p all.ServicePlainParamsBuilder) { p.SetA(40) }).Wait()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "Sum", sum.Sum(), 41) // the default of b has one letter
	list(t, "Names", sum.Names(), "b")
	typed, err := s.Typed(ctx, func(p all.ScalarsBuilder) { p.SetSuit(all.SuitSpades) }).Wait()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "Text", typed.Text(), "spades")
	if _, err := s.Nothing(ctx, nil).Wait(); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("Nothing: %v, want unimplemented", err)
	}
	if _, err := s.ReleaseMethod(ctx, nil).Wait(); err != nil {
		t.Errorf("ReleaseMethod: %v", err)
	}
}

func TestCallsOfInheritedMethods(t *testing.T) {
	s := all.NewEmpty(&service{})
	eq(t, "Empty.Name", name(t, shape.Named(s)), "service")
	eq(t, "Size.Named", name(t, s.Size(t.Context(), func(p shape.PointBuilder) { p.SetX(2) }).Named()), "c")
	_, err := s.Count(t.Context(), nil).Wait()
	if !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("Count: %v, want unimplemented", err)
	}
}

func TestCallsPipelined(t *testing.T) {
	s := all.NewService(&service{})
	open := s.Open(t.Context(), nil)
	end, err := open.Writer().End(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "Length", end.Length(), 12)
	got, err := open.Writer().Get(t.Context(), nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "Value", got.Value().Text(), "got")
	eq(t, "Holder.Inner.Named", name(t, open.Holder().Inner().Named()), "inner")
	eq(t, "Box.Value", name(t, shape.Named{Client: open.Box().Value().Client()}), "boxed")
	res := s.Reserved(t.Context(), nil)
	eq(t, "PromiseField.Named", name(t, res.PromiseField().Named()), "promised")
	eq(t, "WaitField", name(t, res.WaitField()), "waited")
	done, err := res.Wait()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "Done", done.Done(), true)
	eq(t, "Wait", name(t, done.Wait()), "waited")
}

func TestCallsStreaming(t *testing.T) {
	impl := &service{}
	s := all.NewService(impl)
	for _, chunk := range []string{"a", "b"} {
		if err := s.Write(t.Context(), func(p all.ServiceWriteParamsBuilder) { p.SetChunk([]byte(chunk)) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ReleaseMethod(t.Context(), nil).Wait(); err != nil {
		t.Fatal(err)
	}
	list(t, "written", texts(impl.written), "a", "b")
}

type texts []string

func (s texts) Len() int        { return len(s) }
func (s texts) At(i int) string { return s[i] }

// Capabilities travel in every place a schema has for them.
func TestCapabilitiesInMessages(t *testing.T) {
	m := capnp.NewMessage(nil)
	b := all.NewRootEverything(m)
	b.NewPointers().SetNamed(shape.NewNamed(label("field")))
	b.EditPointers().SetCapability(shape.NewNamed(label("any")).Client)
	l := b.NewLists()
	l.SetNameds([]shape.Named{shape.NewNamed(label("zero")), {}, shape.NewNamed(label("two"))})
	l.NewCapabilities(1).Set(0, shape.NewNamed(label("untyped")).Client)
	l.NewNamedGrid(1).NewAt(0, 1).Set(0, shape.NewNamed(label("grid")))
	b.NewChoice().SetNamed(shape.NewNamed(label("chosen")))
	b.NewGrouped().EditA().EditB().SetNamed(shape.NewNamed(label("grouped")))
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
	e := capnp.Root[all.Everything](m.Seal())
	eq(t, "Named", name(t, e.Pointers().Named()), "field")
	eq(t, "Capability", name(t, shape.Named{Client: e.Pointers().Capability()}), "any")
	eq(t, "Nameds[0]", name(t, e.Lists().Nameds().At(0)), "zero")
	eq(t, "Nameds[1]", e.Lists().Nameds().At(1).IsNull(), true)
	eq(t, "Nameds[2]", name(t, e.Lists().Nameds().At(2)), "two")
	eq(t, "Capabilities[0]", name(t, shape.Named{Client: e.Lists().Capabilities().At(0)}), "untyped")
	eq(t, "NamedGrid[0][0]", name(t, e.Lists().NamedGrid().At(0).At(0)), "grid")
	eq(t, "Choice.Named", name(t, e.Choice().Named()), "chosen")
	eq(t, "Choice.Capability", e.Choice().Capability().IsNull(), true)
	eq(t, "Grouped", name(t, e.Grouped().A().B().Named()), "grouped")
}
