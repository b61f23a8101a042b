package ocap

import "lanyard.dev/capnp"

// Code is a machine-readable reason for which a wrapper ended a call. It travels in the details of
// the exception, so that errors.Is(err, ocap.Revoked) works on both sides of a connection.
type Code string

// Revoked is the code of calls on what was revoked. Their Kind is Failed: unlike a lost connection,
// it does not help to get the capability anew.
const Revoked Code = "revoked"

// DetailID is the id of the exception detail whose data is a Code.
const DetailID = 0xd3a94f1c27be5a60

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Detail returns the exception detail that says c.
func (c Code) Detail() capnp.Detail { return capnp.Detail{ID: DetailID, Data: []byte(c)} }

// exception makes an error with code c and the words of err, or the given ones if err is nil.
func (c Code) exception(err error, words string) *capnp.Exception {
	if err != nil {
		words = err.Error()
	}
	return &capnp.Exception{Kind: capnp.Failed, Reason: words, Details: []capnp.Detail{c.Detail()}, Cause: err}
}
