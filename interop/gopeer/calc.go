package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"lanyard.dev/capnp"
	"lanyard.dev/service/calculator"
)

// A step checks one thing that a calculator must do.
type step struct {
	name string
	run  func(context.Context, calculator.Calculator) error
}

// steps are the steps that the peers' clients go through, too.
func steps() []step {
	return []step{
		{"literal", literal},
		{"add and subtract", addAndSubtract},
		{"one result used twice", resultUsedTwice},
		{"two defined functions", definedFunctions},
		{"client-hosted function", hostedFunction},
		{"direct calls", directCalls},
		{"wrong arity", wrongArity},
	}
}

func calc(ctx context.Context, o *options) error {
	for i := range o.repeat {
		err := connect(ctx, o, func(ctx context.Context, c calculator.Calculator) error {
			for _, s := range steps() {
				if err := s.run(ctx, c); err != nil {
					return fmt.Errorf("%s, repetition %d: %w", s.name, i, err)
				}
				if i == 0 {
					fmt.Println("ok", s.name)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Println("done", o.repeat)
	return nil
}

type (
	expression = calculator.CalculatorExpressionBuilder
	function   = calculator.CalculatorFunction
	value      = calculator.CalculatorValue
)

// operator asks for an operator and does not wait for it.
func operator(ctx context.Context, c calculator.Calculator, op calculator.CalculatorOperator) function {
	return c.GetOperator(ctx, func(p calculator.CalculatorGetOperatorParamsBuilder) { p.SetOp(op) }).Func()
}

// evaluate asks for the value of what fill writes, and does not wait for it.
func evaluate(ctx context.Context, c calculator.Calculator, fill func(expression)) value {
	return c.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) { fill(p.NewExpression()) }).Value()
}

// define asks for a function with a body, and does not wait for it.
func define(ctx context.Context, c calculator.Calculator, params int32, fill func(expression)) function {
	return c.DefFunction(ctx, func(p calculator.CalculatorDefFunctionParamsBuilder) {
		p.SetParamCount(params)
		fill(p.NewBody())
	}).Func()
}

// apply makes an expression a call; each argument fills in its own.
func apply(e expression, f function, args ...func(expression)) {
	call := e.NewCall()
	call.SetFunction(f)
	params := call.NewParams(len(args))
	for i, fill := range args {
		fill(params.At(i))
	}
}

func number(n float64) func(expression)   { return func(e expression) { e.SetLiteral(n) } }
func parameter(i uint32) func(expression) { return func(e expression) { e.SetParameter(i) } }
func previous(v value) func(expression)   { return func(e expression) { e.SetPreviousResult(v) } }

// call is an argument that is itself a call.
func call(f function, args ...func(expression)) func(expression) {
	return func(e expression) { apply(e, f, args...) }
}

// expect reads a value, which has to be the one wanted.
func expect(ctx context.Context, v value, want float64) error {
	return expectPromise(v.Read(ctx, nil), want)
}

func expectPromise(p calculator.CalculatorValueReadResultsPromise, want float64) error {
	res, err := p.Wait()
	if err != nil {
		return err
	}
	if got := res.Value(); got != want {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

func literal(ctx context.Context, c calculator.Calculator) error {
	return expect(ctx, evaluate(ctx, c, number(123)), 123)
}

// 123 + 45 - 67 with two operators that have not arrived yet.
func addAndSubtract(ctx context.Context, c calculator.Calculator) error {
	add := operator(ctx, c, calculator.CalculatorOperatorAdd)
	subtract := operator(ctx, c, calculator.CalculatorOperatorSubtract)
	v := evaluate(ctx, c, call(subtract, call(add, number(123), number(45)), number(67)))
	return expect(ctx, v, 101)
}

// 4 * 6, then the promised value in two further expressions.
func resultUsedTwice(ctx context.Context, c calculator.Calculator) error {
	add := operator(ctx, c, calculator.CalculatorOperatorAdd)
	multiply := operator(ctx, c, calculator.CalculatorOperatorMultiply)
	product := evaluate(ctx, c, call(multiply, number(4), number(6)))
	plus3 := evaluate(ctx, c, call(add, previous(product), number(3))).Read(ctx, nil)
	plus5 := evaluate(ctx, c, call(add, previous(product), number(5))).Read(ctx, nil)
	return errors.Join(expectPromise(plus3, 27), expectPromise(plus5, 29))
}

// f(x, y) = x * 100 + y and g(x) = f(x, x + 1) * 2, then f(12, 34) and g(21).
func definedFunctions(ctx context.Context, c calculator.Calculator) error {
	add := operator(ctx, c, calculator.CalculatorOperatorAdd)
	multiply := operator(ctx, c, calculator.CalculatorOperatorMultiply)
	f := define(ctx, c, 2, call(add, call(multiply, parameter(0), number(100)), parameter(1)))
	g := define(ctx, c, 1, call(multiply, call(f, parameter(0), call(add, parameter(0), number(1))), number(2)))
	ofF := evaluate(ctx, c, call(f, number(12), number(34))).Read(ctx, nil)
	ofG := evaluate(ctx, c, call(g, number(21))).Read(ctx, nil)
	return errors.Join(expectPromise(ofF, 1234), expectPromise(ofG, 4244))
}

// power is a function of ours that the server calls.
type power struct {
	calculator.UnimplementedCalculatorFunction
	calls atomic.Int32
}

// Call implements CalculatorFunctionServer.
func (p *power) Call(_ context.Context, call calculator.CalculatorFunctionCallCall) error {
	params := call.Params().Params()
	if params.Len() != 2 {
		return capnp.Errorf(capnp.Failed, "pow takes two parameters, not %d", params.Len())
	}
	p.calls.Add(1)
	call.Results().SetValue(math.Pow(params.At(0), params.At(1)))
	return nil
}

// 2 ^ (4 + 5), where the power is ours: the server calls us back.
func hostedFunction(ctx context.Context, c calculator.Calculator) error {
	p := &power{}
	add := operator(ctx, c, calculator.CalculatorOperatorAdd)
	v := evaluate(ctx, c, call(calculator.NewCalculatorFunction(p), number(2), call(add, number(4), number(5))))
	if err := expect(ctx, v, 512); err != nil {
		return err
	}
	if n := p.calls.Load(); n != 1 {
		return fmt.Errorf("%d calls back, want 1", n)
	}
	return nil
}

// Calls an operator as an object of its own; division by zero is IEEE's.
func directCalls(ctx context.Context, c calculator.Calculator) error {
	divide := operator(ctx, c, calculator.CalculatorOperatorDivide)
	apply := func(a, b float64) calculator.CalculatorFunctionCallResultsPromise {
		return divide.Call(ctx, func(p calculator.CalculatorFunctionCallParamsBuilder) {
			p.SetParams([]float64{a, b})
		})
	}
	check := func(p calculator.CalculatorFunctionCallResultsPromise, want float64) error {
		res, err := p.Wait()
		if err == nil && res.Value() != want {
			err = fmt.Errorf("got %v, want %v", res.Value(), want)
		}
		return err
	}
	quotient, infinite := apply(1, 4), apply(1, 0)
	return errors.Join(check(quotient, 0.25), check(infinite, math.Inf(1)))
}

// A wrong number of parameters is an exception for that call and nothing else.
func wrongArity(ctx context.Context, c calculator.Calculator) error {
	add := operator(ctx, c, calculator.CalculatorOperatorAdd)
	_, err := add.Call(ctx, func(p calculator.CalculatorFunctionCallParamsBuilder) {
		p.SetParams([]float64{1, 2, 3})
	}).Wait()
	if !errors.Is(err, capnp.Failed) {
		return fmt.Errorf("three parameters: got %v, want an exception of kind failed", err)
	}
	return literal(ctx, c)
}
