package calculator

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
)

// A desk is a client with a short way to say things.
type desk struct {
	t   *testing.T
	ctx context.Context
	c   Calculator
}

func newDesk(t *testing.T, limits *Limits) desk {
	return desk{t, t.Context(), New(limits)}
}

// A builder fills in an expression.
type builder func(CalculatorExpressionBuilder)

func number(v float64) builder { return func(b CalculatorExpressionBuilder) { b.SetLiteral(v) } }
func param(i uint32) builder   { return func(b CalculatorExpressionBuilder) { b.SetParameter(i) } }
func result(v CalculatorValue) builder {
	return func(b CalculatorExpressionBuilder) { b.SetPreviousResult(v) }
}
func invoke(f CalculatorFunction, args ...builder) builder {
	return func(b CalculatorExpressionBuilder) {
		c := b.NewCall()
		c.SetFunction(f)
		for i, p := range c.NewParams(len(args)).All() {
			args[i](p)
		}
	}
}

func (d desk) evaluate(x builder) CalculatorValue {
	return d.c.Evaluate(d.ctx, func(p CalculatorEvaluateParamsBuilder) { x(p.NewExpression()) }).Value()
}

func (d desk) define(arity int32, body builder) CalculatorFunction {
	return d.c.DefFunction(d.ctx, func(p CalculatorDefFunctionParamsBuilder) {
		p.SetParamCount(arity)
		body(p.NewBody())
	}).Func()
}

func (d desk) operator(op CalculatorOperator) CalculatorFunction {
	return d.c.GetOperator(d.ctx, func(p CalculatorGetOperatorParamsBuilder) { p.SetOp(op) }).Func()
}

func (d desk) call(f CalculatorFunction, args ...float64) (float64, error) {
	res, err := f.Call(d.ctx, func(p CalculatorFunctionCallParamsBuilder) { p.SetParams(args) }).Wait()
	return res.Value(), err
}

func (d desk) read(v CalculatorValue) (float64, error) {
	res, err := v.Read(d.ctx, nil).Wait()
	return res.Value(), err
}

func (d desk) want(v CalculatorValue, want float64) {
	d.t.Helper()
	got, err := d.read(v)
	if err != nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
		d.t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func (d desk) wantError(v CalculatorValue, kind capnp.Kind, text string) {
	d.t.Helper()
	got, err := d.read(v)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) {
		d.t.Errorf("got %v, error %v, want %v: …%s…", got, err, kind, text)
	}
}

// clientFunction is a function on the client's side.
type clientFunction struct {
	UnimplementedCalculatorFunction
	f func(context.Context, CalculatorFunctionCallCall) (float64, error)
}

func (c clientFunction) Call(ctx context.Context, call CalculatorFunctionCallCall) error {
	v, err := c.f(ctx, call)
	if err == nil {
		call.Results().SetValue(v)
	}
	return err
}

func hosted(f func(ctx context.Context, call CalculatorFunctionCallCall) (float64, error)) CalculatorFunction {
	return NewCalculatorFunction(clientFunction{f: f})
}

func power(_ context.Context, call CalculatorFunctionCallCall) (float64, error) {
	p := call.Params().Params()
	if p.Len() != 2 {
		return 0, errors.New("pow takes two parameters")
	}
	return math.Pow(p.At(0), p.At(1)), nil
}

// TestSamples does what the sample clients do.
func TestSamples(t *testing.T) { samples(newDesk(t, nil)) }

func samples(d desk) {
	add, sub, mul := d.operator(CalculatorOperatorAdd), d.operator(CalculatorOperatorSubtract), d.operator(CalculatorOperatorMultiply)
	d.want(d.evaluate(number(123)), 123)
	d.want(d.evaluate(invoke(sub, invoke(add, number(123), number(45)), number(67))), 101)

	product := d.evaluate(invoke(mul, number(4), number(6)))
	d.want(d.evaluate(invoke(add, result(product), number(3))), 27)
	d.want(d.evaluate(invoke(add, result(product), number(5))), 29)

	f := d.define(2, invoke(add, invoke(mul, param(0), number(100)), param(1)))
	g := d.define(1, invoke(mul, invoke(f, param(0), invoke(add, param(0), number(1))), number(2)))
	d.want(d.evaluate(invoke(f, number(12), number(34))), 1234)
	d.want(d.evaluate(invoke(g, number(21))), 4244)

	d.want(d.evaluate(invoke(hosted(power), number(2), invoke(add, number(4), number(5)))), 512)
}

