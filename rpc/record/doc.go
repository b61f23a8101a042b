// Package record keeps what goes over connections, message by message, in a file that "lanyard trace"
// prints. It is a transport around a transport; to hear of calls in the running program an
// [lanyard.dev/rpc.Observer] is the better tool.
//
// Without Options.Contents the contents of parameters and results are left out, and so is whatever
// else is opaque to the protocol: what remains is who called what, on which capability, when, how
// large, and with which error. With it the file holds every byte, secrets included.
//
// # Format, version 1
//
// All numbers are little endian. The file starts with 16 bytes: "LANYREC" and the version, 1; the time
// of the start in nanoseconds since 1970. Records follow, each of 24 bytes and its data:
//
//	0   u64  nanoseconds since the start
//	8   u32  connection, from 1
//	12  u8   kind: see Kind
//	13  u8   flags: 1 means that contents were left out
//	14  u16  0
//	16  u32  bytes on the wire
//	20  u32  bytes of data
//
// The data of a message is the message with its segment table, as it was on the wire or with its
// contents left out; of Opened a name, of Closed the error, of Cut nothing. What was not written to
// its end stops anywhere.
package record
