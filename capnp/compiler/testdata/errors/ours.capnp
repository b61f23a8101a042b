@0xb1a2c3d4e5f6070c;
# Errors that upstream places elsewhere, or that make it crash.

using Escaped = import "../../../../../../../../../../etc/passwd";  # ERROR `Import failed`
const secret :Text = embed "/../etc/passwd";  # ERROR `Couldn't read file for embed`
using Null = import "a\x00b.capnp";  # ERROR `Import failed`
using Folder = import ".";  # ERROR `Import failed`

interface Whole {
  m @0 [T] T -> ();  # ERROR `Cannot use generic parameter as whole input or output of a method`
}

struct Wide {
  union {
    a @0 :UInt8;
    g :group {
      union {
        b @1 :UInt8;
        c @2 :UInt16;  # ERROR `Cap'n Proto 0.5.x and previous contained a bug .* at 'c'.* \[issue-344\]`
      }
    }
  }
}

interface Params {
  m @0 (x :Text, x :Text);  # ERROR `'x' is already defined in this scope`
}

const any :AnyPointer = .list;
const list :List(Int32) = [1];
const anyAgain :AnyPointer = .any;
const anyStruct :AnyStruct = .list;  # ERROR `Type mismatch; expected AnyPointer`
