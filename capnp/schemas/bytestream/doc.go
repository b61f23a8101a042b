// Package bytestream is a stream of bytes as a capability, generated from compat/byte-stream.capnp.
//
// It is the interface only; services that stream implement and call it.
package bytestream
