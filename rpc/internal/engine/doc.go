// Package engine is Cap'n Proto's RPC protocol for one connection, and nothing else: four tables
// and the rules of rpc.capnp. It has no sockets, goroutines or clocks and does not look into the
// user's data; package rpc puts those around it. Do not use it from elsewhere.
//
// An Engine is fed commands and messages one at a time by its Host, whose inbox is what orders
// them. In turn it sends messages through the Host and delivers calls to capnp.Hooks, both of
// which only enqueue; so a test of the protocol is two engines and two queues.
package engine
