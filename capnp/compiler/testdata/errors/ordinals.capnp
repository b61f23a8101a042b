@0xb1a2c3d4e5f60702;

struct Fields {
  a @0 :Text;
  b @1 :Text;
  c @1 :Text;  # ERROR `Duplicate ordinal number. \[ordinal-twice\]`
  d @3 :Text;  # ERROR `Skipped ordinal @2.  Ordinals must be sequential with no holes. \[ordinal-skipped\]`
  u :union {
    e @4 :Text;
    f @4 :Text;  # ERROR `Duplicate ordinal number`
  }
}

enum Colors {
  red @0;
  green @0;  # ERROR `Duplicate ordinal number`
  blue @5;  # ERROR `Skipped ordinal @1`
}

interface Methods {
  one @1 ();  # ERROR `Skipped ordinal @0`
  two @2 ();
  alsoTwo @2 ();  # ERROR `Duplicate ordinal number`
}

struct Late {
  u @2! :union {  # ERROR `Union ordinal, if specified, must be greater than no more than one of its member ordinals .* \[ordinal-late\]`
    x @0 :Int32;
    y @1 :Int32;
  }
}

struct Alone {
  u :union {  # ERROR `Union must have at least two members. \[union-size\]`
    x @0 :Int32;
  }
  none :union {}  # ERROR `Union must have at least two members`
  g :group {}  # ERROR `Group must have at least one member. \[group-size\]`
  v :union {
    y @1 :Int32;
    z @2 :Int32;
    union {  # ERROR `Unions cannot contain unnamed unions. \[union-in-union\]`
      p @3 :Int32;
      q @4 :Int32;
    }
  }
}
