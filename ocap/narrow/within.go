package narrow

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"lanyard.dev/ocap"
)

// Within reports whether child takes away everything that parent takes away, as far as that can be
// seen without schemas and calls, and otherwise says what the child has more. It does not say yes
// wrongly. It is for showing: authority never depends on it, as a child is always applied on top of
// its parent.
func Within(child, parent []Step) (ok bool, why string) {
	for {
		var c, p sum
		var cCall, pCall *PathCall
		c, cCall, child = run(child)
		p, pCall, parent = run(parent)
		if why := c.within(&p); why != "" {
			return false, why
		}
		switch {
		case cCall == nil && pCall == nil:
			return true, ""
		case cCall == nil || pCall == nil || !cCall.same(pCall):
			return false, "it is another object"
		}
	}
}

// sum is what some narrowings in a row say together.
type sum struct {
	methods     map[Method]bool // nil for all
	readOnly    []uint64        // by the schemas of these interfaces
	where       []condition
	notAfter    time.Time
	uses, bytes uint64
	concurrency uint32
	rates       []ocap.Rate
}

type condition struct {
	iface uint64
	text  string
}

// run adds up the narrowings before the first call.
func run(steps []Step) (s sum, call *PathCall, rest []Step) {
	for i, st := range steps {
		if st.Call != nil {
			return s, st.Call, steps[i+1:]
		}
		if st.Narrow != nil {
			s.add(st.Narrow)
		}
	}
	return s, nil, nil
}

func (s *sum) add(n *Narrowing) {
	if n.Methods != nil {
		p := &policy{allowed: s.methods}
		p.only(setOf(n.Methods))
		s.methods = p.allowed
	}
	if n.ReadOnly {
		s.readOnly = append(s.readOnly, n.Interface)
	}
	for _, w := range n.Where {
		if e, err := parse(w); err == nil {
			for _, c := range conjuncts(e) {
				s.where = append(s.where, condition{n.Interface, c.String()})
			}
		} else {
			s.where = append(s.where, condition{n.Interface, w})
		}
	}
	if !n.NotAfter.IsZero() && (s.notAfter.IsZero() || n.NotAfter.Before(s.notAfter)) {
		s.notAfter = n.NotAfter
	}
	s.uses, s.bytes = least(s.uses, n.Uses), least(s.bytes, n.Bytes)
	s.concurrency = least(s.concurrency, n.Concurrency)
	if n.Rate.Calls > 0 {
		s.rates = append(s.rates, n.Rate)
	}
}

// least is the smaller of two limits, of which 0 is none.
func least[T uint32 | uint64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// more reports whether limit a lets pass more than b.
func more[T uint32 | uint64](a, b T) bool { return b != 0 && (a == 0 || a > b) }

// within says what s allows more than p.
func (s *sum) within(p *sum) string {
	if p.methods != nil {
		if s.methods == nil {
			return "it has methods that the other does not have"
		}
		var more []Method
		for m := range s.methods {
			if !p.methods[m] {
				more = append(more, m)
			}
		}
		if len(more) > 0 {
			return "it has a method that the other does not have: " + slices.MinFunc(more, compareMethods).name(nil, 0)
		}
	}
	for _, id := range p.readOnly {
		if !slices.Contains(s.readOnly, id) {
			return "it can do more than read"
		}
	}
	for _, w := range p.where {
		if !slices.Contains(s.where, w) {
			return "it lacks the condition " + quote(w.text)
		}
	}
	switch {
	case !p.notAfter.IsZero() && (s.notAfter.IsZero() || s.notAfter.After(p.notAfter)):
		return "it lasts longer"
	case more(s.uses, p.uses):
		return "it has more uses"
	case more(s.bytes, p.bytes):
		return "it lets more bytes pass"
	case more(s.concurrency, p.concurrency):
		return "it lets more calls run at a time"
	}
	for _, r := range p.rates {
		if !slices.ContainsFunc(s.rates, func(q ocap.Rate) bool { return rateWithin(q, r) }) {
			return fmt.Sprintf("it may be faster than %s", r)
		}
	}
	return ""
}

// rateWithin reports whether a never lets more pass than b.
func rateWithin(a, b ocap.Rate) bool {
	burst := func(r ocap.Rate) uint32 {
		if r.Burst == 0 {
			return r.Calls
		}
		return r.Burst
	}
	per := func(r ocap.Rate) uint64 {
		if r.Per == 0 {
			return uint64(time.Second)
		}
		return uint64(r.Per)
	}
	// a.Calls / a.Per <= b.Calls / b.Per
	aHi, aLo := bits.Mul64(uint64(a.Calls), per(b))
	bHi, bLo := bits.Mul64(uint64(b.Calls), per(a))
	return burst(a) <= burst(b) && (aHi < bHi || aHi == bHi && aLo <= bLo)
}

func (p *PathCall) same(q *PathCall) bool {
	return p.Method == q.Method && slices.Equal(p.Params, q.Params) && slices.Equal(p.Result, q.Result)
}