func TestDivisionIsIEEE(t *testing.T) {
	d := newDesk(t, nil)
	div := d.operator(CalculatorOperatorDivide)
	d.want(d.evaluate(invoke(div, number(1), number(4))), 0.25)
	d.want(d.evaluate(invoke(div, number(1), number(0))), math.Inf(1))
	d.want(d.evaluate(invoke(div, number(-1), number(0))), math.Inf(-1))
	d.want(d.evaluate(invoke(div, number(0), number(0))), math.NaN())
	if v, err := d.call(div, 1, 0); err != nil || !math.IsInf(v, 1) {
		t.Errorf("divide called directly: %v, %v", v, err)
	}
}

func TestRefusals(t *testing.T) {
	d := newDesk(t, nil)
	add := d.operator(CalculatorOperatorAdd)
	f := d.define(2, invoke(add, param(0), param(1)))
	for _, c := range []struct {
		name string
		expr builder
		text string
	}{
		{"operator arity", invoke(add, number(1)), "wrong number of parameters: the function takes 2, got 1"},
		{"function arity", invoke(f), "wrong number of parameters: the function takes 2, got 0"},
		{"parameter outside", param(0), "parameter index 0 out of range"},
		{"parameter too large", invoke(d.define(1, param(1)), number(1)), "parameter index 1 out of range"},
		{"null function", invoke(CalculatorFunction{}, number(1)), "the function is a null capability"},
		{"null previous result", result(CalculatorValue{}), "the previous result is a null capability"},
		{"unknown operator", invoke(d.operator(4), number(1), number(1)), "unknown operator 4"},
		{"failed previous result", result(d.evaluate(param(7))), "parameter index 7 out of range"},
		{"negative parameter count", invoke(d.define(-1, number(1))), "a function cannot take -1 parameters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			desk{t, d.ctx, d.c}.wantError(d.evaluate(c.expr), capnp.Failed, c.text)
		})
	}
	if _, err := d.call(add, 1, 2, 3); !errors.Is(err, capnp.Failed) {
		t.Errorf("add of three: %v", err)
	}
	if _, err := d.call(f, 1); !errors.Is(err, capnp.Failed) {
		t.Errorf("f of one: %v", err)
	}
	// A value is no function and a function no value, whatever the client claims.
	d.wantError(d.evaluate(invoke(CalculatorFunction(d.evaluate(number(1))))), capnp.Unimplemented, "")
	d.wantError(d.evaluate(result(CalculatorValue(add))), capnp.Unimplemented, "")
}

// TestEmptyExpression: a null expression reads as the literal zero, as in C++.
func TestEmptyExpression(t *testing.T) {
	d := newDesk(t, nil)
	d.want(d.c.Evaluate(d.ctx, nil).Value(), 0)
}

// TestParametersAreEvaluatedTogether: each function waits until the other has
// been called.
func TestParametersAreEvaluatedTogether(t *testing.T) {
	d := newDesk(t, nil)
	var both sync.WaitGroup
	both.Add(2)
	wait := hosted(func(context.Context, CalculatorFunctionCallCall) (float64, error) {
		both.Done()
		both.Wait()
		return 1, nil
	})
	wait2 := hosted(wait1(&both))
	d.want(d.evaluate(invoke(d.operator(CalculatorOperatorAdd), invoke(wait), invoke(wait2))), 3)
}

func wait1(both *sync.WaitGroup) func(context.Context, CalculatorFunctionCallCall) (float64, error) {
	return func(context.Context, CalculatorFunctionCallCall) (float64, error) {
		both.Done()
		both.Wait()
		return 2, nil
	}
}

