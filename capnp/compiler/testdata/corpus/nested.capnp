@0x88c668d5cf0e9e78;
# Declarations inside of declarations, and names that look like keywords.

struct Outer {
  using Here = Middle;
  using Text2 = Text;
  using import "lib/units.capnp".Unit;

  const structConst :Int32 = 1;
  const structConst2 @0xb7af57b7b9399bc0 :Text = "two";
  const structConst3 :Middle = (value = 3);

  enum StructEnum { a @0; b @1; }
  enum StructEnum2 @0xfb8edb190ee9e562 { x @0; }
  enum StructEnum3 { }

  annotation structAnnotation(field) :Void;
  annotation structAnnotation2 @0xacdd08b5af77aa79 (struct) :Middle;
  annotation structAnnotation3(*) :StructEnum;

  struct Middle {
    value @0 :UInt8;
    inner @1 :Inner $structAnnotation;

    struct Inner {
      struct Innermost {
        up @0 :Outer;
        across @1 :Middle;
        down @2 :StructEnum = b;
        here @3 :Here;
        const deepest :UInt64 = 0xffffffffffffffff;
      }
      innermost @0 :Innermost;
      const deep :StructEnum = b;
    }
  }

  interface StructInterface {
    m @0 (a :Middle) -> (b :Inner);
    using Inner = Middle.Inner;
  }
  interface StructInterface2 extends(StructInterface) {}
  interface StructInterface3 {}

  fields @0 :StructInterface;
  more @1 :Middle.Inner.Innermost;
}

interface Around {
  using Struct = InInterface;
  using InInterface.Deep;
  using Other = Around2.Third;

  const a :Int32 = 1;
  const b :Text = "b";
  const c :List(Around2.Kind) = [p, q];

  enum First { x @0; }
  enum Second { y @0; z @1; }
  enum Third { }

  struct InInterface {
    around @0 :Around;
    struct Deep { first @0 :First; second @1 :Second = z; }
  }
  struct InInterface2 {}
  struct InInterface3 { deep @0 :Deep; }

  interface Sub1 {}
  interface Sub2 extends(Sub1, Around) { m @0 (x :Struct) -> (y :Other); }
  interface Sub3 extends(Around) { m @0 Deep -> InInterface2; }

  annotation one(method) :Void;
  annotation two(param) :First;
  annotation three(interface, struct) :List(Int32);

  use @0 (a :Deep $two(x)) -> (b :InInterface3) $one;
}

interface Around2 {
  enum Kind { p @0; q @1; }
  struct Third {}
}

struct Words {
  # Keywords are names where a name is expected.
  struct @0 :Text;
  enum @1 :Int32 = 1;
  interface @2 :Data;
  union @3 :Bool;
  group @4 :UInt8;
  using @5 :Float32;
  const @6 :Void;
  annotation @7 :Text;
  import @8 :List(Text);
  embed @9 :Text;
  extends @10 :Text;
  stream @11 :Text;
  true @12 :Bool;
  false @13 :Bool;
  void @14 :Void;
  inf @15 :Float64;
  nan @16 :Float32;
  file @17 :Text;
  field :group { method @18 :Text; param @19 :Text; }
  null :union { a @20 :Void; b @21 :Void; }
  const2 :group { struct @22 :Void; }
}

enum WordEnum { struct @0; enum @1; union @2; true @3; void @4; import @5; }

struct UsesWords {
  e @0 :WordEnum = true;
  f @1 :WordEnum = void;
  g @2 :WordEnum = import;
  w @3 :Words = (struct = "s", union = true, field = (method = "m"), null = (a = void));
}

struct Loop1 { next @0 :Loop2; list @1 :List(Loop1); }
struct Loop2 { back @0 :Loop1; self @1 :Loop2; by @2 :LoopMaker; }
interface LoopMaker extends(LoopBase) { make @0 (loop :Loop1) -> (maker :LoopMaker); }
interface LoopBase { maker @0 () -> (maker :LoopMaker); }
