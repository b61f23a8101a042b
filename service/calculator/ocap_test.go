package calculator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// TestWrappedFunctionsAreCalled: the evaluator does not see through what
// somebody put around a function or a value of its own.
func TestWrappedFunctionsAreCalled(t *testing.T) {
	d := newDesk(t, nil)
	add, revoke := ocap.Revocable(d.operator(CalculatorOperatorAdd))
	v, revokeValue := ocap.Revocable(d.evaluate(number(5)))
	d.want(d.evaluate(invoke(add, result(v), number(2))), 7)
	sum := d.define(2, invoke(add, param(0), param(1)))
	if got, err := d.call(sum, 1, 2); err != nil || got != 3 {
		t.Errorf("got %v, %v, want 3", got, err)
	}
	revokeValue()
	d.wantError(d.evaluate(result(v)), capnp.Failed, "revoked")
	d.want(d.evaluate(invoke(add, number(1), number(2))), 3)
	revoke()
	d.wantError(d.evaluate(invoke(add, number(1), number(2))), capnp.Failed, "revoked")
	if _, err := d.call(sum, 1, 2); !errors.Is(err, ocap.Revoked) {
		t.Errorf("a function that uses it: %v", err)
	}

	denied := ocap.Facet(d.operator(CalculatorOperatorAdd))
	d.wantError(d.evaluate(invoke(denied, number(1), number(2))), capnp.Unimplemented, "")
}

// TestWrappingBuysNoFuel: a chain in which every function is wrapped, so that
// each call of one is an evaluation of its own, is bounded all the same.
func TestWrappingBuysNoFuel(t *testing.T) {
	d := newDesk(t, &Limits{Fuel: 2000, Refill: 1})
	add := d.operator(CalculatorOperatorAdd)
	var calls atomic.Int64 // a function may still run when nobody waits for it
	count := hosted(func(_ context.Context, call CalculatorFunctionCallCall) (float64, error) {
		calls.Add(1)
		return call.Params().Params().At(0), nil
	})
	f := d.define(1, invoke(count, param(0)))
	for range 16 {
		f = d.define(1, invoke(add, invoke(ocap.Facet(f, CalculatorFunctionCallMethod), param(0)), invoke(ocap.Facet(f, CalculatorFunctionCallMethod), param(0))))
	}
	if _, err := d.call(f, 1); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("got %v, want overloaded", err)
	}
	if n := calls.Load(); n > 2000 {
		t.Errorf("%d calls were made", n)
	}
}

// TestCallsOfAncestors: evaluations that hold every place for calls, and wait
// for one that waits for a place, are given up in time.
func TestCallsOfAncestors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, &Limits{Calls: 1, Wait: time.Second})
		inner := hosted(func(context.Context, CalculatorFunctionCallCall) (float64, error) { return 1, nil })
		outer := hosted(func(ctx context.Context, call CalculatorFunctionCallCall) (float64, error) {
			call.Unblock()
			e := desk{t, ctx, d.c}
			return e.read(e.evaluate(invoke(inner)))
		})
		start := time.Now()
		d.wantError(d.evaluate(invoke(outer)), capnp.Overloaded, "no answer")
		if took := time.Since(start); took != time.Second {
			t.Errorf("gave up after %v", took)
		}
		d.want(d.evaluate(invoke(inner)), 1)
	})
}
