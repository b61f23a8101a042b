package calculator

import (
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
)

// FuzzEvaluate: whatever expression a client sends, the calculator answers, and
// within its limits.
func FuzzEvaluate(f *testing.F) {
	for _, x := range []builder{
		number(1),
		param(0),
		result(CalculatorValue{}),
		invoke(CalculatorFunction{}, number(1), invoke(CalculatorFunction{}, number(2), param(1))),
	} {
		m := capnp.NewMessage(nil)
		x(NewRootCalculatorExpression(m))
		f.Add(frame.Marshal(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, err := frame.Unmarshal(b, nil)
		if err != nil {
			return
		}
		x := capnp.Root[CalculatorExpression](m)
		limits := (&Limits{Nodes: 500, Nesting: 20}).withDefaults()
		e, err := decode(x, &limits)
		if err != nil {
			return
		}
		if n := e.size(); n > limits.Nodes {
			t.Fatalf("%d nodes decoded", n)
		}
		s := newSession(&limits)
		for depth := range 2 {
			if _, err := s.evaluate(t.Context(), func() {}, e, []float64{1, 2}, depth); err != nil && err.Error() == "" {
				t.Fatal("an error without words")
			}
		}
		if s.running != 0 {
			t.Fatalf("%d evaluations still run", s.running)
		}
		e.release()
	})
}
