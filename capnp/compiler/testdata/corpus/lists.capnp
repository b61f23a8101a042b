@0x9838294c2ae57019;
# Lists of everything, lists of lists, and their defaults.

struct Lists {
  voids @0 :List(Void);
  bools @1 :List(Bool);
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
  texts @12 :List(Text);
  datas @13 :List(Data);
  enums @14 :List(Suit);
  structs @15 :List(Card);
  caps @16 :List(Capability);
  interfaces @17 :List(Dealer);
  lists @18 :List(List(Int32));
  deep @19 :List(List(List(List(List(List(Text))))));
  listOfAnyList @20 :List(AnyList);
  self @21 :List(Lists);
}

enum Suit @0xb10bfe1b584b4b12 { clubs @0; diamonds @1; hearts @2; spades @3; }
struct Card @0x90971c4547cfddb2 { suit @0 :Suit; rank @1 :UInt8; marks @2 :List(Text); }
interface Dealer @0x9f7e70cca35557dc { deal @0 (cards :List(Card)) -> (rest :List(List(Card))); }

struct Defaults {
  bools @0 :List(Bool) = [true];
  i8s @1 :List(Int8) = [-128, 0, 127];
  i16s @2 :List(Int16) = [-1];
  i64s @3 :List(Int64) = [0x7fffffffffffffff, -0x8000000000000000];
  u64s @4 :List(UInt64) = [0, 18446744073709551615];
  f32s @5 :List(Float32) = [1.5, -inf, nan];
  texts @6 :List(Text) = ["", "a", "ab" "cd"];
  datas @7 :List(Data) = ["", 0x"ff", "text"];
  enums @8 :List(Suit) = [spades, clubs];
  cards @9 :List(Card) = [(suit = hearts, rank = 12), (), (marks = ["bent", "stained"])];
  hands @10 :List(List(Card)) = [[], [(rank = 1)], [(rank = 2), (rank = 3)]];
  cube @11 :List(List(List(Bool))) = [[[true, false], [false]], [], [[]]];
  words @12 :List(List(Text)) = [["a"], ["b", "c"]];
  emptyHands @13 :List(List(Card)) = [];
  suits @14 :List(List(Suit)) = [[clubs, hearts], []];
}

const table :List(List(Int16)) = [[1, 2], [3, 4], [], [-5]];
const hands :List(List(Card)) = [[(suit = diamonds)], .hand];
const hand :List(Card) = [(rank = 9, marks = ["x"]), ()];
const blobs :List(List(Data)) = [[0x"00 01"], ["two", "three"], []];
const flags :List(List(Bool)) = [[true, true, true, true, true, true, true, true, true], [false]];
