package calculator

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
)

var (
	plus  operator = func(a, b float64) float64 { return a + b }
	times operator = func(a, b float64) float64 { return a * b }
)

func lit(v float64) expr               { return expr{kind: literal, value: v} }
func arg(i uint32) expr                { return expr{kind: parameter, param: i} }
func prev(ref any) expr                { return expr{kind: previous, ref: ref} }
func apply(ref any, args ...expr) expr { return expr{kind: call, ref: ref, args: args} }
func define(arity int, body expr) *function {
	return &function{arity: arity, body: &body}
}

// A foreign is a capability that the machine cannot see into.
type foreign string

var errNull = errors.New("null")

func lookTest(ref any) (any, error) {
	switch ref.(type) {
	case nil:
		return nil, errNull
	case foreign:
		return nil, nil
	}
	return ref, nil
}

func newTestMachine(limits *Limits) *machine {
	l := limits.withDefaults()
	return &machine{limits: &l, look: lookTest, burn: func(int) error { return nil }}
}

// evaluate runs to the end, answering needs with ask.
func evaluate(m *machine, e expr, ask func(need) (float64, error)) (float64, error) {
	m.start(&e, nil, 0)
	for pending := m.run(); !m.done && m.err == nil; pending = append(pending, m.run()...) {
		n := pending[0]
		pending = pending[1:]
		v, err := ask(n)
		m.supply(n, v, err)
	}
	return m.value, m.err
}

func noAsk(n need) (float64, error) { return 0, fmt.Errorf("asked for %v", n.ref) }

