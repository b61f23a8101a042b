package ocap_test

import (
	"context"
	"errors"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/calculator"
)

// A calculator is narrowed to one method, handed out, and taken back, together with what came out
// of it.
func Example() {
	ctx := context.Background()
	calc := calculator.New(nil) // could as well be at the other end of a connection

	narrow := ocap.Facet(calc, calculator.CalculatorEvaluateMethod)
	guest, revoke := ocap.Revocable(narrow) // still a calculator.Calculator

	value := guest.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		p.NewExpression().SetLiteral(168)
	}).Value()
	res, _ := value.Read(ctx, nil).Wait() // what comes out works whole
	fmt.Println("evaluate:", res.Value())

	_, err := guest.GetOperator(ctx, nil).Wait()
	fmt.Println("getOperator:", err)

	revoke(errors.New("the contract has ended"))
	_, err = guest.Evaluate(ctx, nil).Wait()
	fmt.Println("evaluate:", err)
	_, err = value.Read(ctx, nil).Wait()
	fmt.Println("read:", err)
	fmt.Println(errors.Is(err, ocap.Revoked), errors.Is(err, capnp.Disconnected))
	// Output:
	// evaluate: 168
	// getOperator: the object has no method calculator.capnp:Calculator.getOperator
	// evaluate: the contract has ended
	// read: the contract has ended
	// true false
}
