// Package rpc connects vats: it gives a program the capabilities of another at the end of a
// connection, by Cap'n Proto's RPC protocol (rpc.capnp, level 1), as C++ and pycapnp speak it.
// For capabilities within one process package capnp is enough.
//
// [Dial] or [NewConn] make a connection, [Bootstrap] asks for the first capability, and
// everything else follows from calling it; [Serve] is the other side. Connections are
// symmetric: either side may call what the other gave it.
//
// An [Observer] hears what happens on connections, [Conn.Stats] says what one holds, and package
// record keeps what goes over it; docs/observing.md has the whole.
package rpc
