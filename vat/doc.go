// Package vat connects processes that trust each other no further than capabilities say: a vat has
// a key, speaks TLS 1.3 with peers that it knows by theirs, and turns references, which are bits,
// into capabilities, which are live.
//
// [New] makes a [Vat], [Vat.Serve] lets others in, [Vat.Restore] and [Vat.Live] get what a
// [Reference] names, and [Bridge] offers that on a local socket to programs without our TLS.
//
// For one connection between two programs that need no keys, package rpc is enough. What a secret
// stands for is not known here: that is the Restore function of the host (see packages store and grant).
package vat
