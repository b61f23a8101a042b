package calculator

import (
	"context"
	"math"
	"sync"
	"time"

	"lanyard.dev/capnp"
)

// A session is what one client's calculator and everything reached through it
// share: the limits, and what is used up of them.
type session struct {
	limits    Limits
	values    census[value]
	functions census[function]
	calls     chan struct{} // a place for each call that waits for the client

	mu      sync.Mutex
	fuel    *bucket
	running int
}

func newSession(limits *Limits) *session {
	l := limits.withDefaults()
	return &session{
		limits:    l,
		values:    census[value]{what: "values", limit: l.Values, weight: math.MaxInt, now: time.Now},
		functions: census[function]{what: "functions", limit: l.Functions, weight: l.FunctionNodes, now: time.Now},
		calls:     make(chan struct{}, l.Calls),
		fuel:      newBucket(l.Fuel, l.Refill, time.Now),
	}
}

// enter admits one more evaluation.
func (s *session) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running >= s.limits.Evaluations {
		return capnp.Errorf(capnp.Overloaded, "%d evaluations run already", s.running)
	}
	s.running++
	return nil
}

// leave ends an evaluation and takes back the fuel that it did not use.
func (s *session) leave(unused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.fuel.put(unused)
}

func (s *session) burn(steps int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fuel.take(steps)
}

// An answer is how a need came out: a number, an error, or the news that the
// capability has become something that the machine can see into.
type answer struct {
	need  need
	value float64
	err   error
	local bool
}

// evaluate runs a machine to its end. Calls to the client run side by side,
// each with its own deadline; unblock is called before the first one. When the
// evaluation ends, however it ends, so do the calls that it still waits for.
func (s *session) evaluate(ctx context.Context, unblock func(), e *expr, env []float64, depth int) (float64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	m := &machine{limits: &s.limits, look: look, burn: s.burn}
	defer func() { s.leave(m.prepaid) }()
	m.start(e, env, depth)
	needs := m.run()
	if len(needs) == 0 {
		return m.value, m.err
	}

	unblock()
	ctx, cancel := context.WithCancel(ctx)
	var callers sync.WaitGroup
	defer callers.Wait()
	defer cancel()
	answers := make(chan answer)
	for waiting := 0; ; {
		for _, n := range needs {
			waiting++
			callers.Go(func() {
				select {
				case answers <- s.ask(ctx, n):
				case <-ctx.Done():
				}
			})
		}
		if waiting == 0 {
			return m.value, m.err
		}
		select {
		case a := <-answers:
			waiting--
			if a.local {
				m.again(a.need)
			} else {
				m.supply(a.need, a.value, a.err)
			}
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
		if needs = m.run(); m.done || m.err != nil {
			return m.value, m.err
		}
	}
}

// ask does one call that the machine needs. A promise is waited for first: what
// it becomes may be one of our own functions, which must run on the fuel of
// this evaluation.
func (s *session) ask(ctx context.Context, n need) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limits.Wait,
		capnp.Errorf(capnp.Overloaded, "no answer from the client's function within %s", s.limits.Wait))
	defer cancel()
	// Waiting for a place counts: whoever holds them may wait for this very call.
	select {
	case s.calls <- struct{}{}:
		defer func() { <-s.calls }()
	case <-ctx.Done():
		return answer{need: n, err: context.Cause(ctx)}
	}
	if err := n.ref.(interface{ Resolve(context.Context) error }).Resolve(ctx); err != nil {
		return answer{need: n, err: err}
	}
	if v, err := look(n.ref); v != nil || err != nil {
		return answer{need: n, local: true}
	}
	v, err := ask(ctx, n)
	return answer{need: n, value: v, err: err}
}

// ask makes the call itself.
func ask(ctx context.Context, n need) (float64, error) {
	if n.read {
		p := n.ref.(CalculatorValue).Read(ctx, nil)
		defer p.Release()
		res, err := p.Wait()
		return res.Value(), err
	}
	p := n.ref.(CalculatorFunction).Call(ctx, func(p CalculatorFunctionCallParamsBuilder) { p.SetParams(n.args) })
	defer p.Release()
	res, err := p.Wait()
	return res.Value(), err
}

var (
	errNullValue    = capnp.NewError(capnp.Failed, "the previous result is a null capability")
	errNullFunction = capnp.NewError(capnp.Failed, "the function is a null capability")
)

// look sees into capabilities that this package made, so that evaluating them
// needs no call. It does not see through what a client put around one: a
// narrowed or revoked function is called like any other.
func look(ref any) (any, error) {
	switch ref := ref.(type) {
	case CalculatorValue:
		if ref.IsNull() {
			return nil, errNullValue
		}
		if impl, ok := capnp.LocalImpl(ref.Client); ok {
			if v, ok := impl.(*value); ok {
				return v.number, nil
			}
		}
	case CalculatorFunction:
		if ref.IsNull() {
			return nil, errNullFunction
		}
		if impl, ok := capnp.LocalImpl(ref.Client); ok {
			switch f := impl.(type) {
			case operatorServer:
				return f.apply, nil
			case *function:
				return f, nil
			}
		}
	}
	return nil, nil
}
