@0xb1a2c3d4e5f60701;

struct Twice {
  same @0 :Text;
  same @1 :Text;  # ERROR `'same' is already defined in this scope. \[redefined\]`

  union {
    same @2 :Text;  # ERROR `'same' is already defined in this scope`
    a @3 :Text;
  }
  union {  # ERROR `An unnamed union is already defined in this scope. \[union-twice\]`
    b @4 :Text;
    c @5 :Text;
  }
  group :group {
    same @6 :Text;  # another scope: fine
    deep :union {
      x @7 :Text;
      x @8 :Text;  # ERROR `'x' is already defined in this scope`
    }
  }
}

enum twice { one @0; Two @1; }  # ERROR `Type names must begin with a capital letter. \[name-style\]` `Non-type names must begin with a lower-case letter`
const Limit :Int32 = 1;  # ERROR `Non-type names must begin with a lower-case letter`
annotation Mark(*) :Void;  # ERROR `Non-type names must begin with a lower-case letter`
interface service {  # ERROR `Type names must begin with a capital letter`
  Call @0 ();  # ERROR `Non-type names must begin with a lower-case letter`
  under_score @1 ();  # ERROR `should use camelCase and must not contain underscores`
}
using text = Text;  # ERROR `Type names must begin with a capital letter`
using Top = .top;  # ERROR `Non-type names must begin with a lower-case letter`
const top :Int32 = 2;

struct Places {
  x @0 :Text;
  enum Inner { a @0; }  # fine
  g :group {
    y @1 :Text;
    struct Nested {}  # ERROR `This kind of declaration doesn't belong here. \[misplaced\]`
    const z :Int32 = 1;  # ERROR `This kind of declaration doesn't belong here`
  }
}
