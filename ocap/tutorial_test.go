package ocap_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"lanyard.dev/ocap"
	"lanyard.dev/service/calculator"
)

// A weaker capability needs no library: it is an object that holds the stronger one and uses it.
type rounded struct {
	calculator.UnimplementedCalculatorValue
	of calculator.CalculatorValue
}

func (r rounded) Read(ctx context.Context, call calculator.CalculatorValueReadCall) error {
	res, err := r.of.Read(ctx, nil).Wait()
	if err != nil {
		return err
	}
	call.Results().SetValue(math.Round(res.Value()))
	return nil
}

// Rounded returns a value that tells v only as a whole number.
func Rounded(v calculator.CalculatorValue) calculator.CalculatorValue {
	return calculator.NewCalculatorValue(rounded{of: v})
}

// An attenuator by hand.
func Example_byHand() {
	ctx := context.Background()
	pi := calculator.New(nil).Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		p.NewExpression().SetLiteral(math.Pi)
	}).Value()
	res, err := Rounded(pi).Read(ctx, nil).Wait()
	fmt.Println(res.Value(), err)
	// Output: 3 <nil>
}

// small lets no literal of 100 or more be evaluated.
type small struct{}

func (small) Judge(c *ocap.Crossing) error {
	if c.InterfaceID() != calculator.CalculatorEvaluateMethod.InterfaceID() || c.MethodID() != calculator.CalculatorEvaluateMethod.MethodID() {
		return nil
	}
	p := calculator.CalculatorEvaluateParams(c.Params())
	if e := p.Expression(); e.Which() == calculator.CalculatorExpressionWhichLiteral && e.Literal() >= 100 {
		return ocap.Denied.Errorf("evaluate: expression.literal is not below 100")
	}
	return nil
}

// Hold, narrow, share, take back.
func Example_tutorial() {
	ctx := context.Background()
	literal := func(x float64) func(calculator.CalculatorEvaluateParamsBuilder) {
		return func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().SetLiteral(x) }
	}

	// Hold: whoever has calc may use it. Nobody else can.
	calc := calculator.New(nil)

	// Narrow, by type: what a facet lacks cannot be said at all.
	evaluator := ocap.Facet(calc, calculator.CalculatorEvaluateMethod)
	_, err := evaluator.GetOperator(ctx, nil).Wait()
	fmt.Println("operator:", err)

	// Narrow, by predicate: some calls are denied, and the words say who can give more.
	child, _ := ocap.Membrane(evaluator, small{}, &ocap.Options{Grantor: "Mum"})
	_, err = child.Evaluate(ctx, literal(1000)).Wait()
	fmt.Println("1000:", err, errors.Is(err, ocap.Denied))

	// Narrow, by time and number.
	lent, term := ocap.Lease(child, time.Now().Add(time.Hour), nil)
	few := ocap.Limit(lent, ocap.Limits{Uses: 10})

	// Share: give it to somebody, but so that you can take it back.
	bobs, revoke := ocap.Revocable(few)
	value := bobs.Evaluate(ctx, literal(42)).Value()
	res, err := value.Read(ctx, nil).Wait()
	fmt.Println("42:", res.Value(), err)

	// Take back: it, and all that came out of it.
	revoke(errors.New("Bob has left"))
	_, err = value.Read(ctx, nil).Wait()
	fmt.Println("value:", err, errors.Is(err, ocap.Revoked))

	// What you gave to others you still may end, too.
	term.End()
	_, err = few.Evaluate(ctx, literal(1)).Wait()
	fmt.Println("lease:", err, errors.Is(err, ocap.Expired))
	// Output:
	// operator: the object has no method calculator.capnp:Calculator.getOperator
	// 1000: evaluate: expression.literal is not below 100; Mum can give more true
	// 42: 42 <nil>
	// value: Bob has left true
	// lease: the capability has expired true
}
