package calculator

import (
	"context"

	"lanyard.dev/capnp"
)

// New makes a calculator for one client. Everything reached through it, the
// values and functions it makes included, shares one set of limits, so a server
// makes one for each connection. Nil limits are the defaults.
func New(limits *Limits) Calculator {
	return NewCalculator(&server{session: newSession(limits)})
}

// server implements Calculator.
type server struct {
	UnimplementedCalculator
	session *session
}

// Evaluate computes an expression and returns the number as an object.
func (s *server) Evaluate(ctx context.Context, call CalculatorEvaluateCall) error {
	e, err := decode(call.Params().Expression(), &s.session.limits)
	if err != nil {
		return err
	}
	number, err := s.session.evaluate(ctx, call.Unblock, e, nil, 0)
	e.release()
	if err != nil {
		return err
	}
	v := &value{number: number}
	if err := s.session.values.add(v, 1); err != nil {
		return err
	}
	call.Results().SetValue(NewCalculatorValue(v))
	return nil
}

// DefFunction makes a function of an expression with parameters. The function
// keeps the capabilities that the expression uses.
func (s *server) DefFunction(_ context.Context, call CalculatorDefFunctionCall) error {
	p := call.Params()
	if p.ParamCount() < 0 {
		return capnp.Errorf(capnp.Failed, "a function cannot take %d parameters", p.ParamCount())
	}
	body, err := decode(p.Body(), &s.session.limits)
	if err != nil {
		return err
	}
	f := &function{session: s.session, arity: int(p.ParamCount()), body: body}
	if err := s.session.functions.add(f, body.size()); err != nil {
		body.release()
		return err
	}
	call.Results().SetFunc(NewCalculatorFunction(f))
	return nil
}

// GetOperator returns one of the four operators.
func (s *server) GetOperator(_ context.Context, call CalculatorGetOperatorCall) error {
	op := call.Params().Op()
	apply := operatorOf(op)
	if apply == nil {
		return capnp.Errorf(capnp.Failed, "unknown operator %d", uint16(op))
	}
	call.Results().SetFunc(NewCalculatorFunction(operatorServer{apply: apply}))
	return nil
}

func operatorOf(op CalculatorOperator) operator {
	switch op {
	case CalculatorOperatorAdd:
		return func(a, b float64) float64 { return a + b }
	case CalculatorOperatorSubtract:
		return func(a, b float64) float64 { return a - b }
	case CalculatorOperatorMultiply:
		return func(a, b float64) float64 { return a * b }
	case CalculatorOperatorDivide:
		return func(a, b float64) float64 { return a / b }
	}
	return nil
}

// value implements Calculator.Value.
type value struct {
	UnimplementedCalculatorValue
	number float64
}

// Read returns the number.
func (v *value) Read(_ context.Context, call CalculatorValueReadCall) error {
	call.Results().SetValue(v.number)
	return nil
}

// operatorServer implements Calculator.Function for an operator.
type operatorServer struct {
	UnimplementedCalculatorFunction
	apply operator
}

// Call applies the operator.
func (o operatorServer) Call(_ context.Context, call CalculatorFunctionCallCall) error {
	params := call.Params().Params()
	if err := checkArity(2, params.Len()); err != nil {
		return err
	}
	call.Results().SetValue(o.apply(params.At(0), params.At(1)))
	return nil
}

// Call evaluates the function's body.
func (f *function) Call(ctx context.Context, call CalculatorFunctionCallCall) error {
	params := call.Params().Params()
	if err := checkArity(f.arity, params.Len()); err != nil {
		return err
	}
	number, err := f.session.evaluate(ctx, call.Unblock, f.body, capnp.Slice(params), 1)
	if err != nil {
		return err
	}
	call.Results().SetValue(number)
	return nil
}
