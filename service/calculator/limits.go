package calculator

import (
	"time"

	"lanyard.dev/capnp"
)

// Limits bounds what one client can make the calculator do and hold. A zero
// field means its default.
type Limits struct {
	// Steps bounds one evaluation, functions included: each node of an expression
	// is a step every time it is evaluated. Default 10 000.
	Steps int
	// Fuel and Refill bound the work that a client did not send itself, the steps
	// inside function bodies: Fuel at once, Refill more each second. Defaults
	// 20 000 each. Without it, sixteen functions that each call the one before
	// twice would turn one small message into 65 536 calls.
	Fuel, Refill int
	// Nodes bounds one expression, Nesting the calls within calls in it. Defaults
	// 4096 and 64.
	Nodes, Nesting int
	// Depth bounds functions that call functions. Default 128.
	Depth int
	// Values and Functions bound the objects that the client holds, FunctionNodes
	// the nodes in all its functions together. Defaults 10 000, 1000, 100 000.
	Values, Functions, FunctionNodes int
	// Evaluations bounds the evaluations that run at once, Calls the calls to the
	// client's own functions and values that they wait for. Defaults 256 each.
	Evaluations, Calls int
	// Wait is how long one such call may take. Default 10 s.
	Wait time.Duration

	_ struct{}
}

// withDefaults fills in the zero fields.
func (l *Limits) withDefaults() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&out.Steps, 10_000)
	set(&out.Fuel, 20_000)
	set(&out.Refill, 20_000)
	set(&out.Nodes, 4096)
	set(&out.Nesting, 64)
	set(&out.Depth, 128)
	set(&out.Values, 10_000)
	set(&out.Functions, 1000)
	set(&out.FunctionNodes, 100_000)
	set(&out.Evaluations, 256)
	set(&out.Calls, 256)
	if out.Wait <= 0 {
		out.Wait = 10 * time.Second
	}
	return out
}

// A bucket is a client's fuel. It starts full and fills at a steady rate.
//
// Invariant: 0 ≤ level ≤ size.
type bucket struct {
	size, rate float64 // rate per second
	now        func() time.Time

	level float64
	last  time.Time
}

func newBucket(size, rate int, now func() time.Time) *bucket {
	return &bucket{size: float64(size), rate: float64(rate), now: now, level: float64(size), last: now()}
}

// put gives back what was taken and not used.
func (b *bucket) put(n int) { b.level = min(b.size, b.level+float64(n)) }

// take burns n units, or none and fails when there are not as many.
func (b *bucket) take(n int) error {
	now := b.now()
	if d := now.Sub(b.last); d > 0 {
		b.level = min(b.size, b.level+d.Seconds()*b.rate)
		b.last = now
	}
	if b.level < float64(n) {
		return capnp.NewError(capnp.Overloaded, "out of fuel: the functions of this connection did too much for now")
	}
	b.level -= float64(n)
	return nil
}
