package workload

import (
	"math"

	"lanyard.dev/capnp"
)

// fillTerm writes a random tree and returns its value.
func fillTerm(m *capnp.MessageBuilder, r *random) uint64 {
	return uint64(uint32(fillNode(NewRootTerm(m), r, 0)))
}

func fillNode(t TermBuilder, r *random, depth uint32) int32 {
	op := TermOperation(r.below(uint32(TermOperationModulus) + 1))
	t.SetOp(op)
	var left, right int32
	if r.below(8) < depth {
		left = int32(r.below(128) + 1)
		t.EditLeft().SetValue(left)
	} else {
		left = fillNode(t.EditLeft().NewTerm(), r, depth+1)
	}
	if r.below(8) < depth {
		right = int32(r.below(128) + 1)
		t.EditRight().SetValue(right)
	} else {
		right = fillNode(t.EditRight().NewTerm(), r, depth+1)
	}
	return apply(op, left, right)
}

// apply is total: division by zero, and of the least number by -1, give the
// greatest.
func apply(op TermOperation, a, b int32) int32 {
	switch op {
	case TermOperationAdd:
		return a + b
	case TermOperationSubtract:
		return a - b
	case TermOperationMultiply:
		return a * b
	}
	if b == 0 || a == math.MinInt32 && b == -1 {
		return math.MaxInt32
	}
	if op == TermOperationDivide {
		return a / b
	}
	return a % b
}

func evaluate(req *capnp.Message, res *capnp.MessageBuilder) {
	NewRootNumber(res).SetValue(valueOf(capnp.Root[Term](req)))
}

func valueOf(t Term) int32 {
	var left, right int32
	if side := t.Left(); side.Which() == TermLeftWhichTerm {
		left = valueOf(side.Term())
	} else {
		left = side.Value()
	}
	if side := t.Right(); side.Which() == TermRightWhichTerm {
		right = valueOf(side.Term())
	} else {
		right = side.Value()
	}
	return apply(t.Op(), left, right)
}

func number(res *capnp.Message) (got, sum uint64) {
	v := uint64(uint32(capnp.Root[Number](res).Value()))
	return v, v
}
