package cli

import (
	"context"
	"fmt"

	"lanyard.dev/service/calculator"
)

// A desk is a calculator with a short way to say things. Nothing but read and
// readBoth waits for an answer.
type desk struct {
	ctx context.Context
	c   calculator.Calculator
}

// An expr fills in an expression.
type expr func(calculator.CalculatorExpressionBuilder)

func number(v float64) expr {
	return func(b calculator.CalculatorExpressionBuilder) { b.SetLiteral(v) }
}

func param(i uint32) expr {
	return func(b calculator.CalculatorExpressionBuilder) { b.SetParameter(i) }
}

func result(v calculator.CalculatorValue) expr {
	return func(b calculator.CalculatorExpressionBuilder) { b.SetPreviousResult(v) }
}

func apply(f calculator.CalculatorFunction, args ...expr) expr {
	return func(b calculator.CalculatorExpressionBuilder) {
		call := b.NewCall()
		call.SetFunction(f)
		for i, p := range call.NewParams(len(args)).All() {
			args[i](p)
		}
	}
}

func (d desk) evaluate(x expr) calculator.CalculatorValue {
	return d.c.Evaluate(d.ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		x(p.NewExpression())
	}).Value()
}

func (d desk) operator(op calculator.CalculatorOperator) calculator.CalculatorFunction {
	return d.c.GetOperator(d.ctx, func(p calculator.CalculatorGetOperatorParamsBuilder) { p.SetOp(op) }).Func()
}

func (d desk) define(arity int32, body expr) calculator.CalculatorFunction {
	return d.c.DefFunction(d.ctx, func(p calculator.CalculatorDefFunctionParamsBuilder) {
		p.SetParamCount(arity)
		body(p.NewBody())
	}).Func()
}

func (d desk) read(v calculator.CalculatorValue) (string, error) {
	res, err := v.Read(d.ctx, nil).Wait()
	if err != nil {
		return "", err
	}
	return formatNumber(res.Value()), nil
}

// readBoth asks for both before it waits for either.
func (d desk) readBoth(a, b calculator.CalculatorValue) (string, error) {
	x, y := a.Read(d.ctx, nil), b.Read(d.ctx, nil)
	resX, err := x.Wait()
	if err != nil {
		return "", err
	}
	resY, err := y.Wait()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s and %s", formatNumber(resX.Value()), formatNumber(resY.Value())), nil
}
