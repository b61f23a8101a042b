package dynamic_test

import (
	"context"
	"fmt"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/service/calculator"
)

// A program that knows the names only when it runs: two calls, one round trip.
func ExampleCall() {
	reg, err := schema.Load(calculator.CalculatorSchema())
	if err != nil {
		fmt.Println(err)
		return
	}
	i, err := dynamic.FindInterface(reg, "Calculator")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, calc := context.Background(), calculator.New(nil)
	evaluate := dynamic.CallName(ctx, calc.Client, i, "evaluate", func(b dynamic.StructBuilder) error {
		return b.Set("expression.literal", 42)
	})
	value, of, err := evaluate.Client("value") // which does not exist yet
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := dynamic.CallName(ctx, value, of, "read", nil).Wait()
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := results.Get("value")
	fmt.Println(of.Name(), v, err)
	// Output: Calculator.Value 42 <nil>
}
