@0xc7d0e2f1a3b48596;
# A second file of the same package.

using Shape = import "../shape/shape.capnp";
using All = import "all.capnp";

struct Extra {
  # Uses the other file of the package, which uses this one.

  all @0 :All.Everything;
  colour @1 :Shape.Colour = green;
  size @2 :ExtraSize;
}

struct ExtraSize {
  # Takes the name that the size of `Extra` would have.

  width @0 :UInt16;
}