// TestCallbackReenters: a client's function uses the calculator that calls it.
func TestCallbackReenters(t *testing.T) {
	d := newDesk(t, nil)
	add := d.operator(CalculatorOperatorAdd)
	var down CalculatorFunction
	down = hosted(func(ctx context.Context, call CalculatorFunctionCallCall) (float64, error) {
		n := call.Params().Params().At(0)
		if n == 0 {
			return 0, nil
		}
		call.Unblock()
		inner := desk{t, ctx, d.c}
		return inner.read(inner.evaluate(invoke(add, number(n), invoke(down, number(n-1)))))
	})
	d.want(d.evaluate(invoke(down, number(20))), 210)
}

// TestFunctionKeepsCapabilities: what the body uses stays alive without the
// client.
func TestFunctionKeepsCapabilities(t *testing.T) {
	d := newDesk(t, nil)
	pow := hosted(power)
	product := d.evaluate(number(10))
	f := d.define(1, invoke(pow, param(0), result(product)))
	pow.Release()
	product.Release()
	for range 3 {
		if v, err := d.call(f, 2); err != nil || v != 1024 {
			t.Fatalf("got %v, %v, want 1024", v, err)
		}
	}
}

// TestFailingCallback: the client's own error comes back to it.
func TestFailingCallback(t *testing.T) {
	d := newDesk(t, nil)
	bad := hosted(func(context.Context, CalculatorFunctionCallCall) (float64, error) {
		return 0, capnp.NewError(capnp.Overloaded, "the abacus is in use")
	})
	d.wantError(d.evaluate(invoke(bad)), capnp.Overloaded, "the abacus is in use")
}

// chained defines n functions, each of which calls the one before twice.
func (d desk) chained(n int) CalculatorFunction {
	add := d.operator(CalculatorOperatorAdd)
	f := d.define(1, invoke(add, param(0), param(0)))
	for range n - 1 {
		f = d.define(1, invoke(add, invoke(f, param(0)), invoke(f, param(0))))
	}
	return f
}

// TestSixteenDefinitions: they cannot buy 65 536 calls, neither in one
// evaluation nor in many.
func TestSixteenDefinitions(t *testing.T) {
	d := newDesk(t, nil)
	f := d.chained(16)
	d.wantError(d.evaluate(invoke(f, number(1))), capnp.Overloaded, "out of fuel")
	if _, err := d.call(f, 1); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("called directly: %v", err)
	}
	// 2^8 calls, 1275 steps, are fine; twenty times that at once is not.
	g := d.chained(8)
	refused := 0
	for range 40 {
		if _, err := d.call(g, 1); errors.Is(err, capnp.Overloaded) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("forty evaluations of 1275 steps each in no time: none was refused")
	}
}

// TestFuelIsPerSession: another client is not slowed down.
func TestFuelIsPerSession(t *testing.T) {
	a, b := newDesk(t, &Limits{Fuel: 100, Refill: 1}), newDesk(t, &Limits{Fuel: 100, Refill: 1})
	if _, err := a.call(a.chained(8), 1); !errors.Is(err, capnp.Overloaded) {
		t.Fatalf("got %v", err)
	}
	if v, err := b.call(b.chained(3), 1); err != nil || v != 8 {
		t.Errorf("got %v, %v, want 8", v, err)
	}
	// What a client sends itself costs it no fuel.
	a.want(a.evaluate(invoke(a.operator(CalculatorOperatorAdd), number(1), number(2))), 3)
}

// TestFuelFollowsPromises: a function that was not there yet when it was called
// runs on the fuel of the evaluation, too.
func TestFuelFollowsPromises(t *testing.T) {
	d := newDesk(t, &Limits{Steps: 300, Fuel: 1e6, Refill: 1e6})
	d.wantError(d.evaluate(invoke(d.chained(10), number(1))), capnp.Overloaded, "more than 300 steps")
}

