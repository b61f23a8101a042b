# Every type of the language, for the tests that exchange messages with the capnp tool.

@0xb6b2c2a5a5b3e6d1;

enum Color {
  red @0;
  green @1;
  blue @2;
}

interface Door {
  open @0 (key :Text) -> (opened :Bool);
}

struct Leaf {
  number @0 :Int32;
  name @1 :Text;
}

struct Box(T) {
  content @0 :T;
  spare @1 :T;
}

struct Every {
  # The scalars.
  nothing @0 :Void;
  truth @1 :Bool;
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
  color @12 :Color;

  # Pointers.
  text @13 :Text;
  data @14 :Data;
  leaf @15 :Leaf;
  next @16 :Every;
  door @17 :Door;
  any @18 :AnyPointer;
  anyStruct @19 :AnyStruct;
  anyList @20 :AnyList;
  cap @21 :Capability;
  box @22 :Box(Text);

  # Lists of all elements.
  nothings @23 :List(Void);
  truths @24 :List(Bool);
  i8s @25 :List(Int8);
  i16s @26 :List(Int16);
  i32s @27 :List(Int32);
  i64s @28 :List(Int64);
  u8s @29 :List(UInt8);
  u16s @30 :List(UInt16);
  u32s @31 :List(UInt32);
  u64s @32 :List(UInt64);
  f32s @33 :List(Float32);
  f64s @34 :List(Float64);
  colors @35 :List(Color);
  texts @36 :List(Text);
  datas @37 :List(Data);
  leaves @38 :List(Leaf);
  doors @39 :List(Door);
  boxes @40 :List(Box(Leaf));

  # Lists of lists.
  truthLists @41 :List(List(Bool));
  i32Lists @42 :List(List(Int32));
  textLists @43 :List(List(Text));
  leafLists @44 :List(List(Leaf));
  deep @45 :List(List(List(List(List(List(UInt16))))));

  # Groups and unions.
  place :group {
    x @46 :Int16;
    y @47 :Int16;
    note @48 :Text;
  }
  shape :union {
    circle @49 :Float64;
    square @50 :UInt8;
    polygon @51 :List(Leaf);
    rest :group {
      what @52 :Text;
      how @53 :Bool;
    }
  }
  union {
    none @54 :Void;
    number @55 :Int64;
    words @56 :Text;
    inner @57 :Every;
  }

  # Defaults.
  dTruth @58 :Bool = true;
  dI8 @59 :Int8 = -8;
  dI16 @60 :Int16 = -16;
  dI32 @61 :Int32 = -32;
  dI64 @62 :Int64 = -64;
  dU8 @63 :UInt8 = 8;
  dU16 @64 :UInt16 = 16;
  dU32 @65 :UInt32 = 32;
  dU64 @66 :UInt64 = 64;
  dF32 @67 :Float32 = 1.5;
  dF64 @68 :Float64 = -2.5e10;
  dColor @69 :Color = blue;
  dText @70 :Text = "default";
  dData @71 :Data = 0x"00 ff 10";
  dLeaf @72 :Leaf = (number = 7, name = "leaf");
  dI16s @73 :List(Int16) = [1, -2, 3];
  dTruths @74 :List(Bool) = [true, false, true];
  dTexts @75 :List(Text) = ["a", "b"];
  dLeaves @76 :List(Leaf) = [(number = 1), (name = "two")];
}

# Two ages of one struct.

struct Old {
  number @0 :UInt16;
  name @1 :Text;
  numbers @2 :List(UInt16);
  names @3 :List(Text);
  olds @4 :List(Old);
}

struct New {
  number @0 :UInt16;
  name @1 :Text;
  numbers @2 :List(Numbered);
  names @3 :List(Named);
  olds @4 :List(New);
  more @5 :UInt64 = 5;
  extra @6 :Text = "extra";

  struct Numbered {
    number @0 :UInt16;
    more @1 :UInt64;
    name @2 :Text;
  }
  struct Named {
    name @0 :Text;
    number @1 :UInt32;
  }
}
