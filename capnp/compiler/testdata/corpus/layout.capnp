@0xf2775d20683a5384;
# Structs whose layout is not obvious: holes, groups, unions, tags, retroactive unions.

struct Holes {
  a @0 :Bool;
  b @1 :UInt32;
  c @2 :UInt8;
  d @3 :UInt16;
  e @4 :UInt64;
  f @5 :Bool;
  g @6 :UInt8;
  h @7 :UInt16;
  i @8 :Bool;
  j @9 :Text;
  k @10 :UInt32;
  l @11 :Int8;
  m @12 :Bool;
}

struct Disorder {
  # The source order is not the ordinals'.
  z @7 :UInt8;
  m @3 :Text;
  a @0 :UInt16;
  inner :group {
    q @8 :Bool;
    b @1 :UInt32;
  }
  x @6 :UInt64;
  y @5 :Bool;
  c @2 :Data;
  w @4 :UInt16;
}

struct Tree {
  # Unions in groups in unions.
  weight @0 :UInt8;
  node :union {
    leaf @1 :UInt32;
    branch :group {
      left @2 :Tree;
      right @3 :Tree;
      colour :union {
        red @4 :Void;
        black :group {
          height @5 :UInt16;
          extra :group {
            bits @6 :UInt64;
            more @7 :Bool;
          }
        }
        mixed @8 :Float64;
      }
    }
    empty @9 :Void;
  }
  after @10 :UInt16;
}

struct Unnamed {
  before @0 :UInt16;
  union {
    number @1 :Int64;
    text @2 :Text;
    pair :group {
      first @3 :UInt8;
      second @4 :UInt8;
      union {
        third @5 :UInt8;
        rest @6 :List(UInt8);
        none @7 :Void;
      }
    }
  }
  after @8 :Bool;
}

struct Interleaved {
  # Two unions and plain fields whose ordinals take turns.
  one :union {
    a @0 :UInt8;
    b @3 :UInt16;
    c @6 :UInt32;
    d @9 :UInt64;
    e @12 :Text;
  }
  two :union {
    a @1 :UInt64;
    b @4 :UInt32;
    c @7 :UInt16;
    d @10 :UInt8;
    e @13 :Data;
  }
  p @2 :Bool;
  q @5 :UInt8;
  r @8 :UInt16;
  s @11 :UInt32;
  t @14 :UInt64;
}

struct Retroactive {
  # What was a field alone became a union later.
  x @0 :UInt32;
  was @1 :Text;
  y @2 :Bool;
  kind @4! :union {
    old @3 :UInt16;
    new @5 :UInt64;
    newer @6 :Text;
  }
  z @7 :UInt8;
}

struct EarlyTag {
  kind @0! :union {
    a @1 :Bool;
    b @2 :UInt64;
  }
  union {
    p @3 :Text;
    q @4 :UInt16;
  }
}

struct LateTag {
  a @0 :UInt8;
  first @2! :union {
    m @1 :UInt8;
    n @3 :UInt8;
    o :group {
      i @4 :UInt8;
      j @6 :UInt32;
    }
  }
  second @8! :union {
    r @7 :Void;
    s @9 :Float32;
  }
  b @5 :UInt8;
}

struct Bits {
  b0 @0 :Bool; b1 @1 :Bool; b2 @2 :Bool; b3 @3 :Bool; b4 @4 :Bool; b5 @5 :Bool; b6 @6 :Bool;
  u @7 :UInt16;
  b7 @8 :Bool; b8 @9 :Bool; b9 @10 :Bool;
  union {
    b10 @11 :Bool;
    b11 @12 :Bool;
    wide @13 :UInt64;
    pair :group { x @14 :Bool; y @15 :Bool; z @16 :Bool; }
  }
  b12 @17 :Bool;
}

struct PointersInUnion {
  union {
    none @0 :Void;
    one @1 :Text;
    two :group { a @2 :Text; b @3 :Data; }
    three :group { a @4 :List(Text); b @6 :AnyPointer; c @7 :Holes; }
  }
  own @5 :Text;
  last @8 :Data;
}

struct Groups {
  outer :group {
    a @0 :UInt8;
    middle :group {
      b @1 :UInt8;
      inner :group {
        c @2 :UInt8;
        innermost :group {
          d @3 :UInt64;
          choice :union {
            e @4 :Void;
            f @5 :Text;
            deep :group { g @6 :Bool; deeper :union { h @7 :UInt8; i @8 :UInt32; } }
          }
        }
      }
    }
  }
  sibling :group { j @9 :Bool; }
}

struct VoidUnion {
  union { a @0 :Void; b @1 :Void; c @2 :Void; }
}

struct GroupsFirst {
  union {
    g1 :group { a @0 :UInt8; b @1 :UInt16; }
    g2 :group { c @2 :UInt32; d @3 :UInt8; e @4 :Bool; }
    g3 :group { f @5 :UInt64; }
    g4 :group { g @6 :Void; }
  }
}

struct Grower {
  # A union member that outgrows the space of the others, again and again.
  u :union {
    a @0 :Bool;
    b @1 :UInt8;
    c @2 :UInt16;
    d @3 :UInt32;
    e @4 :UInt64;
    f :group { x @5 :UInt64; y @6 :UInt64; z @7 :Bool; }
    g :group { x @8 :Bool; y @9 :UInt8; z @10 :UInt16; w @11 :UInt32; v @12 :UInt64; }
  }
  tail @13 :UInt8;
}

struct Nothing @0xfe58d856df8c3caa {}

struct OnlyPointers { a @0 :Text; b @1 :Nothing; }
