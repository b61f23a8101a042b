package calculator

import "lanyard.dev/capnp"

// A machine evaluates one expression. It is pure: what needs a call over a
// capability it asks for, all that can run at once together, and goes on when
// the answers are supplied, in whatever order they come.
//
//	        ┌── run ──► needs ──► (the shell calls) ──┐
//	start ──┤                                         ├──► run … ──► result
//	        └──────────────── supply ◄────────────────┘
//
// Work stands on explicit stacks, so neither a deep expression nor a deep chain
// of functions uses the goroutine's.
type machine struct {
	limits *Limits
	// look says what a capability is, if its inside can be seen: a float64 (a
	// value), an operator or a *function. Nil means that it must be called. An
	// error means that it cannot be called either.
	look func(ref any) (any, error)
	// burn takes from the connection's fuel. It is asked for chunk steps at a time;
	// what is left of them at the end is in prepaid.
	burn    func(steps int) error
	prepaid int

	todo  []task     // nodes to evaluate
	ready []*partial // calls whose arguments are complete
	needs []need

	steps int
	value float64
	err   error
	done  bool
}

// A task is a node to evaluate, with the parameters it sees.
type task struct {
	expr  *expr
	env   []float64
	depth int // functions around it
	to    place
}

// A partial is a call whose arguments are being evaluated.
//
// Invariant: missing counts the elements of args that have no value yet.
type partial struct {
	ref     any
	args    []float64
	missing int
	depth   int
	to      place
}

// A place is where a value goes: an argument of a call, or the result.
type place struct {
	of    *partial
	index int
}

// A need is a call that the machine cannot do itself.
type need struct {
	ref   any
	read  bool      // read a value; otherwise call a function
	args  []float64 // of the function
	depth int       // functions around the call
	to    place
}

// start sets what to evaluate. A body with its parameters has depth 1, an
// expression that a client sent depth 0.
func (m *machine) start(e *expr, env []float64, depth int) {
	m.todo = append(m.todo, task{e, env, depth, place{}})
}

// run works until everything left waits for an answer, and returns what it
// newly needs.
func (m *machine) run() []need {
	for m.err == nil && !m.done {
		if n := len(m.ready); n > 0 {
			f := m.ready[n-1]
			m.ready = m.ready[:n-1]
			m.apply(f)
		} else if n := len(m.todo); n > 0 {
			t := m.todo[n-1]
			m.todo = m.todo[:n-1]
			m.eval(t)
		} else {
			break
		}
	}
	needs := m.needs
	m.needs = nil
	if m.err != nil || m.done {
		return nil
	}
	return needs
}

// supply answers a need.
func (m *machine) supply(n need, v float64, err error) {
	if err != nil {
		m.fail(err)
		return
	}
	m.deliver(n.to, v)
}

// again takes up a need whose capability look can see into now.
func (m *machine) again(n need) {
	if n.read {
		m.read(n.ref, n.to)
		return
	}
	m.ready = append(m.ready, &partial{ref: n.ref, args: n.args, depth: n.depth, to: n.to})
}

func (m *machine) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// eval evaluates one node, which is one step.
func (m *machine) eval(t task) {
	if err := m.pay(t.depth); err != nil {
		m.fail(err)
		return
	}
	switch e := t.expr; e.kind {
	case literal:
		m.deliver(t.to, e.value)
	case parameter:
		if uint64(e.param) >= uint64(len(t.env)) {
			m.fail(capnp.Errorf(capnp.Failed, "parameter index %d out of range: there are %d", e.param, len(t.env)))
			return
		}
		m.deliver(t.to, t.env[e.param])
	case previous:
		m.read(e.ref, t.to)
	case call:
		f := &partial{ref: e.ref, args: make([]float64, len(e.args)), missing: len(e.args), depth: t.depth, to: t.to}
		for i := range e.args {
			m.todo = append(m.todo, task{&e.args[i], t.env, t.depth, place{f, i}})
		}
		if f.missing == 0 {
			m.ready = append(m.ready, f)
		}
	}
}

// chunk is how many steps are taken from the connection's fuel at once.
const chunk = 32

// pay accounts for one step: every step counts for the evaluation, those inside
// functions for the connection, too.
func (m *machine) pay(depth int) error {
	if m.steps++; m.steps > m.limits.Steps {
		return capnp.Errorf(capnp.Overloaded, "out of fuel: an evaluation of more than %d steps", m.limits.Steps)
	}
	if depth == 0 {
		return nil
	}
	if m.prepaid == 0 {
		if err := m.burn(chunk); err != nil {
			return err
		}
		m.prepaid = chunk
	}
	m.prepaid--
	return nil
}

func (m *machine) read(ref any, to place) {
	switch v, err := m.look(ref); v := v.(type) {
	case float64:
		m.deliver(to, v)
	case nil:
		if err != nil {
			m.fail(err)
			return
		}
		m.needs = append(m.needs, need{ref: ref, read: true, to: to})
	default:
		m.fail(capnp.NewError(capnp.Unimplemented, "the previous result is no value"))
	}
}

// apply does a call whose arguments are complete.
func (m *machine) apply(f *partial) {
	switch fn, err := m.look(f.ref); fn := fn.(type) {
	case operator:
		if err := checkArity(2, len(f.args)); err != nil {
			m.fail(err)
			return
		}
		m.deliver(f.to, fn(f.args[0], f.args[1]))
	case *function:
		if err := checkArity(fn.arity, len(f.args)); err != nil {
			m.fail(err)
			return
		}
		if f.depth >= m.limits.Depth {
			m.fail(capnp.Errorf(capnp.Overloaded, "functions call each other deeper than %d", m.limits.Depth))
			return
		}
		m.todo = append(m.todo, task{fn.body, f.args, f.depth + 1, f.to})
	case nil:
		if err != nil {
			m.fail(err)
			return
		}
		m.needs = append(m.needs, need{ref: f.ref, args: f.args, depth: f.depth, to: f.to})
	default:
		m.fail(capnp.NewError(capnp.Unimplemented, "what is called is no function"))
	}
}

func (m *machine) deliver(to place, v float64) {
	if to.of == nil {
		m.value, m.done = v, true
		return
	}
	to.of.args[to.index] = v
	if to.of.missing--; to.of.missing == 0 {
		m.ready = append(m.ready, to.of)
	}
}

func checkArity(want, got int) error {
	if want != got {
		return capnp.Errorf(capnp.Failed, "wrong number of parameters: the function takes %d, got %d", want, got)
	}
	return nil
}
