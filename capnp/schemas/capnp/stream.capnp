@0x86c366a91393f3f8;
# What a method declared with `-> stream` returns. A compiler imports this file by itself.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp");

struct StreamResult @0x995f9a3377c0b16e {
  # The empty result of a streaming call. A caller may send the next streaming call before this one
  # arrives, as far as flow control lets it; an error surfaces at a later call.
}
