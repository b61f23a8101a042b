package ocap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"lanyard.dev/capnp"
)

// Code is a machine-readable reason for which a wrapper ended a call. It travels in the details of
// the exception, so that errors.Is(err, ocap.Revoked) works on both sides of a connection, and no
// lost connection looks like it. A Policy may return a Code as it is.
type Code string

const (
	// Denied is the code of calls that a predicate refused: others of the same method may pass. What
	// a Facet lacks is capnp.Unimplemented instead: a narrower type cannot express it.
	Denied Code = "denied"
	// Revoked is the code of calls on what was revoked. It does not help to get the capability anew.
	Revoked Code = "revoked"
	// Expired is the code of calls on what was lent until now.
	Expired Code = "expired"
	// Exhausted is the code of calls for which nothing is left of a budget: for ever if the Kind is
	// capnp.Failed, for the time being if it is capnp.Overloaded (see Later).
	Exhausted Code = "exhausted"
	// Stale is the code of calls that are refused because it cannot be found out just now whether
	// the capability was revoked. Their Kind is capnp.Overloaded: try again later.
	Stale Code = "stale"
)

const (
	// DetailID is the id of the exception detail whose data is a Code.
	DetailID = 0xd3a94f1c27be5a60
	// RetryID is the id of the exception detail whose data says after how long it makes sense to
	// try again: milliseconds, as 8 bytes, the lowest first.
	RetryID = 0xb1d0c6a27f4e9835
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Detail returns the exception detail that says c.
func (c Code) Detail() capnp.Detail { return capnp.Detail{ID: DetailID, Data: []byte(c)} }

// Errorf makes an exception with code c. Its words cross the wire to whoever holds the capability:
// no secrets, no values that only the object knows. A %w operand becomes the local cause.
func (c Code) Errorf(format string, args ...any) *capnp.Exception {
	err := fmt.Errorf(format, args...)
	return c.exception(errors.Unwrap(err), err.Error())
}

// Later makes an exception with code Exhausted of a budget that grows again: it is worth trying
// after d. RetryAfter reads d.
func Later(d time.Duration, format string, args ...any) *capnp.Exception {
	x := Exhausted.Errorf(format, args...)
	x.Kind = capnp.Overloaded
	ms := binary.LittleEndian.AppendUint64(nil, uint64(max(d, 0)/time.Millisecond))
	x.Details = append(x.Details, capnp.Detail{ID: RetryID, Data: ms})
	return x
}

// CodeOf returns the code of the wrapper that ended the call which returned err.
func CodeOf(err error) (c Code, ok bool) {
	d, ok := detail(err, DetailID)
	return Code(d), ok
}

// RetryAfter returns what the one who made err with Later says.
func RetryAfter(err error) (d time.Duration, ok bool) {
	b, ok := detail(err, RetryID)
	if !ok || len(b) != 8 {
		return 0, false
	}
	ms := min(binary.LittleEndian.Uint64(b), uint64(1<<63-1)/uint64(time.Millisecond))
	return time.Duration(ms) * time.Millisecond, true
}

func detail(err error, id uint64) ([]byte, bool) {
	if x, ok := errors.AsType[*capnp.Exception](err); ok {
		for _, d := range x.Details {
			if d.ID == id {
				return d.Data, true
			}
		}
	}
	return nil, false
}

// kind is the Kind of exceptions with code c.
func (c Code) kind() capnp.Kind {
	if c == Stale {
		return capnp.Overloaded
	}
	return capnp.Failed
}

// words is what c says when nobody says more.
func (c Code) words() string {
	switch c {
	case Denied:
		return "the call is denied"
	case Revoked:
		return "the capability was revoked"
	case Expired:
		return "the capability has expired"
	case Exhausted:
		return "the capability is used up"
	case Stale:
		return "whether the capability was revoked cannot be found out now"
	}
	return string(c)
}

// exception makes an exception with code c.
func (c Code) exception(cause error, words string) *capnp.Exception {
	return &capnp.Exception{Kind: c.kind(), Reason: words, Details: []capnp.Detail{c.Detail()}, Cause: cause}
}

// refusal makes what a policy returned an exception: a Code with its words, an exception as it is,
// anything else a Denied.
func refusal(err error, grantor string) *capnp.Exception {
	var x *capnp.Exception
	if c, ok := err.(Code); ok {
		x = c.exception(nil, c.words())
	} else if e, ok := errors.AsType[*capnp.Exception](err); ok {
		x = e
		if e.Error() != err.Error() {
			x = capnp.AsException(err)
		}
	} else if c, ok := errors.AsType[Code](err); ok {
		x = c.exception(err, err.Error())
	} else {
		x = Denied.exception(err, err.Error())
	}
	if c, ok := CodeOf(x); ok && c != Stale && grantor != "" {
		y := *x
		y.Reason += "; " + grantor + " can give more"
		x = &y
	}
	return x
}

// lasting reports whether a refusal says something about the call: it is the same whenever the call
// is made.
func lasting(x *capnp.Exception) bool {
	c, ok := CodeOf(x)
	switch {
	case ok:
		return c == Denied
	case x.Kind == capnp.Overloaded, x.Kind == capnp.Disconnected:
		return false
	}
	return true
}