func TestMachineEvaluates(t *testing.T) {
	f := define(2, apply(plus, apply(times, arg(0), lit(100)), arg(1)))
	g := define(1, apply(times, apply(f, arg(0), apply(plus, arg(0), lit(1))), lit(2)))
	div := operator(func(a, b float64) float64 { return a / b })
	for _, c := range []struct {
		name string
		expr expr
		want float64
	}{
		{"literal", lit(123), 123},
		{"operator", apply(plus, lit(123), lit(45)), 168},
		{"f(12, 34)", apply(f, lit(12), lit(34)), 1234},
		{"g(21)", apply(g, lit(21)), 4244},
		{"previous result", apply(plus, prev(24.0), lit(3)), 27},
		{"constant function", apply(define(0, lit(7))), 7},
		{"1/0", apply(div, lit(1), lit(0)), math.Inf(1)},
		{"-1/0", apply(div, lit(-1), lit(0)), math.Inf(-1)},
		{"0/0", apply(div, lit(0), lit(0)), math.NaN()},
		{"unused parameter", apply(define(2, arg(1)), lit(1), lit(2)), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := evaluate(newTestMachine(nil), c.expr, noAsk)
			if err != nil || got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestMachineRefuses(t *testing.T) {
	f := define(2, apply(plus, arg(0), arg(1)))
	for _, c := range []struct {
		name string
		expr expr
		want string
	}{
		{"operator arity", apply(plus, lit(1)), "wrong number of parameters: the function takes 2, got 1"},
		{"function arity", apply(f, lit(1), lit(2), lit(3)), "wrong number of parameters: the function takes 2, got 3"},
		{"parameter outside a function", arg(0), "parameter index 0 out of range: there are 0"},
		{"parameter too large", apply(define(1, arg(1)), lit(1)), "parameter index 1 out of range: there are 1"},
		{"parameter 2^32-1", apply(define(1, arg(math.MaxUint32)), lit(1)), "parameter index 4294967295 out of range: there are 1"},
		{"null function", apply(nil, lit(1)), "null"},
		{"null previous result", prev(nil), "null"},
		{"a function as value", prev(f), "the previous result is no value"},
		{"a value as function", apply(1.0, lit(1)), "what is called is no function"},
		{"failing callback", apply(foreign("f"), lit(1)), "asked for f"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := evaluate(newTestMachine(nil), c.expr, noAsk); err == nil || err.Error() != c.want {
				t.Errorf("got %v, %v, want error %q", v, err, c.want)
			}
		})
	}
}

// TestMachineAsksTogether: what does not depend on each other is needed at
// once, and answers may come in any order.
func TestMachineAsksTogether(t *testing.T) {
	// (a(1) * b(2)) + c(d)
	e := apply(plus, apply(times, apply(foreign("a"), lit(1)), apply(foreign("b"), lit(2))),
		apply(foreign("c"), prev(foreign("d"))))
	answers := map[foreign]float64{"a": 3, "b": 5, "c": 7, "d": 11}
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		m := newTestMachine(nil)
		m.start(&e, nil, 0)
		pending := m.run()
		if got := names(pending); !slices.Equal(got, []string{"a", "b", "d"}) {
			t.Fatalf("needs at first: %v, want a, b, d", got)
		}
		for len(pending) > 0 {
			i := rnd.IntN(len(pending))
			n := pending[i]
			pending = slices.Delete(pending, i, i+1)
			if n.ref == foreign("c") && !slices.Equal(n.args, []float64{11}) {
				t.Fatalf("c is called with %v, want 11", n.args)
			}
			m.supply(n, answers[n.ref.(foreign)], nil)
			pending = append(pending, m.run()...)
		}
		if !m.done || m.err != nil || m.value != 22 {
			t.Fatalf("seed %d: %v, %v, want 22", seed, m.value, m.err)
		}
	}
}

func names(needs []need) []string {
	var out []string
	for _, n := range needs {
		out = append(out, string(n.ref.(foreign)))
	}
	slices.Sort(out)
	return out
}

// doubling is a chain of n functions, each of which calls the one before twice:
// 2^n calls.
func doubling(n int) *function {
	f := define(1, apply(plus, arg(0), arg(0)))
	for range n - 1 {
		f = define(1, apply(plus, apply(f, arg(0)), apply(f, arg(0))))
	}
	return f
}

// TestMachineStepsBound: sixteen definitions do not buy 65 536 calls.
func TestMachineStepsBound(t *testing.T) {
	calls := 0
	count := operator(func(a, b float64) float64 { calls++; return a + b })
	f := define(1, apply(count, arg(0), arg(0)))
	for range 15 {
		f = define(1, apply(count, apply(f, arg(0)), apply(f, arg(0))))
	}
	v, err := evaluate(newTestMachine(nil), apply(f, lit(1)), noAsk)
	if !errors.Is(err, capnp.Overloaded) {
		t.Fatalf("got %v, %v, want overloaded", v, err)
	}
	if calls > 10_000 {
		t.Errorf("%d calls were made", calls)
	}
}

func TestMachineLimits(t *testing.T) {
	chain := func(n int) expr { // n functions that each call the next
		f := define(1, arg(0))
		for range n - 1 {
			f = define(1, apply(f, arg(0)))
		}
		return apply(f, lit(1))
	}
	for _, c := range []struct {
		name   string
		limits Limits
		expr   expr
		ok     bool
	}{
		{"depth n", Limits{Depth: 5}, chain(5), true},
		{"depth n+1", Limits{Depth: 5}, chain(6), false},
		{"steps n", Limits{Steps: 3}, apply(plus, lit(1), lit(2)), true},
		{"steps n+1", Limits{Steps: 2}, apply(plus, lit(1), lit(2)), false},
	} {
		_, err := evaluate(newTestMachine(&c.limits), c.expr, noAsk)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, capnp.Overloaded) {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
	}
}

// TestMachineBurns: the connection pays for function bodies only, and gets
// back what was not used.
func TestMachineBurns(t *testing.T) {
	for _, c := range []struct {
		expr expr
		want int
	}{
		{apply(plus, lit(1), lit(2)), 0},
		{apply(define(1, arg(0)), lit(1)), 1},
		{apply(doubling(6), lit(1)), 5*31 + 3*32},
	} {
		burnt := 0
		m := newTestMachine(nil)
		m.burn = func(n int) error { burnt += n; return nil }
		if _, err := evaluate(m, c.expr, noAsk); err != nil {
			t.Fatal(err)
		}
		if got := burnt - m.prepaid; got != c.want {
			t.Errorf("burnt %d, want %d", got, c.want)
		}
	}
}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(100, 10, time.Now)
		take := func(n int, ok bool) {
			t.Helper()
			if err := b.take(n); (err == nil) != ok {
				t.Errorf("take %d with %v left: %v", n, b.level, err)
			}
		}
		take(101, false)
		take(60, true)
		take(41, false)
		take(40, true)
		take(1, false)
		time.Sleep(time.Second)
		take(11, false)
		take(10, true)
		time.Sleep(time.Hour)
		take(101, false)
		take(100, true)
		b.put(50)
		take(50, true)
		b.put(1000)
		take(101, false)
	})
}
