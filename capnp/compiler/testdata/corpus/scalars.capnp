@0xfabaa2bca58d91bc;
# Every built-in type as a field, without and with a default.

struct Plain {
  # No defaults: the zero values.
  nothing @0 :Void;
  flag @1 :Bool;
  tiny @2 :Int8;
  small @3 :Int16;
  middling @4 :Int32;
  large @5 :Int64;
  utiny @6 :UInt8;
  usmall @7 :UInt16;
  umiddling @8 :UInt32;
  ularge @9 :UInt64;
  single @10 :Float32;
  double @11 :Float64;
  words @12 :Text;
  bytes @13 :Data;
  colour @14 :Colour;
  other @15 :Plain;
  anything @16 :AnyPointer;
  anyStruct @17 :AnyStruct;
  anyList @18 :AnyList;
  power @19 :Capability;
  door @20 :Door;
}

enum Colour { red @0; green @1; blue @2; }

interface Door {}

struct Extremes {
  # Defaults at the ends of each range.
  nothing @0 :Void = void;
  yes @1 :Bool = true;
  no @2 :Bool = false;
  i8low @3 :Int8 = -128;
  i8high @4 :Int8 = 127;
  i16low @5 :Int16 = -32768;
  i16high @6 :Int16 = 32767;
  i32low @7 :Int32 = -2147483648;
  i32high @8 :Int32 = 2147483647;
  i64low @9 :Int64 = -9223372036854775808;
  i64high @10 :Int64 = 9223372036854775807;
  u8high @11 :UInt8 = 255;
  u16high @12 :UInt16 = 0xffff;
  u32high @13 :UInt32 = 0xFFFFFFFF;
  u64high @14 :UInt64 = 0xffffffffffffffff;
  mode @15 :UInt16 = 0755;
  zeroes @16 :UInt8 = 000;
  half @17 :Float32 = 0.5;
  minusHalf @18 :Float32 = -0.5;
  endless @19 :Float32 = inf;
  endlessDown @20 :Float64 = -inf;
  undefined @21 :Float64 = nan;
  avogadro @22 :Float64 = 6.02214076e23;
  planck @23 :Float64 = 6.62607015E-34;
  hugeExponent @24 :Float64 = 1e+308;
  wholeFloat @25 :Float64 = 42;
  negativeWholeFloat @26 :Float32 = -7;
  trailingDot @27 :Float64 = 3.;
  colour @28 :Colour = blue;
  minusZero @29 :Float64 = -0.0;
}

struct Pointers {
  # Defaults that live in the pointer section.
  greeting @0 :Text = "good morning";
  empty @1 :Text = "";
  bytes @2 :Data = 0x"00 ff 10 EF";
  bytesFromText @3 :Data = "as text";
  primes @4 :List(UInt16) = [2, 3, 5, 7, 11];
  none @5 :List(Float64) = [];
  flags @6 :List(Bool) = [true, false, true, true, false, false, true, false, true];
  nothings @7 :List(Void) = [void, void, void];
  names @8 :List(Text) = ["ada", "grace", "", "barbara"];
  blobs @9 :List(Data) = [0x"01", "two", 0x"0303 03"];
  colours @10 :List(Colour) = [blue, red];
  point @11 :Point = (x = 3, y = -4);
  origin @12 :Point = ();
  points @13 :List(Point) = [(x = 1), (y = 2), (x = 1, y = 2,),];
  grid @14 :List(List(Int8)) = [[1, 2, 3], [], [4]];
  shape @15 :Shape = (circle = (radius = 2.5, centre = (x = 9)));
  numbered @16 :Shape = (label = "none", square = 10);

  struct Point { x @0 :Int32; y @1 :Int32; }

  struct Shape {
    label @0 :Text = "unnamed";
    union {
      nothing @1 :Void;
      square @2 :UInt32;
      circle :group {
        radius @3 :Float64 = 1.0;
        centre @4 :Point = (x = -1, y = -1);
      }
    }
  }
}

struct FloatsFromIntegers {
  a @0 :Float32 = 16777217;
  b @1 :Float64 = 9007199254740993;
  c @2 :Float32 = 3.4028235e38;
  d @3 :Float32 = 1e-46;
  e @4 :Float64 = 4.9e-324;
  f @5 :Float64 = 18446744073709551615;
  g @6 :Float64 = -9223372036854775808;
  h @7 :Float32 = 0x10;
}
