package ocap_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/calculator"
)

// starter refuses when a method is about to start, if it is shut, and notes what it was told.
type starter struct {
	shut    atomic.Bool
	started atomic.Int64
	ended   atomic.Int64
}

func (s *starter) Judge(*ocap.Crossing) error { return nil }

func (s *starter) Start(*ocap.Crossing) error {
	if s.shut.Load() {
		return ocap.Stale
	}
	return nil
}

func (s *starter) Ended(c *ocap.Crossing, _ error) {
	s.ended.Add(1)
	if c.Started() {
		s.started.Add(1)
	}
}

// gated is an object whose calls wait for the one before.
type gated struct {
	calculator.UnimplementedCalculator
	open  chan struct{}
	calls atomic.Int64
}

func (g *gated) Evaluate(ctx context.Context, call calculator.CalculatorEvaluateCall) error {
	g.calls.Add(1)
	<-g.open
	return nil
}

// A call that waited in the object's queue is judged again when its turn comes.
func TestStarterJudgesWhatHasWaited(t *testing.T) {
	g := &gated{open: make(chan struct{})}
	s := &starter{}
	c, revoke := ocap.Membrane(capnp.Serial(calculator.NewCalculator(g)), s, nil)
	defer c.Release()
	defer revoke()

	first := c.Evaluate(t.Context(), nil)
	second := c.Evaluate(t.Context(), nil)
	for g.calls.Load() == 0 {
		runtime.Gosched()
	}
	s.shut.Store(true)
	close(g.open)
	if _, err := first.Wait(); err != nil {
		t.Errorf("the call that had started: %v", err)
	}
	if _, err := second.Wait(); !errors.Is(err, ocap.Stale) {
		t.Errorf("the call that had waited: %v, want stale", err)
	}
	if n := g.calls.Load(); n != 1 {
		t.Errorf("%d methods ran, want 1", n)
	}
	for s.ended.Load() < 2 { // Ended comes after the answer
		runtime.Gosched()
	}
	if s.started.Load() != 1 {
		t.Errorf("%d of two calls started, want 1", s.started.Load())
	}
}

// A reason that has a code is kept as it is, here and across the wire.
func TestRevokeKeepsACode(t *testing.T) {
	c, revoke := ocap.Revocable(calculator.New(nil))
	defer c.Release()
	revoke(ocap.Expired.Errorf("the week is over"))
	_, err := c.Evaluate(t.Context(), nil).Wait()
	if !errors.Is(err, ocap.Expired) || errors.Is(err, ocap.Revoked) || err.Error() != "the week is over" {
		t.Errorf("got %v, want expired and nothing else", err)
	}
}

// Inside gives what is behind a membrane to who can name its policy, and to nobody else.
func TestInside(t *testing.T) {
	calc := calculator.New(nil)
	defer calc.Release()
	s := &starter{}
	c, revoke := ocap.Membrane(calc, s, nil)
	defer c.Release()

	in, p, root, ok := ocap.Inside[*starter](c.Client)
	if !ok || !root || p != s || !capnp.Same(in, calc.Client) {
		t.Errorf("Inside: policy %v, root %v, ok %v, same %v", p == s, root, ok, capnp.Same(in, calc.Client))
	}
	in.Release()
	if _, _, _, ok := ocap.Inside[*starter](calc.Client); ok {
		t.Error("a capability without membrane has an inside")
	}
	type other struct{ *starter }
	if _, _, _, ok := ocap.Inside[other](c.Client); ok {
		t.Error("another type of policy opened the membrane")
	}
	res, err := c.Evaluate(t.Context(), func(p calculator.CalculatorEvaluateParamsBuilder) {
		p.NewExpression().SetLiteral(1)
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, root, ok := ocap.Inside[*starter](res.Value().Client); !ok || root {
		t.Errorf("what came out: root %v, ok %v; want false, true", root, ok)
	}
	revoke()
	in, _, _, ok = ocap.Inside[*starter](c.Client)
	if _, err := (calculator.Calculator{Client: in}).Evaluate(t.Context(), nil).Wait(); !ok || !errors.Is(err, ocap.Revoked) {
		t.Errorf("inside of a revoked one: ok %v, %v; want revoked", ok, err)
	}
}

// Again gives a capability as long as somebody holds it.
func TestAgain(t *testing.T) {
	calc := calculator.New(nil)
	defer calc.Release()
	c, revoke := ocap.Membrane(calc, &starter{}, nil)
	defer revoke()
	again := ocap.Again(c.Client)
	d, ok := again()
	if !ok || !capnp.Same(c.Client, d) {
		t.Fatalf("again: %v, same %v", ok, capnp.Same(c.Client, d))
	}
	c.Release()
	e, ok := again()
	if !ok || !capnp.Same(d, e) {
		t.Fatal("not again while one reference is left")
	}
	d.Release()
	e.Release()
	if _, ok := again(); ok {
		t.Error("again when nobody held it")
	}
	if _, ok := ocap.Again(calc.Client)(); ok {
		t.Error("again of what no membrane made")
	}
}
