@0xa4488a5a564cad9e;
# Schemas over a capability: how a program that was not built with them can name methods and fields.

using Schema = import "/capnp/schema.capnp";
using Lanyard = import "/lanyard.capnp";

interface Reflection @0xe7bb21d136a5912b $Lanyard.readOnly {
  # The schemas of a host's objects, for those who do not have them.

  interfaces @0 () -> (ids :List(UInt64));
  # The interfaces that the host offers to describe.

  nodes @1 (ids :List(UInt64)) -> (nodes :List(Schema.Node));
  # The nodes with these ids, as far as the host has them, and after them nodes that they refer to. A node comes after
  # one that refers to it, unless it was asked for, and none comes twice. The host stops when the answer is large
  # enough: who needs more of what is referred to asks for that.
}
