// Package twoparty is what the RPC protocol leaves to the network, for the network of two vats and one
// connection; it is generated from rpc-twoparty.capnp.
//
// Programs that make and serve connections do not need it.
package twoparty
