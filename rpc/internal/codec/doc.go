// Package codec turns the engine's messages into those of rpc.capnp and back. Do not use it for
// user data, which passes through as it is.
package codec
