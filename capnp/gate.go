package capnp

// The phases of a call at an object in this process.
const (
	phaseWaiting = iota // or never to start
	phaseEntered        // let through by the gates
	phaseBegun          // the method is known to run, or to have run
)

// enter asks the call's gate.
func (c *Call) enter() error {
	if c.gate != nil {
		if err := c.gate.Enter(c); err != nil {
			return err
		}
	}
	c.phase.Store(phaseEntered)
	return nil
}

// begun tells the gate that the method runs.
func (c *Call) begun() {
	if c.gate != nil && c.phase.Load() == phaseEntered && c.phase.CompareAndSwap(phaseEntered, phaseBegun) {
		c.gate.Begun(c)
	}
}

// leave tells the gate that the method has returned, if it ever ran.
func (c *Call) leave() {
	if c.gate != nil && c.phase.Load() != phaseWaiting {
		c.begun()
		c.gate.Leave(c)
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
