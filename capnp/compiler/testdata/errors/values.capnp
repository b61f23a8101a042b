@0xb1a2c3d4e5f60705;

enum Color { red @0; green @1; }
struct Point { x @0 :Int32; y @1 :Int32; }
struct Shape {
  first :group { a @0 :Text; b @1 :Text; }
  point @2 :Point;
  color @3 :Color;
}
interface Service {}
const number :Int32 = 1;

const a :Int8 = 128;  # ERROR `Integer value out of range. \[integer-range\]`
const b :UInt8 = -1;  # ERROR `Integer value out of range`
const c :Int64 = -0x8000000000000001;  # ERROR `Integer is too big to be negative. \[integer-range\]`
const d :Text = 1;  # ERROR `Type mismatch; expected Text. \[type-mismatch\]`
const e :Int32 = "1";  # ERROR `Type mismatch; expected Int32`
const f :List(Int32) = (1, 2);  # ERROR `Type mismatch; expected List\(Int32\)`
const g :Point = [1];  # ERROR `Type mismatch; expected Point`
const h :Point = (z = 1);  # ERROR `Struct has no field named 'z'. \[no-field\]`
const i :Point = (1, y = 2);  # ERROR `Missing field name. \[field-name\]`
const j :Shape = (first = 1);  # ERROR `Type mismatch; expected group`
const k :Color = blue;  # ERROR `Not defined: blue`
const l :Color = 0;  # ERROR `Type mismatch; expected Color`
const m :Int32 = .Point;  # ERROR `'.Point' does not refer to a constant. \[not-a-constant\]`
const n :Int32 = number;  # ERROR `Please replace 'number' with '.number', if that's what you intended. \[qualify-constant\]`
const o :Int32 = .o;  # ERROR `Declaration recursively depends on itself. \[depends-on-itself\]`
const p :Data = embed "missing.bin";  # ERROR `Couldn't read file for embed: missing.bin \[embed-failed\]`
const q :Int32 = embed "values.capnp";  # ERROR `Embeds can only be used when Text, Data, or a struct is expected. \[embed-type\]`
const r :List(Int8) = [1, 300, "x"];  # ERROR `Integer value out of range` `Type mismatch; expected Int8`
const s :Service = 1;  # ERROR `Type mismatch; expected Service`
const t :AnyPointer = "text";  # ERROR `Type mismatch; expected AnyPointer`
const u :Text = 0x"61";  # ERROR `Type mismatch; expected Text`
const v :Void = 0;  # ERROR `Type mismatch; expected Void`
const w :Bool = 1;  # ERROR `Type mismatch; expected Bool`
const x :Float32 = "1";  # ERROR `Type mismatch; expected Float32`
