package cli

import (
	"context"
	"errors"
	"fmt"
	"net"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// guest hands out less than we hold, to somebody at the end of another socket,
// and takes it back.
func guest(w *walk) (err error) {
	narrow := ocap.Facet(w.c, calculator.CalculatorEvaluateMethod, calculator.CalculatorGetOperatorMethod)
	lent, revoke := ocap.Revocable(narrow)
	defer revoke()

	ctx := w.ctx
	addr, stop, err := serveHere(ctx, func(ctx context.Context, l net.Listener) error { return rpc.Serve(ctx, l, lent, nil) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	conn, err := rpc.Dial(ctx, "tcp", addr, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	g := desk{ctx, rpc.Bootstrap[calculator.Calculator](ctx, conn)}

	w.say("Less than we hold", fmt.Sprintf(`At %s we serve a guest what it may have of the calculator: operators
and evaluate(). It is still a calculator; defining functions is not forbidden to
the guest, it is not there.`, addr))
	kept := g.evaluate(number(7))
	if err := w.ask("the guest: 6 * 7", func() (string, error) {
		return g.read(g.evaluate(apply(g.operator(multiply), number(6), result(kept))))
	}); err != nil {
		return err
	}
	define := func() (string, error) {
		f := g.define(1, param(0))
		_, err := f.Call(ctx, nil).Wait()
		return "", err
	}
	if err := w.refuse("the guest: define a function", capnp.Unimplemented, define); err != nil {
		return err
	}

	w.say("Taking it back", `We revoke what we lent. That includes everything that came out of it.`)
	revoke()
	if err := w.refuse("the guest: 6 * 7", capnp.Failed, func() (string, error) {
		return g.read(g.evaluate(apply(g.operator(multiply), number(6), number(7))))
	}); err != nil {
		return err
	}
	if err := w.refuse("the guest: read the 7 it still has", capnp.Failed, func() (string, error) {
		return g.read(kept)
	}); err != nil {
		return err
	}
	return w.ask("we: 6 * 7", func() (string, error) {
		return w.read(w.evaluate(apply(w.operator(multiply), number(6), number(7))))
	})
}

// ask does something and prints what it came to, and how many calls reached the
// calculator.
func (w *walk) ask(what string, do func() (string, error)) error {
	w.tap.Reset()
	result, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	w.row(what, result, plural(w.tap.Counts().Calls, "call")+" reached the calculator")
	return nil
}

// refuse does what must fail, and prints how it failed.
func (w *walk) refuse(what string, kind capnp.Kind, do func() (string, error)) error {
	w.tap.Reset()
	result, err := do()
	e, ok := errors.AsType[*capnp.Exception](err)
	if !ok || e.Kind != kind {
		return fmt.Errorf("%s: got %q, %w; it should have been refused", what, result, err)
	}
	w.row(what, e.Kind.Error(), plural(w.tap.Counts().Calls, "call")+" reached the calculator")
	fmt.Fprintf(w.out, "     %-36s  “%s”\n", "", printable(e.Reason))
	return nil
}
