package narrow

import (
	"context"
	"errors"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
)

// Env is what [Apply] needs besides the steps.
type Env struct {
	// Registry has the schemas that ReadOnly, Where and calls are understood by.
	Registry *schema.Registry
	// Root is the interface of the first object, for steps that do not say it; 0 if it is not known.
	Root uint64
	// Clock is what expiry and rates go by; nil means the computer's.
	Clock ocap.Clock
	// Meter returns who counts the uses of a narrowing, by its index in the steps. If it is nil or
	// returns nil, they are counted in memory from zero.
	Meter func(step int, n *Narrowing) ocap.Meter
	// Grantor is who can give more, for the words of errors: see [ocap.Options].
	Grantor string

	_ struct{}
}

// Apply returns the capability that the steps lead to from c. It fails if [Check] does; a call in the
// steps is made at once, and what depends on it is a promise. c stays the caller's; release both.
func Apply(ctx context.Context, c capnp.Client, steps []Step, e *Env) (capnp.Client, error) {
	return capnp.Client{}, errors.ErrUnsupported
}

// Check reports the first thing in the steps that the schemas do not know or that is not allowed, with
// its place and a hint. Root is the interface of the first object, or 0 if it is not known.
func Check(steps []Step, root uint64, reg *schema.Registry) error { return errors.ErrUnsupported }

// Describe says in words what the steps leave, a line for each step. The text is the same for equal
// steps, and safe to print whoever made them. reg may be nil.
func Describe(steps []Step, reg *schema.Registry) string { return "" }

// Within reports whether child takes away everything that parent takes away, as far as that can be
// seen without calls, and otherwise says what the child has more. It is for showing: authority never
// depends on it, as a child is always applied on top of its parent.
func Within(child, parent []Step) (ok bool, why string) { return false, "" }
