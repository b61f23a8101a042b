package capnp

// The phases of a call at an object in this process.
const (
	phaseWaiting = iota // or never to start
	phaseEntered        // let through by the gates
	phaseBegun          // the method is known to run, or to have run
)

// enter asks the gates of c and of the calls it is derived from. If one refuses, those that had
// let the call through are told that it has left.
func (c *Call) enter() error {
	for o := c; o != nil; o = o.outer {
		if o.gate == nil {
			continue
		}
		if err := o.gate.Enter(c); err != nil {
			for p := c; p != o; p = p.outer {
				if p.gate != nil {
					p.gate.Begun(c)
					p.gate.Leave(c)
				}
			}
			return err
		}
	}
	c.phase.Store(phaseEntered)
	return nil
}

// begun tells the gates that the method runs.
func (c *Call) begun() {
	if c.phase.Load() != phaseEntered || !c.phase.CompareAndSwap(phaseEntered, phaseBegun) {
		return
	}
	for o := c; o != nil; o = o.outer {
		if o.gate != nil {
			o.gate.Begun(c)
		}
	}
}

// leave tells the gates that the method has returned, if it ever ran.
func (c *Call) leave() {
	if c.phase.Load() == phaseWaiting {
		return
	}
	c.begun()
	for o := c; o != nil; o = o.outer {
		if o.gate != nil {
			o.gate.Leave(c)
		}
	}
}

// twoGates is two gates in a row.
type twoGates struct{ first, second Gate }

func (g twoGates) Enter(c *Call) error {
	if err := g.first.Enter(c); err != nil {
		return err
	}
	err := g.second.Enter(c)
	if err != nil {
		g.first.Begun(c)
		g.first.Leave(c)
	}
	return err
}

func (g twoGates) Begun(c *Call) { g.first.Begun(c); g.second.Begun(c) }
func (g twoGates) Leave(c *Call) { g.first.Leave(c); g.second.Leave(c) }
