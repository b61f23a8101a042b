package ocap_test

import (
	"context"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

func TestSeal(t *testing.T) {
	sealer, unsealer := ocap.NewSealer[T]()
	other, _ := ocap.NewSealer[T]()
	_, c := newThing()
	box := sealer.Seal(c)
	defer box.Release()
	ctx := context.Background()

	got, err := unsealer.Unseal(ctx, box)
	if err != nil || !capnp.Same(got.Client, c.Client) {
		t.Errorf("got %v (%v), want what was sealed", got, err)
	}
	// It has been to other vats, as a promise, and home again.
	echoed := piped(dial(t, c).Client, echo, box)
	if got, err = unsealer.Unseal(ctx, echoed); err != nil || !capnp.Same(got.Client, c.Client) {
		t.Errorf("from afar: got %v (%v)", got, err)
	}

	var errs []string
	for name, b := range map[string]capnp.Client{
		"of another sealer": other.Seal(c),
		"no box":            c.Client,
		"null":              {},
		"broken":            capnp.Broken(capnp.NewError(capnp.Failed, "words")),
		"of a zero sealer":  ocap.Sealer[T]{}.Seal(c),
		"of another vat":    dial(t, T{box}).Client,
	} {
		_, err := unsealer.Unseal(ctx, b)
		wantErr(t, name, err, ocap.Denied)
		errs = append(errs, err.Error())
	}
	for _, e := range errs {
		if e != errs[0] {
			t.Errorf("%q and %q can be told apart", e, errs[0])
		}
	}
	if _, err := (ocap.Unsealer[T]{}).Unseal(ctx, ocap.Sealer[T]{}.Seal(c)); err == nil {
		t.Error("the zero unsealer opens boxes")
	}
	for _, m := range thingMethods {
		_, err := do(t, box, m, 0)
		wantErr(t, m.String(), err, capnp.Unimplemented)
	}
}

// What is in a box is held as long as the box, and no longer.
func TestSealHolds(t *testing.T) {
	sealer, unsealer := ocap.NewSealer[T]()
	gone := make(chan struct{})
	c := T{capnp.NewServer(&dying{gone: gone})}
	box := sealer.Seal(c)
	c.Release()
	got, err := unsealer.Unseal(context.Background(), box)
	if err != nil {
		t.Fatal(err)
	}
	got.Release()
	select {
	case <-gone:
		t.Fatal("gone while it was in the box")
	default:
	}
	box.Release()
	<-gone
}

type dying struct {
	thing
	gone chan struct{}
}

func (d *dying) Impl() any { return d }
func (d *dying) Released() { close(d.gone) }
