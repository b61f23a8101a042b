@0xb6cfd1e0f2a37485;
# Every type and every place a type can stand in. Tests in package gogen read and write it.

using Shape = import "../shape/shape.capnp";
using More = import "more.capnp";
using Go = import "/go.capnp";

struct Scalars {
  # One field of each type in the data section.

  nothing @0 :Void;
  # Says nothing.

  flag @1 :Bool;
  i8 @2 :Int8;
  i16 @3 :Int16;
  i32 @4 :Int32;
  i64 @5 :Int64;
  u8 @6 :UInt8;
  u16 @7 :UInt16;
  u32 @8 :UInt32;
  u64 @9 :UInt64;
  f32 @10 :Float32;
  f64 @11 :Float64;
  suit @12 :Suit;
  colour @13 :Shape.Colour;
}

struct Defaults {
  # The same with defaults.

  flag @0 :Bool = true;
  i8 @1 :Int8 = -128;
  i16 @2 :Int16 = -2;
  i32 @3 :Int32 = -3;
  i64 @4 :Int64 = -9223372036854775808;
  u8 @5 :UInt8 = 255;
  u16 @6 :UInt16 = 65535;
  u32 @7 :UInt32 = 4294967295;
  u64 @8 :UInt64 = 18446744073709551615;
  f32 @9 :Float32 = -1.5;
  f64 @10 :Float64 = inf;
  suit @11 :Suit = hearts;
  text @12 :Text = "say \"hi\"\n";
  data @13 :Data = 0x"00 ff 10";
  point @14 :Shape.Point = (x = 3, y = -4);
  scalars @15 :Scalars = (i16 = 7, suit = spades);
  numbers @16 :List(Int16) = [1, -2, 3];
  bits @17 :List(Bool) = [true, false, true];
  texts @18 :List(Text) = ["a", "", "c"];
  points @19 :List(Shape.Point) = [(x = 1), (y = 2)];
  grid @20 :List(List(UInt8)) = [[1, 2], [], [3]];
  suits @21 :List(Suit) = [clubs, spades];
}

enum Suit {
  # Of playing cards.

  clubs @0;
  diamonds @1;
  hearts @2 $Go.tag("HEARTS");
  # The red one.
  spades @3;
  joker @4 $Go.notag;
  trump @5 $Go.name("highest");
}

struct Pointers {
  # One field of each pointer type.

  text @0 :Text;
  data @1 :Data;
  point @2 :Shape.Point;
  self @3 :Pointers;
  named @4 :Shape.Named;
  any @5 :AnyPointer;
  anyStruct @6 :AnyStruct;
  anyList @7 :AnyList;
  capability @8 :Capability;
  box @9 :Box(Text);
  boxes @10 :List(Box(Shape.Point));
}

struct Lists {
  # Lists of everything.

  voids @0 :List(Void);
  flags @1 :List(Bool);
  i8s @2 :List(Int8);
  i16s @3 :List(Int16);
  i32s @4 :List(Int32);
  i64s @5 :List(Int64);
  u8s @6 :List(UInt8);
  u16s @7 :List(UInt16);
  u32s @8 :List(UInt32);
  u64s @9 :List(UInt64);
  f32s @10 :List(Float32);
  f64s @11 :List(Float64);
  suits @12 :List(Suit);
  texts @13 :List(Text);
  datas @14 :List(Data);
  points @15 :List(Shape.Point);
  nameds @16 :List(Shape.Named);
  grid @17 :List(List(Int32));
  deep @18 :List(List(List(Text)));
  pointGrid @19 :List(List(Shape.Point));
  flagGrid @20 :List(List(Bool));
  namedGrid @21 :List(List(Shape.Named));
  capabilities @22 :List(Capability);
  suitGrid @23 :List(List(Suit));
}

struct Choice {
  # A union with a member of each kind.

  before @0 :UInt32;

