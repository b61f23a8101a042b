// Command authority measures what wrappers add to a call: one facet, one membrane, what revokes, ten
// collapsed facets, for a call within the process and for one over a socket. It takes the least of many
// batches with the wrapper less the least of as many without, by turns, so that a busy machine does not
// count; it ends with 1 if a local facet costs more than its budget.
//
//	go run ./authority [-rounds 2000]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// budget is what a facet may add to a local call.
const budget = 200 * time.Nanosecond

func main() {
	rounds := flag.Int("rounds", 2000, "batches of each")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/authority:", err)
		os.Exit(1)
	}
}

type layer struct {
	name string
	wrap func(calculator.CalculatorValue) calculator.CalculatorValue
}

func layers() []layer {
	facet := func(c calculator.CalculatorValue) calculator.CalculatorValue {
		return ocap.Facet(c, calculator.CalculatorValueReadMethod)
	}
	return []layer{
		{"one facet", facet},
		{"ten facets", func(c calculator.CalculatorValue) calculator.CalculatorValue {
			for range 10 {
				c = facet(c)
			}
			return c
		}},
		{"one membrane", func(c calculator.CalculatorValue) calculator.CalculatorValue {
			w, _ := ocap.Membrane(c, everything{}, nil)
			return w
		}},
		{"revocable", func(c calculator.CalculatorValue) calculator.CalculatorValue {
			w, _ := ocap.Revocable(c)
			return w
		}},
		{"revocable of a facet", func(c calculator.CalculatorValue) calculator.CalculatorValue {
			w, _ := ocap.Revocable(facet(c))
			return w
		}},
	}
}

// everything is a policy that lets everything pass.
type everything struct{}

func (everything) Judge(*ocap.Crossing) error { return nil }

// at is a target that answers within the delivery: what is measured is the wrapper alone, not the
// goroutine of a method.
type at struct{ capnp.Hook }

func (at *at) Deliver(c *capnp.Call, t *capnp.Turn) {
	c.Return(capnp.Result{Payload: c.Payload().Map(func(h capnp.Hook) capnp.Hook { return h })}, t)
}

func run(rounds int) error {
	ctx := context.Background()
	value := calculator.New(nil).Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		p.NewExpression().SetLiteral(1)
	}).Value()
	if err := value.Resolve(ctx); err != nil {
		return err
	}
	l, err := net.Listen("unix", fmt.Sprintf("@lanyard-bench-%d", os.Getpid()))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- rpc.Serve(ctx, l, value, nil) }()
	defer func() { cancel(); <-served }()
	conn, err := rpc.Dial(ctx, "unix", l.Addr().String(), nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	remote := rpc.Bootstrap[calculator.CalculatorValue](ctx, conn)
	if err := remote.Resolve(ctx); err != nil {
		return err
	}
	atOnce := calculator.CalculatorValue{Client: capnp.NewClient(&at{capnp.HookOf(value.Client)})}

	over := false
	fmt.Println("| wrapper | wrapper alone | local method | over a unix socket |")
	fmt.Println("|---|---|---|---|")
	for _, l := range layers() {
		fmt.Printf("| %s |", l.name)
		for i, c := range []calculator.CalculatorValue{atOnce, value, remote} {
			bare, added, err := measure(c, l.wrap(c), rounds)
			if err != nil {
				return err
			}
			fmt.Printf(" %v + %v |", bare, added)
			over = over || i == 0 && l.name == "one facet" && added > budget
		}
		fmt.Println()
	}
	if over {
		return errors.New("a facet takes more than its budget of " + budget.String())
	}
	return nil
}

// measure returns what a call of c takes, and what it takes more of w.
func measure(c, w calculator.CalculatorValue, rounds int) (bare, added time.Duration, err error) {
	const calls = 100
	ctx := context.Background()
	batch := func(c calculator.CalculatorValue) time.Duration {
		start := time.Now()
		for range calls {
			if _, e := c.Read(ctx, nil).Wait(); e != nil {
				err = e
			}
		}
		return time.Since(start)
	}
	least := [2]time.Duration{time.Hour, time.Hour}
	for range rounds {
		least[0], least[1] = min(least[0], batch(c)), min(least[1], batch(w))
	}
	return least[0] / calls, (least[1] - least[0]) / calls, err
}
