package ocap

// All returns the policy of one membrane in which every one of the given policies has to let a call
// pass. They are asked in order, those of Limit last. The policies are this package's, or have no
// methods besides Policy's and Collapser's; what more they can do is not made use of.
func All(policies ...Policy) Policy {
	s := &stack{}
	for _, p := range policies {
		s.add(p)
	}
	return s.policy()
}

// LimitPolicy returns the policy of [Limit], for [All] and [Membrane].
func LimitPolicy(l Limits) Policy { return newStack(nil, newLimit(l)) }

// stack is several policies in one layer.
type stack struct {
	plain  []Policy
	leases []*lease
	limits []*limit
}

// stacked is a stack, whatever else it can do.
type stacked interface{ parts() *stack }

func newStack(l *lease, m *limit) Policy {
	s := &stack{}
	if l != nil {
		s.leases = []*lease{l}
	}
	if m != nil {
		s.limits = []*limit{m}
	}
	return s.policy()
}

func (s *stack) parts() *stack { return s }

// add puts p below what is there.
func (s *stack) add(p Policy) {
	if p == nil {
		return
	}
	if in, ok := p.(stacked); ok {
		for _, q := range in.parts().plain {
			s.add(q)
		}
		s.leases = append(s.leases, in.parts().leases...)
		s.limits = append(s.limits, in.parts().limits...)
		return
	}
	if n := len(s.plain); n > 0 {
		if outer, ok := s.plain[n-1].(*facet); ok {
			if q, ok := p.(*facet); ok {
				s.plain[n-1] = outer.within(q)
				return
			}
		}
	}
	s.plain = append(s.plain, p)
}

// policy returns the stack with the methods that it needs: the membrane does more for some of them.
func (s *stack) policy() Policy {
	metered := false
	for _, l := range s.limits {
		metered = metered || l.Meter != nil
	}
	switch {
	case len(s.plain) == 1 && len(s.leases)+len(s.limits) == 0:
		if f, ok := s.plain[0].(*facet); ok {
			return f
		}
		return s
	case metered && len(s.leases) > 0:
		return meteredLeased{meteredStack{s}}
	case metered:
		return meteredStack{s}
	case len(s.leases) > 0:
		return leasedStack{s}
	}
	return s
}

// Judge implements Policy.
func (s *stack) Judge(c *Crossing) error {
	if err := s.judge(c); err != nil || c.asked {
		return err
	}
	return s.take(c)
}

// judge asks what keeps no count.
func (s *stack) judge(c *Crossing) error {
	for _, l := range s.leases {
		if err := l.check(); err != nil {
			return err
		}
	}
	for _, p := range s.plain {
		if err := p.Judge(c); err != nil || c.asked {
			return err
		}
	}
	return nil
}

// take counts a call everywhere or nowhere.
func (s *stack) take(c *Crossing) error {
	for i, l := range s.limits {
		err := l.take(c)
		if err == nil && !c.asked {
			continue
		}
		for _, l := range s.limits[:i] {
			l.give(c)
		}
		return err
	}
	return nil
}

// Ended implements Ender.
func (s *stack) Ended(c *Crossing, _ error) {
	for _, l := range s.limits {
		if c.Delivered() {
			l.end(c)
		} else {
			l.give(c)
		}
	}
}

// Collapse implements Collapser.
func (s *stack) Collapse(inner Policy) (Policy, bool) { return collapse(s, inner) }

// Collapse is what the method of that name of a [Collapser] can return that keeps no state and does nothing
// but judge: one policy of two, if inner is of this package or like that as well.
func Collapse(outer, inner Policy) (Policy, bool) { return collapse(outer, inner) }

// collapse makes one policy of two, if All can do what both do.
func collapse(outer, inner Policy) (Policy, bool) {
	if doesMore(outer) || doesMore(inner) {
		return nil, false
	}
	switch inner.(type) {
	case nil, *facet, stacked, Collapser:
		return All(outer, inner), true
	}
	return nil, false
}

// doesMore reports whether a policy that is not this package's does more than judge, which All makes no use of.
func doesMore(p Policy) bool {
	switch p.(type) {
	case nil, *facet, stacked:
		return false
	case Admitter, Handler, Redirector, ResultJudge, Ender, Starter:
		return true
	}
	return false
}

// leasedStack looks at the time once more when a method starts.
type leasedStack struct{ *stack }

// Start implements Starter.
func (s leasedStack) Start(*Crossing) error { return s.expired() }

func (s *stack) expired() error {
	for _, l := range s.leases {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// meteredStack counts when calls are admitted, because a meter may take its time.
type meteredStack struct{ *stack }

// Judge implements Policy.
func (s meteredStack) Judge(c *Crossing) error {
	if err := s.judge(c); err != nil || c.asked {
		return err
	}
	for _, l := range s.limits {
		if l.Shallow && c.Inward() {
			c.Root() // Admit has to know
		}
	}
	return nil
}

// Admit implements Admitter.
func (s meteredStack) Admit(c *Crossing, done func(error)) {
	if err := s.take(c); err != nil {
		done(err)
		return
	}
	s.meter(0, c, done)
}

// meter asks the meters from the ith limit on, one after the other.
func (s meteredStack) meter(i int, c *Crossing, done func(error)) {
	for i < len(s.limits) && (s.limits[i].Meter == nil || !s.limits[i].counts(c)) {
		i++
	}
	if i == len(s.limits) {
		done(nil)
		return
	}
	s.limits[i].Meter.Take(1, func(err error) {
		if err == nil {
			s.meter(i+1, c, done)
			return
		}
		s.refund(s.limits[:i], c)
		for _, l := range s.limits {
			l.give(c)
		}
		done(err)
	})
}

// refund gives back to meters.
func (s meteredStack) refund(limits []*limit, c *Crossing) {
	for _, l := range limits {
		if r, ok := l.Meter.(Refunder); ok && l.counts(c) {
			r.Give(1)
		}
	}
}

// Ended implements Ender.
func (s meteredStack) Ended(c *Crossing, err error) {
	if !c.Delivered() {
		s.refund(s.limits, c)
	}
	s.stack.Ended(c, err)
}

// meteredLeased does both.
type meteredLeased struct{ meteredStack }

// Start implements Starter.
func (s meteredLeased) Start(*Crossing) error { return s.expired() }