  union {
    nothing @1 :Void;
    flag @2 :Bool = true;
    number @3 :Int64 = -7;
    ratio @4 :Float32;
    suit @5 :Suit;
    text @6 :Text = "none";
    data @7 :Data;
    point @8 :Shape.Point;
    points @9 :List(Shape.Point);
    numbers @10 :List(UInt16);
    named @11 :Shape.Named;
    any @12 :AnyPointer;

    pair :group {
      # Two numbers and a text.

      left @13 :UInt8;
      right @14 :UInt64;
      name @15 :Text;
    }

    kind :union {
      # A union in a union.

      small @16 :UInt8;
      large @17 :Text;
    }

    holder @18 :Shape.Holder;
    anyStruct @19 :AnyStruct;
    anyList @20 :AnyList;
    capability @21 :Capability;
  }

  after @22 :Bool;
}

struct Grouped {
  # Groups outside unions.

  a :group {
    x @0 :Int32 = 5;
    flag @1 :Bool = true;
    b :group {
      # Two deep.

      y @2 :Text;
      named @3 :Shape.Named;
    }
  }

  shape :union {
    circle @4 :Float64;
    square :group {
      side @5 :Float64;
      holder @6 :Shape.Holder;
    }
  }
}

struct Box(T) {
  # A generic struct. Its parameter is erased in Go.

  value @0 :T;

  struct Pair(U) {
    first @0 :T;
    second @1 :U;
    rest @2 :Pair(U);
  }
}

struct Everything {
  # Uses what is above, and the other file.

  scalars @0 :Scalars;
  defaults @1 :Defaults;
  pointers @2 :Pointers;
  lists @3 :Lists;
  choice @4 :Choice;
  grouped @5 :Grouped;
  pair @6 :Box(Text).Pair(Data);
  extra @7 :More.Extra;
  snake @8 :Text $Go.name("renamed");
}

struct Old $Go.name("Newer") {
  # Renamed in Go.

  struct Inner {}
  inner @0 :Inner;
  place :group $Go.name("spot") {
    x @1 :Int32;
  }
}

interface Service extends(Shape.Counted, Shape.Sized) {
  # Inherits from one interface in two ways.

  struct Nested {
    a @0 :Int32;
  }

  plain @0 (a :Int32, b :Text = "b") -> (sum :Int64, names :List(Text));
  # A method with a line of its own.

  typed @1 Scalars -> Pointers;
  data @2 Scalars -> Scalars;
  write @3 (chunk :Data) -> stream;
  # Streams.

  open @4 (box :Box(Text), self :Service) -> (writer :Writer, holder :Shape.Holder, box :Box(Shape.Named));
  generic @5 [T] (value :T) -> (value :T);
  nothing @6 ();
  reserved @7 () -> (promise :Shape.Holder, wait :Shape.Named, done :Bool, release :Shape.Named);
  release @8 ();
  string @9 () -> ();
  foreign @10 Shape.Point -> Shape.Holder;

  interface Writer extends(Generic(Text)) {
    end @0 () -> (length :UInt64);
  }
}

interface Generic(T) {
  put @0 (value :T);
  get @1 () -> (value :T, next :Generic(T));
}

interface Empty extends(Service) {
}

const nothing :Void = void;
const flag :Bool = true;
const low :Int8 = -128;
const number :Int64 = -9223372036854775808;
const large :UInt64 = 0xffffffffffffffff;
const half :Float32 = 0.5;
const huge :Float64 = 1e300;
const infinite :Float64 = -inf;
const noNumber :Float32 = nan;
const text :Text = "a \"text\" with\nlines and \xe2\x82\xac";
const data :Data = 0x"00 01 fe ff";
const suit :Suit = spades;
const colour :Shape.Colour = blue;
const point :Shape.Point = (x = 1, y = 2);
const points :List(Shape.Point) = [(x = 1), (y = 2), .point];
const texts :List(Text) = ["one", "two"];
const grid :List(List(Int32)) = [[1], [2, 3]];
const suits :List(Suit) = [clubs, hearts];
const defaults :Defaults = (flag = false, point = (x = 9));

annotation note(*) :Text;
# Can be put on anything.

annotation weight @0xf0e1d2c3b4a59687 (struct) :Float64;
