@0xd7b2a1c64e5f9038;
# Three kinds of data, after the benchmarks that come with Cap'n Proto C++: many
# small fields, many strings, and a deep tree.

struct Lot {
  # Cars for sale.

  cars @0 :List(Car);
}

struct Car {
  make @0 :Text;
  model @1 :Text;
  color @2 :Color;
  seats @3 :UInt8;
  doors @4 :UInt8;
  wheels @5 :List(Wheel);
  length @6 :UInt16;
  width @7 :UInt16;
  height @8 :UInt16;
  weight @9 :UInt32;
  engine @10 :Engine;
  fuelCapacity @11 :Float32;
  fuelLevel @12 :Float32;
  powerWindows @13 :Bool;
  powerSteering @14 :Bool;
  cruiseControl @15 :Bool;
  cupHolders @16 :UInt8;
  navigation @17 :Bool;

  enum Color {
    black @0;
    white @1;
    red @2;
    green @3;
    blue @4;
    cyan @5;
    magenta @6;
    yellow @7;
    silver @8;
  }

  struct Wheel {
    diameter @0 :UInt16;
    airPressure @1 :Float32;
    snowTires @2 :Bool;
  }

  struct Engine {
    horsepower @0 :UInt16;
    cylinders @1 :UInt8;
    displacement @2 :UInt32;
    usesGas @3 :Bool;
    usesElectric @4 :Bool;
  }
}

struct Worth {
  # What the cars of a lot are worth together.

  amount @0 :UInt64;
}

struct Pages {
  # What a search found.

  list @0 :List(Page);

  struct Page {
    url @0 :Text;
    score @1 :Float64;
    snippet @2 :Text;
  }
}

struct Term {
  # A tree of operations on integers.

  op @0 :Operation;

  left :union {
    value @1 :Int32;
    term @2 :Term;
  }

  right :union {
    value @3 :Int32;
    term @4 :Term;
  }

  enum Operation {
    add @0;
    subtract @1;
    multiply @2;
    divide @3;
    modulus @4;
  }
}

struct Number {
  # The value of a term.

  value @0 :Int32;
}
