package capnp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// Kind says what a caller can do about an exception. A Kind is itself an error, so that
// errors.Is(err, capnp.Disconnected) asks for it. The numbers are those of Exception.Type in
// rpc.capnp.
type Kind uint16

const (
	// Failed: the request is wrong or the method has a bug; the same call again fails again.
	Failed Kind = iota
	// Overloaded: the callee lacks the means now; the same call may work later.
	Overloaded
	// Disconnected: a connection that the capability needs is gone; get the capability anew.
	Disconnected
	// Unimplemented: the object does not have the method.
	Unimplemented
)

var kindNames = [...]string{"failed", "overloaded", "disconnected", "unimplemented"}

// Error returns the kind's name as rpc.capnp spells it.
func (k Kind) Error() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint16(k))
}

// Detail is one machine-readable fact in an exception, keyed by a 64-bit id of the
// application's own ("capnp id" makes one).
type Detail struct {
	ID   uint64
	Data []byte
}

// Exception is the error that a call ends with. Reason crosses the wire: no paths, addresses or
// secrets in it. Use errors.AsType[*capnp.Exception] to read one out of an error.
type Exception struct {
	Kind    Kind
	Reason  string
	Details []Detail

	// Trace says where the error arose: a stack, in no particular form. It crosses a connection only
	// where both ends have opted in (rpc.Options.Traces).
	Trace string

	// Remote is set on what arrived from a peer.
	Remote bool
	// Cause, if not nil, is the local error behind the exception; it never crosses the wire.
	Cause error
}

// NewError makes an exception of the given kind.
func NewError(kind Kind, reason string) *Exception {
	return &Exception{Kind: kind, Reason: reason}
}

// Errorf makes an exception of the given kind with a formatted reason. A %w operand becomes the
// cause.
func Errorf(kind Kind, format string, args ...any) *Exception {
	err := fmt.Errorf(format, args...)
	return &Exception{Kind: kind, Reason: err.Error(), Cause: errors.Unwrap(err)}
}

// Error describes the exception; what came from a peer says so once.
func (e *Exception) Error() string {
	if e.Remote {
		return "remote exception: " + e.Reason
	}
	return e.Reason
}

// Is makes errors.Is(err, capnp.Overloaded) and its like work. A target with a method
// Detail() Detail matches if the exception carries that very detail.
func (e *Exception) Is(target error) bool {
	switch x := target.(type) {
	case Kind:
		return x == e.Kind
	case interface{ Detail() Detail }:
		d := x.Detail()
		return slices.ContainsFunc(e.Details, func(o Detail) bool {
			return o.ID == d.ID && bytes.Equal(o.Data, d.Data)
		})
	}
	return false
}

// Traced makes the calling goroutine's stack the exception's Trace and returns the exception.
func (e *Exception) Traced() *Exception {
	e.Trace = string(debug.Stack())
	return e
}

// StackTrace returns where the error arose, if that is known: Trace, or the stack of the panic that
// is the cause.
func (e *Exception) StackTrace() string {
	if e.Trace != "" {
		return e.Trace
	}
	if p, ok := errors.AsType[*PanicError](e.Cause); ok {
		return string(p.Stack)
	}
	return ""
}

// Unwrap returns the local cause.
func (e *Exception) Unwrap() error { return e.Cause }

// AsException returns the exception in err's chain, or wraps err in one: of the Kind in its
// chain if there is one, else Failed.
func AsException(err error) *Exception {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Exception](err); ok {
		if e.Error() == err.Error() {
			return e
		}
		// Somebody added words around it: they are part of the answer, the kind and details stay.
		return &Exception{Kind: e.Kind, Reason: err.Error(), Details: e.Details, Trace: e.StackTrace(), Cause: err}
	}
	if k, ok := errors.AsType[Kind](err); ok {
		return &Exception{Kind: k, Reason: err.Error(), Cause: err}
	}
	return &Exception{Kind: Failed, Reason: err.Error(), Cause: err}
}

// errNull is what every call on a null capability ends with.
var errNull = NewError(Failed, "called a null capability")
