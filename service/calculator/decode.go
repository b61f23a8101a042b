package calculator

import "lanyard.dev/capnp"

// decode takes an expression out of its message, capabilities included: each
// belongs to the result until release.
func decode(x CalculatorExpression, limits *Limits) (*expr, error) {
	d := decoder{limits: limits}
	e := new(expr)
	if err := d.decode(x, e, 0); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

type decoder struct {
	limits *Limits
	nodes  int
}

func (d *decoder) decode(x CalculatorExpression, e *expr, nesting int) error {
	if err := d.count(1, nesting); err != nil {
		return err
	}
	switch which := x.Which(); which {
	case CalculatorExpressionWhichLiteral:
		*e = expr{kind: literal, value: x.Literal()}
	case CalculatorExpressionWhichPreviousResult:
		*e = expr{kind: previous, ref: x.PreviousResult()}
	case CalculatorExpressionWhichParameter:
		*e = expr{kind: parameter, param: x.Parameter()}
	case CalculatorExpressionWhichCall:
		c := x.Call()
		params := c.Params()
		// Memory is made for as many nodes as may be decoded, not for as many as the
		// list claims: a list of empty structs claims any number in a few bytes.
		if err := d.count(params.Len(), nesting); err != nil {
			return err
		}
		d.nodes -= params.Len()
		*e = expr{kind: call, ref: c.Function(), args: make([]expr, params.Len())}
		for i, p := range params.All() {
			if err := d.decode(p, &e.args[i], nesting+1); err != nil {
				return err
			}
		}
	default:
		return capnp.Errorf(capnp.Unimplemented, "unknown kind of expression %d", uint16(which))
	}
	return capnp.Err(x)
}

func (d *decoder) count(n, nesting int) error {
	if d.nodes += n; d.nodes > d.limits.Nodes {
		return capnp.Errorf(capnp.Failed, "an expression of more than %d nodes", d.limits.Nodes)
	}
	if nesting > d.limits.Nesting {
		return capnp.Errorf(capnp.Failed, "calls nested deeper than %d", d.limits.Nesting)
	}
	return nil
}

// release gives up the capabilities in e.
func (e *expr) release() {
	if c, ok := e.ref.(interface{ Release() }); ok {
		c.Release()
	}
	for i := range e.args {
		e.args[i].release()
	}
}
