package ocap

import "lanyard.dev/capnp"

// start is the gate of a call whose policy is a Starter. The membrane's gate comes first, so that a
// revocation waits for what the policy has let through.
type start flight

// Enter implements capnp.Gate.
func (s *start) Enter(c *capnp.Call) error {
	x := &s.x
	m := x.w.m
	if err := m.Enter(c); err != nil {
		return err
	}
	if err := m.askStart(x); err != nil {
		m.Begun(c)
		return refusal(err, m.grantor)
	}
	x.started.Store(true)
	return nil
}

// Begun implements capnp.Gate.
func (s *start) Begun(c *capnp.Call) { s.x.w.m.Begun(c) }

// Leave implements capnp.Gate.
func (s *start) Leave(c *capnp.Call) { s.x.w.m.Leave(c) }

// askStart calls the policy. One that panics denies.
func (m *membrane) askStart(x *Crossing) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Denied.exception(&capnp.PanicError{Value: p}, "the policy panicked")
		}
	}()
	return m.starter.Start(x)
}
