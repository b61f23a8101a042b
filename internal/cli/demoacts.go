package cli

import (
	"context"
	"math"

	"lanyard.dev/capnp"
	"lanyard.dev/service/calculator"
)

// The operators, by shorter names.
const (
	add      = calculator.CalculatorOperatorAdd
	subtract = calculator.CalculatorOperatorSubtract
	multiply = calculator.CalculatorOperatorMultiply
)

// acts is what the demo shows, in order.
var acts = []func(*walk) error{objects, pipelining, shared, functions, callback, guest, people}

func objects(w *walk) error {
	w.say("Objects", `evaluate() returns not a number but an object that holds one, and read() asks
that object. It can be asked before it is there.`)
	return w.act("evaluate 123, read the value", func() (string, error) {
		return w.read(w.evaluate(number(123)))
	})
}

func pipelining(w *walk) error {
	w.say("Pipelining", `Operators are objects, too. We ask for two, use them in an expression and read
its value, and only then wait for the first time. Then the same again, waiting
for each answer as one would without pipelining.`)
	expression := func(plus, minus calculator.CalculatorFunction) expr {
		return apply(minus, apply(plus, number(123), number(45)), number(67))
	}
	err := w.act("123 + 45 - 67", func() (string, error) {
		return w.read(w.evaluate(expression(w.operator(add), w.operator(subtract))))
	})
	if err != nil {
		return err
	}
	return w.act("123 + 45 - 67, waiting each time", func() (string, error) {
		plus := w.operator(add)
		if err := plus.Resolve(w.ctx); err != nil {
			return "", err
		}
		minus := w.operator(subtract)
		if err := minus.Resolve(w.ctx); err != nil {
			return "", err
		}
		value := w.evaluate(expression(plus, minus))
		if err := value.Resolve(w.ctx); err != nil {
			return "", err
		}
		return w.read(value)
	})
}

func shared(w *walk) error {
	w.say("One result, used twice", `x is asked for once, and is part of two more questions before it is known.`)
	return w.act("x = 4 * 6; x + 3 and x + 5", func() (string, error) {
		plus, times := w.operator(add), w.operator(multiply)
		x := w.evaluate(apply(times, number(4), number(6)))
		return w.readBoth(w.evaluate(apply(plus, result(x), number(3))), w.evaluate(apply(plus, result(x), number(5))))
	})
}

func functions(w *walk) error {
	w.say("Functions", `f(x, y) = x * 100 + y and g(x) = f(x, x + 1) * 2 are defined there; g holds f.`)
	return w.act("f(12, 34) and g(21)", func() (string, error) {
		plus, times := w.operator(add), w.operator(multiply)
		f := w.define(2, apply(plus, apply(times, param(0), number(100)), param(1)))
		g := w.define(1, apply(times, apply(f, param(0), apply(plus, param(0), number(1))), number(2)))
		return w.readBoth(w.evaluate(apply(f, number(12), number(34))), w.evaluate(apply(g, number(21))))
	})
}

func callback(w *walk) error {
	w.say("A function of ours", `The calculator cannot raise to a power. We hand it an object that can: pow stays
here, and the calculator calls it back.`)
	return w.act("pow(2, 4 + 5)", func() (string, error) {
		pow := calculator.NewCalculatorFunction(power{})
		return w.read(w.evaluate(apply(pow, number(2), apply(w.operator(add), number(4), number(5)))))
	})
}

// power is a function that the calculator does not have.
type power struct {
	calculator.UnimplementedCalculatorFunction
}

// Call raises its first parameter to its second.
func (power) Call(_ context.Context, call calculator.CalculatorFunctionCallCall) error {
	p := call.Params().Params()
	if p.Len() != 2 {
		return capnp.Errorf(capnp.Failed, "pow takes 2 parameters, got %d", p.Len())
	}
	call.Results().SetValue(math.Pow(p.At(0), p.At(1)))
	return nil
}
