// Package capnp reads and writes Cap'n Proto messages and calls the capabilities in them. It is what generated code
// stands on; to talk to another process add package rpc, to convert text or JSON the packages below this one.
//
// A message under construction is a [MessageBuilder] and its views [StructBuilder], [PtrBuilder] and [ListBuilder];
// they have one owner. A finished [Message] and its views [Struct], [Ptr] and [List] are immutable and safe for many
// goroutines; a view stays valid as long as it is held. Generated types are views with names:
// type Expression capnp.Struct, type ExpressionBuilder capnp.StructBuilder.
//
// Accessors return values, never errors. A pointer that is null, malformed or of another type than the schema says
// reads as null, whose fields all have their defaults. The first defect any reader met is kept in the message: see
// [Err]. [Verify] finds all structural defects beforehand.
package capnp

// API1 is the version of the interface between this package and generated code, which refers to it, so that the two
// cannot be combined when they do not fit.
const API1 = 1
