@0xb1a2c3d4e5f60703;

const notType :Int32 = 1;
struct Plain { x @0 :Int32; }
struct Pair(A, B) { a @0 :A; b @1 :B; }
enum Color { red @0; }
using Missing = import "missing.capnp";  # ERROR `Import failed: missing.capnp \[import-failed\]`

struct Types {
  a @0 :Nothing;  # ERROR `Not defined: Nothing \[not-defined\]`
  b @1 : .Nothing;  # ERROR `Not defined: Nothing`
  c @2 :Plain.Inner;  # ERROR `'Plain' has no member named 'Inner' \[no-member\]`
  d @3 :notType;  # ERROR `'notType' is not a type. \[not-a-type\]`
  e @4 :List;  # ERROR `'List' requires exactly one parameter. \[parameter-count\]`
  f @5 :List(AnyPointer);  # ERROR `'List\(AnyPointer\)' is not supported. \[list-element\]`
  g @6 :List(AnyStruct);  # ERROR `'List\(AnyStruct\)' is not supported`
  h @7 :Plain(Text);  # ERROR `Declaration does not accept generic parameters. \[not-generic\]`
  i @8 :Pair(Text);  # ERROR `Not enough generic parameters. \[parameter-count\]`
  j @9 :Pair(Text, Data, Text);  # ERROR `Too many generic parameters`
  k @10 :Pair(Text, Data)(Text, Data);  # ERROR `Double-application of generic parameters. \[applied-twice\]`
  l @11 :Pair(Int32, Color);  # ERROR `Sorry, only pointer types can be used as generic parameters. \[primitive-parameter\]` `Sorry, only pointer types`
  m @12 :Object;  # ERROR `'Object' has been renamed to 'AnyPointer'.* \[renamed-type\]`
  n @13 :123;  # ERROR `Expected name. \[expected-name\]`
  o @14 :Pair(A = Text, B = Data);  # ERROR `Named parameter not allowed here. \[named-parameter\]` `Named parameter not allowed here`
  p @15 :import "missing.capnp".Foo;  # ERROR `Import failed: missing.capnp`
  q @16 :List(List(AnyPointer));  # ERROR `'List\(AnyPointer\)' is not supported`
  r @17 :Text.Inner;  # ERROR `'Text' has no member named 'Inner'`
}
