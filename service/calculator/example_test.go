package calculator_test

import (
	"context"
	"fmt"
	"net"

	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// The code of this example stands in README.md, too; a test compares them.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	// A server.
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go rpc.Serve(ctx, listener, calculator.New(nil), nil)

	// A client: three calls, one round trip, one wait.
	conn, _ := rpc.Dial(ctx, "tcp", listener.Addr().String(), nil)
	c := rpc.Bootstrap[calculator.Calculator](ctx, conn)
	add := c.GetOperator(ctx, nil).Func() // operator 0 is add
	value := c.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		sum := p.NewExpression().NewCall()
		sum.SetFunction(add) // a promise, passed on before it is kept
		args := sum.NewParams(2)
		args.At(0).SetLiteral(123)
		args.At(1).SetLiteral(45)
	}).Value()
	result, err := value.Read(ctx, nil).Wait()
	fmt.Println(result.Value(), err)

	// Hand out less than you hold, and take it back.
	guest, revoke := ocap.Revocable(ocap.Facet(c, calculator.CalculatorEvaluateMethod))
	_, err = guest.GetOperator(ctx, nil).Wait()
	fmt.Println(err)
	revoke()
	_, err = guest.Evaluate(ctx, nil).Wait()
	fmt.Println(err)
	// Output:
	// 168 <nil>
	// the object has no method calculator.capnp:Calculator.getOperator
	// the capability was revoked
}
