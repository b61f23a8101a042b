package narrow

import (
	"time"

	"lanyard.dev/ocap"
)

// Step is one step from an object to a narrowed capability: exactly one of the fields is set.
type Step struct {
	Narrow *Narrowing
	Call   *PathCall
}

// By returns the step that narrows.
func By(n Narrowing) Step { return Step{Narrow: &n} }

// Call returns the step that goes on to the result of a call.
func Call(p PathCall) Step { return Step{Call: &p} }

// Method names a method as calls do.
type Method struct {
	InterfaceID uint64 // of the interface that declares it
	MethodID    uint16 // its ordinal there
}

// Narrowing is what of an object can be used. Everything that is said in it has to hold for a call
// to pass. The zero value takes nothing away.
//
// It limits the object, not what comes out of it, with the exceptions that package ocap makes:
// expiry and limits hold for what came out as well.
type Narrowing struct {
	// Interface is the interface by whose schema ReadOnly and Where are understood. They need it.
	Interface uint64
	// Methods are those that can be called, if it is not nil: none if it is empty.
	Methods []Method
	// ReadOnly leaves only the methods that are annotated readOnly in the schema at hand when the
	// narrowing is applied.
	ReadOnly bool
	// Where are conditions on arguments; see the package's documentation.
	Where []string

	// NotAfter is the instant from which on nothing passes. Zero means never; it is kept to the
	// nanosecond.
	NotAfter time.Time
	// Uses is how many calls pass; 0 means any number.
	Uses uint64
	// Rate is how often calls pass. The zero value means as often as they come.
	Rate ocap.Rate
	// Bytes is how many bytes pass; 0 means any number. See [ocap.Limits] for what is counted.
	Bytes uint64
	// Concurrency is how many calls are under way at a time; 0 means any number.
	Concurrency uint32
}

// PathCall is a call whose result is the next object. It is made when the chain is applied, every
// time anew.
type PathCall struct {
	Method

	// Params is a message of one segment without framing, whose root is the parameters; nil if all
	// have their defaults. It holds no capabilities. [Params] makes one.
	Params []byte
	// Result is the path of pointer fields that leads to the capability in the results. Empty means
	// the first pointer field that is a capability, which is resolved by [Check].
	Result []uint16
	// ResultInterface is the interface of the next object, for [Describe] and for Where of later
	// steps; 0 if it is not known.
	ResultInterface uint64
}
