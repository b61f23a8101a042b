package narrow

import (
	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// tri is what can be said of a condition. What is unknown stays unknown when it is negated, and does
// not let a call pass.
type tri uint8

const (
	no tri = iota
	unknown
	yes
)

func is(b bool) tri {
	if b {
		return yes
	}
	return no
}

// test looks at a struct. It does not change, allocate or panic, and what it costs is bounded by
// the condition that it was made of and the length of the texts it looks at.
type test func(capnp.Struct) tri

// combine evaluates all of kids, whatever the first ones say, so that each notices what is malformed.
func combine(op exprOp, kids []test) test {
	switch op {
	case opNot:
		kid := kids[0]
		return func(s capnp.Struct) tri { return yes - kid(s) }
	case opOr:
		return func(s capnp.Struct) tri {
			r := no
			for _, k := range kids {
				r = max(r, k(s))
			}
			return r
		}
	default:
		return func(s capnp.Struct) tri {
			r := yes
			for _, k := range kids {
				r = min(r, k(s))
			}
			return r
		}
	}
}

// move is a step from the parameters towards a field: into another struct, or only if a member of
// a union is set.
type move struct {
	union      bool
	off        uint32 // of the tag, in bytes
	tag, count uint16

	ptr uint16
	def capnp.Ptr
}

// at makes a test of the struct that moves lead to one of the parameters. A member that is not set makes
// it unknown, or false if that is what was asked.
func at(moves []move, t test, asked bool) test {
	if len(moves) == 0 {
		return t
	}
	return func(s capnp.Struct) tri {
		for _, m := range moves {
			if !m.union {
				s = s.StructDefault(m.ptr, m.def)
				continue
			}
			switch tag := s.Uint16(m.off); {
			case tag == m.tag:
			case asked && tag < m.count:
				return no
			default:
				return unknown
			}
		}
		return t(s)
	}
}

// judge returns nil if parameters may pass.
func judge(checks []check, params capnp.Struct) error {
	for _, c := range checks {
		holds := c.test(params)
		if capnp.Err(params) != nil {
			return ocap.Denied.Errorf("the call is denied: its parameters are malformed")
		}
		if holds != yes {
			return ocap.Denied.Errorf("the call is denied because of its parameter %s", c.fields)
		}
	}
	return nil
}

// plain makes text from anybody harmless within a line, without quotes.
func plain(s string) string {
	const most = 200
	out := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(out) == most {
			return string(out) + "..."
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