func TestObjectLimits(t *testing.T) {
	d := newDesk(t, &Limits{Values: 3, Functions: 2, FunctionNodes: 5})
	var values []CalculatorValue
	for range 3 {
		v := d.evaluate(number(1))
		d.want(v, 1)
		values = append(values, v)
	}
	d.wantError(d.evaluate(number(1)), capnp.Overloaded, "too many values")
	d.want(values[0], 1)

	f := d.define(0, number(1))
	g := d.define(0, number(2))
	if _, err := d.call(d.define(0, number(3))); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("third function: %v", err)
	}
	for want, f := range map[float64]CalculatorFunction{1: f, 2: g} {
		if v, err := d.call(f); err != nil || v != want {
			t.Errorf("got %v, %v, want %v", v, err, want)
		}
	}
	e := newDesk(t, &Limits{Functions: 100, FunctionNodes: 5})
	first := e.define(2, invoke(e.operator(CalculatorOperatorAdd), param(0), param(1)))
	if _, err := e.call(first, 1, 2); err != nil {
		t.Error(err)
	}
	if _, err := e.call(e.define(2, invoke(e.operator(CalculatorOperatorAdd), param(0), param(1))), 1, 2); !errors.Is(err, capnp.Overloaded) {
		t.Errorf("six nodes in functions: %v", err)
	}
	runtime.KeepAlive(first)
}

// TestValuesAreForgotten: values that nobody holds do not count.
func TestValuesAreForgotten(t *testing.T) {
	d := newDesk(t, &Limits{Values: 100})
	for range 1000 {
		v := d.evaluate(number(1))
		d.want(v, 1)
		v.Release()
	}
}

func TestExpressionLimits(t *testing.T) {
	nest := func(d desk, n int) builder {
		x := number(1)
		add := d.operator(CalculatorOperatorAdd)
		for range n {
			x = invoke(add, x, number(0))
		}
		return x
	}
	d := newDesk(t, &Limits{Nesting: 5, Nodes: 100})
	d.want(d.evaluate(nest(d, 5)), 1)
	d.wantError(d.evaluate(nest(d, 6)), capnp.Failed, "nested deeper than 5")
	d = newDesk(t, &Limits{Nodes: 3})
	d.want(d.evaluate(nest(d, 1)), 1)
	d.wantError(d.evaluate(nest(d, 2)), capnp.Failed, "more than 3 nodes")
}

// TestEvaluationLimit: so many evaluations run at once, and one more is refused.
func TestEvaluationLimit(t *testing.T) {
	d := newDesk(t, &Limits{Evaluations: 2})
	started, finish := make(chan struct{}), make(chan struct{})
	slow := hosted(func(_ context.Context, call CalculatorFunctionCallCall) (float64, error) {
		call.Unblock()
		started <- struct{}{}
		<-finish
		return 1, nil
	})
	a, b := d.evaluate(invoke(slow)), d.evaluate(invoke(slow))
	<-started
	<-started
	d.wantError(d.evaluate(number(1)), capnp.Overloaded, "2 evaluations run already")
	close(finish)
	d.want(a, 1)
	d.want(b, 1)
	d.want(d.evaluate(number(1)), 1)
}

// TestSlowCallback: a client's function that does not answer is given up.
func TestSlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, &Limits{Wait: time.Second})
		ended := make(chan error, 1)
		stuck := hosted(func(ctx context.Context, _ CalculatorFunctionCallCall) (float64, error) {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return 0, ctx.Err()
		})
		start := time.Now()
		d.wantError(d.evaluate(invoke(stuck)), capnp.Overloaded, "no answer")
		if took := time.Since(start); took != time.Second {
			t.Errorf("gave up after %v", took)
		}
		<-ended // and the function was told
	})
}

// TestCancel: when the client cancels, the calls that the evaluation makes end.
func TestCancel(t *testing.T) {
	d := newDesk(t, nil)
	started, ended := make(chan struct{}), make(chan struct{})
	stuck := hosted(func(ctx context.Context, _ CalculatorFunctionCallCall) (float64, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return 0, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	p := d.c.Evaluate(ctx, func(p CalculatorEvaluateParamsBuilder) { invoke(stuck)(p.NewExpression()) })
	<-started
	cancel()
	if _, err := p.Wait(); err == nil {
		t.Error("no error")
	}
	<-ended
}
