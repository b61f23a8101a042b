// Package rpc is the messages of the RPC protocol, generated from rpc.capnp.
//
// It is for those who read or write the protocol: package lanyard.dev/rpc, proxies and inspectors. To call
// capabilities use that package.
package rpc
