@0xa9f94314e3ce5142;
# Constants of every type, and references between them.

using Units = import "lib/units.capnp";

const nothing :Void = void;
const flag @0xa1e8bd2a5c1fcb61 :Bool = true;
const i8 :Int8 = -8;
const i16 :Int16 = -1600;
const i32 :Int32 = -320000;
const i64 :Int64 = -64000000000;
const u8 :UInt8 = 8;
const u16 :UInt16 = 1600;
const u32 :UInt32 = 320000;
const u64 @0xd4b1a1cfc3b61d0b :UInt64 = 64000000000;
const f32 :Float32 = 0.25;
const f64 :Float64 = 3.141592653589793;
const text :Text = "a constant";
const data :Data = 0x"c0 57";
const direction :Direction = west;

enum Direction { north @0; east @1; south @2; west @3; }

struct Route {
  name @0 :Text;
  legs @1 :List(Leg);
  next @2 :Route;

  struct Leg {
    direction @0 :Direction;
    length @1 :Float64;
    union {
      walk @2 :Void;
      drive @3 :Text;
    }
    stops @4 :List(Text);
  }

  const shortest :Route = (name = "none", legs = []);
}

struct Defaults {
  const favourite :Direction = east;
  route @0 :Route = .home;
  text @1 :Text = .text;
  number @2 :UInt16 = .u16;
  far @3 :Float64 = Units.metresPerMile;
  list @4 :List(Direction) = .circle;
  nested @5 :Route = (name = .text, next = .home, legs = [.firstLeg, (length = .f64)]);
}

const firstLeg :Route.Leg = (direction = north, length = 1.5, drive = "car", stops = ["a", "b"]);

const home :Route = (
  name = "the way home",
  legs = [
    (direction = south, length = 10, walk = void),
    .firstLeg,
  ],
  next = Route.shortest,
);

const circle :List(Direction) = [north, east, south, west];
const circles :List(List(Direction)) = [.circle, [south], .circle];
const routes :List(Route) = [.home, (name = "other"), Route.shortest];
const numbers :List(Int64) = [.i64, -1, 0, 1];
const texts :List(Text) = [.text, "second", Units.Symbols.metre];
const bools :List(Bool) = [true, false, .flag];
const voids :List(Void) = [void, void];
const floats :List(Float32) = [1, -1.5, inf, -inf, nan, .f32];
const datas :List(Data) = [.data, "x", 0x"01 02"];

const fromText :Text = embed "lib/note.txt";
const fromBinary :Data = embed "lib/blob.bin";
const fromBinaryAbsolute :Data = embed "/lib/blob.bin";
const fromTextAbsolute :Text = embed "/lib/note.txt";
const fromEmpty :Data = embed "lib/empty.txt";
const fromMessage :Route = embed "lib/route.bin";
const fromMessageAbsolute :Route = embed "/lib/route.bin";
const embedded :List(Data) = [embed "lib/blob.bin", embed "/lib/empty.txt"];

const generic :Box(Text) = (value = "boxed");
const genericStruct :Box(Route.Leg) = (value = (length = 2));
const imported :Units.Quantity = (amount = 5, unit = (name = "metre", symbol = "m"));
const importedValue :Units.Quantity = Units.oneMile;

struct Box(T) { value @0 :T; }

